internal import API
internal import Core
internal import Platform
internal import Storage

/// Messages: sent, received, hidden for longer, deleted; one at a time or ten.
struct MessageOperations: Sendable {
    let calls: QueueCalls
    let gauge: InFlightGauge
    /// How long a receiver looks that does not want to wait.
    let shortPoll: Duration
    let clock: any Clock

    private static let batchMax = 10
    private static let waitSecondsMax = 20

    private static let value = Shape.structure([
        .optional("StringValue", .string()), .optional("BinaryValue", .blob),
        .optional("StringListValues", .list(.string())), .optional("BinaryListValues", .list(.blob)),
        .required("DataType", .string()),
    ])
    private static let message: [Field] = [
        .required("MessageBody", .string()), .optional("DelaySeconds", .integer()),
        .optional("MessageAttributes", .map(value)), .optional("MessageSystemAttributes", .map(value)),
        .optional("MessageDeduplicationId", .string()), .optional("MessageGroupId", .string()),
    ]
    private static let receipt = Field.required("ReceiptHandle", .string())
    private static let entry = Field.required("Id", .string())
    private static let batchOutput: [Field] = [
        .optional("Successful", .list(.any)), .optional("Failed", .list(.any)),
    ]

    private static func entries(_ fields: [Field]) -> Field {
        .required("Entries", .list(.structure([entry] + fields)))
    }

    var all: [Operation] {
        [
            Operation(
                "sqs:SendMessage", "Puts a message into a queue.", .writes,
                input: [QueueCalls.url] + MessageOperations.message
                    + [.optional("OpsBusMessageId", .string(length: 36...36))], handler: send),
            Operation(
                "sqs:SendMessageBatch", "Puts up to ten messages into a queue.", .writes, permission: "sqs:SendMessage",
                input: [QueueCalls.url, MessageOperations.entries(MessageOperations.message)],
                output: MessageOperations.batchOutput, handler: sendBatch),
            Operation(
                "sqs:ReceiveMessage", "Takes messages out of a queue, to be deleted when they are worked off.", .writes,
                input: [
                    QueueCalls.url, .optional("AttributeNames", .list(.string())),
                    .optional("MessageSystemAttributeNames", .list(.string())),
                    .optional("MessageAttributeNames", .list(.string())),
                    .optional("MaxNumberOfMessages", .integer()), .optional("VisibilityTimeout", .integer()),
                    .optional("WaitTimeSeconds", .integer()), .optional("ReceiveRequestAttemptId", .string()),
                ], output: [.optional("Messages", .list(.any))], handler: receive),
            Operation(
                "sqs:DeleteMessage", "Deletes a message that was received.", .writes,
                input: [QueueCalls.url, MessageOperations.receipt], handler: delete),
            Operation(
                "sqs:DeleteMessageBatch", "Deletes up to ten messages that were received.", .writes,
                permission: "sqs:DeleteMessage",
                input: [QueueCalls.url, MessageOperations.entries([MessageOperations.receipt])],
                output: MessageOperations.batchOutput, handler: deleteBatch),
            Operation(
                "sqs:ChangeMessageVisibility", "Says for how long a message stays hidden from other receivers.",
                .writes,
                input: [QueueCalls.url, MessageOperations.receipt, .required("VisibilityTimeout", .integer())],
                handler: changeVisibility),
            Operation(
                "sqs:ChangeMessageVisibilityBatch", "Says it for up to ten messages.", .writes,
                permission: "sqs:ChangeMessageVisibility",
                input: [
                    QueueCalls.url,
                    MessageOperations.entries([MessageOperations.receipt, .optional("VisibilityTimeout", .integer())]),
                ], output: MessageOperations.batchOutput, handler: changeVisibilityBatch),
        ]
    }

    // MARK: Sending

    private func send(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            let message = try OutgoingMessage(input, for: queue)
            let sent = try calls.contents.send(message, to: queue, transaction)
            try MessageOperations.record("SendMessage", [sent.identifier], queue, transaction)
            return sent.json(of: message)
        }
    }

    private func sendBatch(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let entries = input["Entries"]?.array ?? []
        return try await batch("SendMessageBatch", input, context) { queue throws(ServiceError) in
            let bytes = entries.reduce(0) { sum, entry in
                let attributes = (try? MessageAttributes(entry["MessageAttributes"])) ?? MessageAttributes()
                return sum + (entry["MessageBody"]?.string ?? "").utf8.count + attributes.byteCount
            }
            guard bytes <= QueueAttributes.messageBytesMax else {
                throw ServiceError(
                    .batchRequestTooLong,
                    "Batch requests cannot be longer than \(QueueAttributes.messageBytesMax) bytes. You have sent "
                        + "\(bytes) bytes.")
            }
        } each: { entry, queue, transaction in
            let message = try OutgoingMessage(entry, for: queue)
            let sent = try calls.contents.send(message, to: queue, transaction)
            return (sent.json(of: message), sent.identifier)
        }
    }

    // MARK: Receiving

    private func receive(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["QueueUrl"])
        let count = try QueueCalls.integer(
            input, "MaxNumberOfMessages", 1...QueueReceive.messagesMax, "Must be between 1 and 10, if provided.")
        let visibility = try MessageOperations.visibility(input)
        let system = ["AttributeNames", "MessageSystemAttributeNames"].flatMap {
            (input[$0]?.array ?? []).compactMap(\.string)
        }
        for name in system where !QueuedMessage.systemNames.contains(name) && !QueueOperations.isKnown(name) {
            throw QueueAttributes.unknown(name)
        }
        let wait = try QueueCalls.integer(
            input, "WaitTimeSeconds", 0...MessageOperations.waitSecondsMax, "Must be >= 0 and <= 20, if provided.")
        let queue = try await calls.database.read { try QueueStore.queue(name, $0) }
        var look = QueueReceive(
            contents: calls.contents, gauge: gauge, count: count ?? 1,
            visibility: .seconds(visibility ?? queue.attributes.visibilitySeconds))
        if queue.isFIFO, let attempt = input["ReceiveRequestAttemptId"]?.string {
            try OutgoingMessage.check(identifier: attempt, "ReceiveRequestAttemptId")
            look.attempt = attempt
        }
        let messages = try await receive(
            look, from: name, for: .seconds(wait ?? queue.attributes.waitSeconds), context)
        if messages.isEmpty { return [:] }
        let attributes = (input["MessageAttributeNames"]?.array ?? []).compactMap(\.string)
        return ["Messages": .array(messages.map { $0.json(system: system, attributes: attributes) })]
    }

    /// Looks until there are messages or the time is over.
    private func receive(
        _ look: QueueReceive, from name: String, for wait: Duration, _ context: OperationContext
    ) async throws -> [QueuedMessage] {
        let end = clock.now + max(wait, shortPoll)
        // In line before the first look, so that what comes after it is not missed. Who does not want to wait is not
        // refused where too many do.
        let waiter = wait > .zero ? try calls.contents.waiters.join(name) : try? calls.contents.waiters.join(name)
        defer { if let waiter { calls.contents.waiters.leave(waiter) } }
        while true {
            let found = try await calls.database.write(context) { transaction in
                let queue = try QueueStore.queue(name, transaction)
                let found = try look.look(into: queue, transaction)
                if case .messages(let messages) = found {
                    try MessageOperations.record("ReceiveMessage", messages.map(\.identifier), queue, transaction)
                }
                return found
            }
            switch found {
            case .messages(let messages): return messages
            case .again: continue
            case .nothing(let next):
                guard let waiter, clock.now < end, !Task.isCancelled, !calls.contents.waiters.isClosed else {
                    return []
                }
                await waiter.wait(until: min(end, next ?? end), clock: clock)
            }
        }
    }

    // MARK: Afterwards

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            let identifier = try delete(Receipt(input["ReceiptHandle"]?.string ?? ""), queue, transaction)
            try MessageOperations.record("DeleteMessage", [identifier], queue, transaction)
        }
        return [:]
    }

    private func deleteBatch(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await batch("DeleteMessageBatch", input, context) { entry, queue, transaction in
            ([:], try delete(MessageOperations.receipt(of: entry), queue, transaction))
        }
    }

    /// Deletes the message of a receipt. One that is gone is no error. One that somebody else has received since is
    /// theirs while they work on it.
    /// - Returns: The message's identifier.
    private func delete(_ receipt: Receipt, _ queue: Queue, _ transaction: borrowing Transaction) throws -> String {
        guard let message = try calls.contents.message(receipt, in: queue, transaction) else {
            return receipt.identifier
        }
        let isCurrent = receipt.receive == message.receives
        let isInFlight = message.visible > transaction.now
        if queue.isFIFO && !(isCurrent && isInFlight) {
            throw ServiceError(
                .invalidParameterValue,
                "Value \(receipt.text) for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
        }
        if isCurrent || !isInFlight { try calls.contents.remove(message, from: queue, transaction) }
        return receipt.identifier
    }

    private func changeVisibility(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let seconds = try MessageOperations.visibility(input) ?? 0
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            let receipt = try Receipt(input["ReceiptHandle"]?.string ?? "")
            let identifier = try hide(receipt, seconds, queue, transaction)
            try MessageOperations.record("ChangeMessageVisibility", [identifier], queue, transaction)
        }
        return [:]
    }

    private func changeVisibilityBatch(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await batch("ChangeMessageVisibilityBatch", input, context) { entry, queue, transaction in
            let seconds = try MessageOperations.visibility(entry) ?? queue.attributes.visibilitySeconds
            return ([:], try hide(MessageOperations.receipt(of: entry), seconds, queue, transaction))
        }
    }

    private func hide(
        _ receipt: Receipt, _ seconds: Int, _ queue: Queue, _ transaction: borrowing Transaction
    ) throws -> String {
        let now = transaction.now
        guard let message = try calls.contents.message(receipt, in: queue, transaction),
            !queue.isFIFO || receipt.receive == message.receives
        else {
            throw ServiceError(
                .invalidParameterValue,
                "Value \(receipt.text) for parameter ReceiptHandle is invalid. Reason: Message does not exist or is "
                    + "not available for visibility timeout change.")
        }
        guard message.visible > now else {
            throw ServiceError(.messageNotInflight, "The specified message isn't in flight.")
        }
        let received = try calls.contents.lastReceived(message, transaction) ?? now
        guard now + .seconds(seconds) <= received + .seconds(QueueAttributes.visibilitySecondsMax) else {
            throw ServiceError(
                .invalidParameterValue,
                "Value \(seconds) for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the "
                    + "message is beyond the limit [\(QueueAttributes.visibilitySecondsMax) seconds]")
        }
        try calls.contents.hide(message, until: now + .seconds(seconds), in: queue, transaction)
        return receipt.identifier
    }

    private static func visibility(_ input: JSON) throws(ServiceError) -> Int? {
        try QueueCalls.integer(
            input, "VisibilityTimeout", 0...QueueAttributes.visibilitySecondsMax,
            "Must be between 0 and \(QueueAttributes.visibilitySecondsMax), if provided.")
    }

    private static func receipt(of entry: JSON) throws(ServiceError) -> Receipt {
        let text = entry["ReceiptHandle"]?.string ?? ""
        return try Receipt(text, refusal: "The input receipt handle \"\(text)\" is not a valid receipt handle.")
    }

    // MARK: Batches

    /// Does the same for every entry, in one transaction, and answers for each how it went.
    /// - Parameters:
    ///   - check: Of the whole batch.
    ///   - each: Answers members of the entry's result, and the message's identifier.
    /// - Throws: `ServiceError` where the batch as a whole is refused.
    private func batch(
        _ action: String, _ input: JSON, _ context: OperationContext,
        check: @escaping @Sendable (Queue) throws(ServiceError) -> Void = { (_) throws(ServiceError) in },
        each: @escaping @Sendable (JSON, Queue, borrowing Transaction) throws -> (JSON, String)
    ) async throws -> JSON {
        let entries = input["Entries"]?.array ?? []
        return try await calls.write(input["QueueUrl"], context) { queue, transaction in
            try MessageOperations.check(entries, of: action)
            try check(queue)
            var successful: [JSON] = []
            var failed: [JSON] = []
            var identifiers: [String] = []
            for entry in entries {
                do {
                    let (members, identifier) = try each(entry, queue, transaction)
                    identifiers.append(identifier)
                    var result: JSON = ["Id": entry["Id"] ?? ""]
                    for member in members.object?.members ?? [] { result[member.key] = member.value }
                    successful.append(result)
                } catch let error as ServiceError {
                    if error.code == .missingParameter || error == OutgoingMessage.noDeduplication { throw error }
                    failed.append([
                        "Id": entry["Id"] ?? "", "SenderFault": true, "Code": .string(error.code.rawValue),
                        "Message": .string(error.message),
                    ])
                }
            }
            try MessageOperations.record(action, identifiers, queue, transaction)
            var output: JSON = ["Successful": .array(successful)]
            if !failed.isEmpty { output["Failed"] = .array(failed) }
            return output
        }
    }

    private static func check(_ entries: [JSON], of action: String) throws(ServiceError) {
        if entries.isEmpty {
            throw ServiceError(
                .emptyBatchRequest, "There should be at least one \(action)RequestEntry in the request.")
        }
        guard entries.count <= batchMax else {
            throw ServiceError(
                .tooManyEntriesInBatchRequest,
                "Maximum number of entries per request are \(batchMax). You have sent \(entries.count).")
        }
        var seen: Set<String> = []
        for entry in entries {
            let identifier = entry["Id"]?.string ?? ""
            guard (1...80).contains(identifier.utf8.count), CharacterRule.word.allows(identifier) else {
                throw ServiceError(
                    .invalidBatchEntryID,
                    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                        + "most 80 letters long.")
            }
            guard seen.insert(identifier).inserted else {
                throw ServiceError(.batchEntryIdsNotDistinct, "Id \(identifier) repeated.")
            }
        }
    }

    private static func record(
        _ action: String, _ identifiers: [String], _ queue: Queue, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.audit(
            action, on: queue.subject, outcome: .success,
            detail: ["MessageIds": .array(identifiers.map { .string($0) })])
    }
}
