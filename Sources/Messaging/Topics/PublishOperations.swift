internal import API
internal import Core
internal import Platform
internal import Storage

/// Publishing: one transaction takes a message in, hands it to the stream, and puts it into every subscribed queue.
struct PublishOperations: Sendable {
    let calls: TopicCalls
    let delivery: TopicDelivery

    private static let batchMax = 10
    private static let deduplicationWindow = QueueContents.deduplicationWindow

    private static let message: [Field] = [
        .required("Message", .string()), .optional("Subject", .string()), .optional("MessageStructure", .string()),
        .optional(
            "MessageAttributes",
            .map(
                .structure([
                    .required("DataType", .string()), .optional("StringValue", .string()),
                    .optional("BinaryValue", .blob),
                ]))),
        .optional("MessageDeduplicationId", .string()), .optional("MessageGroupId", .string()),
    ]

    var all: [Operation] {
        [
            Operation(
                "sns:Publish", "Sends a message to the subscribers of a topic.", .writes,
                input: [
                    .optional("TopicArn", .string()), .optional("TargetArn", .string()),
                    .optional("PhoneNumber", .string(), sensitive: true),
                ] + PublishOperations.message + [.optional("OpsBusMessageId", .string(length: 36...36))],
                output: [.optional("MessageId", .string()), .optional("SequenceNumber", .string())], handler: publish),
            Operation(
                "sns:PublishBatch", "Sends up to ten messages to the subscribers of a topic.", .writes,
                permission: "sns:Publish",
                input: [
                    TopicCalls.topicARN,
                    .required(
                        "PublishBatchRequestEntries",
                        .list(.structure([.required("Id", .string())] + PublishOperations.message))),
                ], output: [.optional("Successful", .list(.any)), .optional("Failed", .list(.any))],
                handler: publishBatch),
        ]
    }

    /// The same `OpsBusMessageId`, an addition of ours, publishes once.
    private func publish(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        if input["PhoneNumber"] != nil {
            throw TopicMessage.invalid("PhoneNumber Reason: OpsBus sends no text messages")
        }
        guard let target = input["TopicArn"] ?? input["TargetArn"] else { throw TopicMessage.invalid("TopicArn") }
        let name = try calls.name(target)
        let message = try TopicMessage(input)
        let chosen = try PublishOperations.chosenIdentifier(input)
        return try await calls.database.write(context) { transaction in
            let topic = try TopicStore.topic(name, transaction)
            try message.check(for: topic)
            return try publish(message, to: topic, chosen, transaction)
        }
    }

    private func publishBatch(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let entries = input["PublishBatchRequestEntries"]?.array ?? []
        return try await calls.database.write(context) { transaction in
            let topic = try TopicStore.topic(name, transaction)
            try PublishOperations.check(entries)
            var successful: [JSON] = []
            var failed: [JSON] = []
            for entry in entries {
                let id = entry["Id"] ?? ""
                let message: TopicMessage
                do throws(ServiceError) {
                    message = try TopicMessage(entry)
                } catch {
                    // The name that this service has for it.
                    let code = error.code == .invalidParameterValue ? "ParameterValueInvalid" : error.code.rawValue
                    failed.append([
                        "Id": id, "Code": .string(code), "Message": .string(error.message), "SenderFault": true,
                    ])
                    continue
                }
                // What the topic's type needs is wrong with the whole request.
                try message.check(for: topic)
                var result: JSON = ["Id": id]
                for member in try publish(message, to: topic, nil, transaction).object?.members ?? [] {
                    result[member.key] = member.value
                }
                successful.append(result)
            }
            return ["Successful": .array(successful), "Failed": .array(failed)]
        }
    }

    private static func check(_ entries: [JSON]) throws(ServiceError) {
        if entries.isEmpty {
            throw ServiceError(.emptyBatchRequest, "The batch request doesn't contain any entries.")
        }
        guard entries.count <= batchMax else {
            throw ServiceError(
                .tooManyEntriesInBatchRequest, "The batch request contains more entries than permissible.")
        }
        let identifiers = entries.map { $0["Id"]?.string ?? "" }
        guard Set(identifiers).count == identifiers.count else {
            throw ServiceError(
                .batchEntryIdsNotDistinct, "Two or more batch entries in the request have the same Id.")
        }
        guard identifiers.allSatisfy({ (1...80).contains($0.utf8.count) && CharacterRule.word.allows($0) }) else {
            throw ServiceError(
                .invalidBatchEntryID,
                "The Id of a batch entry in a batch request doesn't abide by the specification.")
        }
        let bytes = entries.reduce(0) { sum, entry in
            let attributes = try? MessageAttributes(entry["MessageAttributes"], countMax: Int.max)
            return sum + (entry["Message"]?.string ?? "").utf8.count + (attributes?.byteCount ?? 0)
        }
        guard bytes <= TopicMessage.bytesMax else {
            throw ServiceError(
                .batchRequestTooLong, "The length of all the messages put together is more than the limit.")
        }
    }

    private static func chosenIdentifier(_ input: JSON) throws(ServiceError) -> Identifier? {
        guard let text = input["OpsBusMessageId"]?.string else { return nil }
        guard let identifier = Identifier(text) else {
            throw TopicMessage.invalid("OpsBusMessageId Reason: \(text) is not a UUID")
        }
        return identifier
    }

    // MARK: One message

    private func publish(
        _ message: TopicMessage, to topic: Topic, _ chosen: Identifier?, _ transaction: borrowing Transaction
    ) throws -> JSON {
        var random = SystemRandomNumberGenerator()
        let identifier = (chosen ?? Identifier(using: &random)).description
        if topic.isFIFO, let earlier = try earlier(message, topic, transaction) {
            try PublishOperations.record(earlier.identifier, isNew: false, topic, transaction)
            return [
                "MessageId": .string(earlier.identifier),
                "SequenceNumber": .string(QueuedMessage.sequence(earlier.sequence)),
            ]
        }
        let isNew =
            try chosen == nil
            || transaction.execute(
                "INSERT INTO topic_messages (id, time) VALUES (?, ?) ON CONFLICT DO NOTHING", identifier,
                transaction.now) == 1
        try PublishOperations.record(identifier, isNew: isNew, topic, transaction)
        guard isNew else { return ["MessageId": .string(identifier)] }
        var notification = Notification(
            identifier: identifier, message: message, topicARN: calls.arn(topic.name), time: transaction.now)
        if topic.isFIFO {
            let sequence = try TopicStore.nextSequence(topic.name, transaction)
            try remember(message, topic, identifier, sequence, transaction)
            notification.sequence = QueuedMessage.sequence(sequence)
        }
        try transaction.publish(notification.json(text: message.text), to: StreamTopic.topic(topic.name))
        try delivery.deliver(notification, of: topic, transaction)
        var output: JSON = ["MessageId": .string(identifier)]
        output["SequenceNumber"] = notification.sequence.map { .string($0) }
        return output
    }

    private static func record(
        _ identifier: String, isNew: Bool, _ topic: Topic, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        var detail: JSON = ["MessageId": .string(identifier)]
        if !isNew { detail["Repeated"] = true }
        try transaction.audit("Publish", on: topic.subject, outcome: .success, detail: detail)
    }

    private static func key(_ message: TopicMessage, _ topic: Topic) -> (scope: String, id: String) {
        (
            topic.deduplicatesInGroups ? "group/\(message.group ?? "")" : "topic",
            message.deduplication ?? sha256(Array(message.text.utf8))
        )
    }

    private func earlier(
        _ message: TopicMessage, _ topic: Topic, _ transaction: borrowing Transaction
    ) throws -> (identifier: String, sequence: Int)? {
        let key = PublishOperations.key(message, topic)
        return try transaction.queryOne(
            """
            SELECT message_id, sequence FROM topic_deduplication WHERE topic = ? AND scope = ? AND id = ? AND until > ?
            """, topic.name, key.scope, key.id, transaction.now
        ) { (try $0[0], try $0[1]) }
    }

    private func remember(
        _ message: TopicMessage, _ topic: Topic, _ identifier: String, _ sequence: Int,
        _ transaction: borrowing Transaction
    ) throws(StorageError) {
        let key = PublishOperations.key(message, topic)
        try transaction.execute(
            """
            INSERT OR REPLACE INTO topic_deduplication (topic, scope, id, message_id, sequence, until)
            VALUES (?, ?, ?, ?, ?, ?)
            """, topic.name, key.scope, key.id, identifier, sequence,
            transaction.now + PublishOperations.deduplicationWindow)
    }
}
