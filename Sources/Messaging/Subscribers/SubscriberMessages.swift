internal import API
internal import Core
internal import Platform
internal import Storage

/// Writes what subscribers get that are called, and puts it on its way.
///
/// Messages bear no signature: receivers accept one only with a certificate that they fetch from a host of AWS.
/// - Source: SNS developer guide, "Parsing message formats"; Lambda developer guide, "Using AWS Lambda with SNS".
struct SubscriberMessages: Sendable {
    let topics: TopicCalls
    /// Of the HTTP endpoint, for URLs in messages; where a caller used another, that is taken.
    let address: String
    /// Tells that there is something to send.
    let wake: @Sendable () -> Void

    private static let version = "2010-03-31"

    /// - Throws: `ServiceError` `.throttling` where too many messages wait for this subscriber.
    func enqueue(
        _ notification: Notification, for subscription: Subscription, _ transaction: borrowing Transaction
    ) throws {
        var delivery = SubscriberDelivery(
            to: subscription, messageID: notification.identifier, kind: .notification,
            body: body(of: notification, for: subscription, transaction), transaction)
        if subscription.isRaw {
            delivery.isRaw = true
            delivery.attributes = notification.message.attributes
        }
        try enqueue(delivery, transaction)
    }

    private func body(
        of notification: Notification, for subscription: Subscription, _ transaction: borrowing Transaction
    ) -> String {
        let text = notification.message.text(for: subscription.protocol.rawValue)
        if subscription.isRaw { return text }
        var envelope = notification.json(text: text)
        let url = unsubscribeURL(of: subscription, transaction)
        guard subscription.protocol == .lambda else {
            envelope["UnsubscribeURL"] = .string(url)
            return envelope.text
        }
        // Lambda's event spells it in its own way, and has all members.
        envelope["UnsubscribeUrl"] = .string(url)
        envelope["Subject"] = envelope["Subject"] ?? .null
        envelope["MessageAttributes"] = envelope["MessageAttributes"] ?? [:]
        let record: JSON = [
            "EventSource": "aws:sns", "EventVersion": "1.0",
            "EventSubscriptionArn": .string(topics.arn(of: subscription)), "Sns": envelope,
        ]
        return (["Records": [record]] as JSON).text
    }

    /// Asks the endpoint of a pending subscription whether it wants the messages.
    func askForConfirmation(of subscription: Subscription, _ transaction: borrowing Transaction) throws {
        try enqueue(
            .confirmation, of: subscription,
            text: "You have chosen to subscribe to the topic \(topics.arn(subscription.topic)).\n"
                + "To confirm the subscription, visit the SubscribeURL included in this message.", transaction)
    }

    /// Tells the endpoint of a subscription that it is over, and how to get it back.
    func tellOfEnd(of subscription: Subscription, _ transaction: borrowing Transaction) throws {
        try enqueue(
            .end, of: subscription,
            text: "You have chosen to deactivate subscription \(topics.arn(of: subscription)).\n"
                + "To cancel this operation and restore the subscription, visit the SubscribeURL included in this "
                + "message.", transaction)
    }

    private func enqueue(
        _ kind: SubscriberDelivery.Kind, of subscription: Subscription, text: String,
        _ transaction: borrowing Transaction
    ) throws {
        var random = BlockRandom()
        let identifier = Identifier(using: &random).description
        let topic = topics.arn(subscription.topic)
        let token = subscription.token ?? ""
        let body: JSON = [
            "Type": .string(kind.rawValue), "MessageId": .string(identifier), "Token": .string(token),
            "TopicArn": .string(topic), "Message": .string(text),
            "SubscribeURL": .string(
                url("ConfirmSubscription", transaction) + "&TopicArn=\(topic)&Token=\(token)"),
            "Timestamp": .string(transaction.now.millisecondDescription),
        ]
        try enqueue(
            SubscriberDelivery(to: subscription, messageID: identifier, kind: kind, body: body.text, transaction),
            transaction)
    }

    private func enqueue(_ delivery: SubscriberDelivery, _ transaction: borrowing Transaction) throws {
        guard try SubscriberDeliveryStore.insert(delivery, transaction) else {
            throw ServiceError(
                .throttling, "\(SubscriberDelivery.waitingMax) messages wait for this subscriber already.")
        }
        transaction.afterCommit(wake)
    }

    /// Ends a subscription when it is got.
    func unsubscribeURL(of subscription: Subscription, _ transaction: borrowing Transaction) -> String {
        url("Unsubscribe", transaction) + "&SubscriptionArn=\(topics.arn(of: subscription))"
    }

    private func url(_ action: String, _ transaction: borrowing Transaction) -> String {
        "\(transaction.context.endpoint ?? address)/?Action=\(action)&Version=\(SubscriberMessages.version)"
    }
}
