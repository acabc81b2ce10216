internal import API
internal import Core
internal import Patterns
internal import Storage

/// A message on its way to the subscribers of a topic.
struct Notification: Sendable {
    let identifier: String
    let message: TopicMessage
    let topicARN: String
    let time: Timestamp
    /// Of FIFO topics.
    var sequence: String?

    init(identifier: String, message: TopicMessage, topicARN: String, time: Timestamp) {
        self.identifier = identifier
        self.message = message
        self.topicARN = topicARN
        self.time = time
    }

    /// The service's envelope.
    func json(text: String) -> JSON {
        var json: JSON = [
            "Type": "Notification", "MessageId": .string(identifier), "TopicArn": .string(topicARN),
            "Message": .string(text), "Timestamp": .string(time.millisecondDescription),
        ]
        json["SequenceNumber"] = sequence.map { .string($0) }
        json["Subject"] = message.subject.map { .string($0) }
        if !message.attributes.isEmpty {
            json["MessageAttributes"] = .object(
                JSONObject(
                    message.attributes.values.map { name, value in
                        .init(key: name, value: ["Type": .string(value.type), "Value": .string(value.text)])
                    }))
        }
        return json
    }
}

/// Puts the messages of topics into the queues that are subscribed to them, and on their way to other subscribers.
struct TopicDelivery: Sendable {
    let account: Account
    let contents: QueueContents
    let messages: SubscriberMessages
    let filters = FilterPolicyCache()

    init(account: Account, contents: QueueContents, messages: SubscriberMessages) {
        self.account = account
        self.contents = contents
        self.messages = messages
    }

    /// A queue that cannot take the message has it sent to the subscription's dead-letter queue, where there is one;
    /// the audit log tells why.
    func deliver(_ notification: Notification, of topic: Topic, _ transaction: borrowing Transaction) throws {
        let subscriptions = try SubscriptionStore.confirmed(of: topic.name, transaction)
        if subscriptions.isEmpty { return }
        var matcher = Matcher()
        for subscription in subscriptions {
            if let text = subscription.filter {
                let filter = try filters.policy(text, scope: subscription.scope)
                guard filter.passes(notification.message, &matcher) else { continue }
            }
            let context = transaction.context.caused(by: topic.subject)
            do {
                if subscription.protocol == .sqs {
                    try deliver(notification, to: subscription, at: ARN(subscription.endpoint), context, transaction)
                } else {
                    try messages.enqueue(notification, for: subscription, transaction)
                }
            } catch let error as ServiceError {
                try fail(notification, to: subscription, because: error, context, transaction)
            }
        }
    }

    /// - Throws: `ServiceError` where the queue cannot take it; nothing has been put into it then.
    private func deliver(
        _ notification: Notification, to subscription: Subscription, at target: ARN?, _ context: OperationContext,
        _ transaction: borrowing Transaction
    ) throws {
        guard let target, account.resolve(target) == account.arn("sqs", target.resource),
            let queue = try QueueStore.find(target.resource, transaction)
        else {
            throw ServiceError(.queueDoesNotExist, "\(target?.description ?? subscription.endpoint) is no queue here.")
        }
        let message = try outgoing(
            notification, for: subscription, in: queue,
            unsubscribeURL: messages.unsubscribeURL(of: subscription, transaction))
        try message.check(for: queue)
        let sent = try contents.send(message, to: queue, transaction)
        try transaction.audit(
            "SendMessage", on: queue.subject, outcome: .success,
            detail: ["MessageIds": [.string(sent.identifier)], "SubscriptionId": .string(subscription.id)],
            context: context)
    }

    private func outgoing(
        _ notification: Notification, for subscription: Subscription, in queue: Queue, unsubscribeURL: String
    ) throws(ServiceError) -> OutgoingMessage {
        let published = notification.message
        let text = published.text(for: subscription.protocol.rawValue)
        var message: OutgoingMessage
        if subscription.isRaw {
            message = OutgoingMessage(body: text)
            guard published.attributes.values.count <= MessageAttributes.countMax else {
                throw ServiceError(
                    .invalidParameterValue,
                    "A raw message has at most \(MessageAttributes.countMax) attributes, not "
                        + "\(published.attributes.values.count).")
            }
            message.attributes = published.attributes
        } else {
            var envelope = notification.json(text: text)
            envelope["UnsubscribeURL"] = .string(unsubscribeURL)
            message = OutgoingMessage(body: envelope.text)
        }
        message.group = published.group
        if queue.isFIFO {
            message.deduplication = published.deduplication ?? sha256(Array(published.text.utf8))
        }
        return message
    }

    private func fail(
        _ notification: Notification, to subscription: Subscription, because error: ServiceError,
        _ context: OperationContext, _ transaction: borrowing Transaction
    ) throws {
        var detail: JSON = [
            "MessageId": .string(notification.identifier), "SubscriptionId": .string(subscription.id),
            "Endpoint": .string(subscription.shownEndpoint), "Error": .string(error.message),
        ]
        if let target = subscription.deadLetterTarget {
            detail["DeadLetterTarget"] = .string(target.description)
            do {
                try deliver(notification, to: subscription, at: target, context, transaction)
            } catch let error as ServiceError {
                detail["DeadLetterError"] = .string(error.message)
            }
        }
        try transaction.audit(
            "DeliverNotification", on: Subject(.topic, subscription.topic), outcome: .failure(error.code.rawValue),
            detail: detail)
    }
}
