internal import API
internal import Core
internal import Storage

/// A message as a sender gives it, checked.
struct OutgoingMessage: Sendable {
    var body: String
    var attributes = MessageAttributes()
    /// `AWSTraceHeader`.
    var trace: MessageAttributes = MessageAttributes()
    /// Nil for the queue's.
    var delay: Duration?
    var group: String?
    var deduplication: String?
    /// An addition of ours: an id chosen by the sender, which a queue takes once.
    var identifier: Identifier?

    init(body: String) { self.body = body }

    /// - Parameter input: Of `SendMessage`, or an entry of `SendMessageBatch`.
    /// - Throws: `ServiceError`.
    init(_ input: JSON, for queue: Queue) throws(ServiceError) {
        body = input["MessageBody"]?.string ?? ""
        attributes = try MessageAttributes(input["MessageAttributes"])
        group = input["MessageGroupId"]?.string
        deduplication = input["MessageDeduplicationId"]?.string
        identifier = try OutgoingMessage.identifier(input["OpsBusMessageId"]?.string)
        trace = try OutgoingMessage.trace(input["MessageSystemAttributes"])
        if body.isEmpty { throw OutgoingMessage.missing("MessageBody") }
        if let seconds = input["DelaySeconds"]?.int { delay = try OutgoingMessage.delay(seconds, for: queue) }
        try check(for: queue)
    }

    /// What holds for messages from anywhere.
    func check(for queue: Queue) throws(ServiceError) {
        guard OutgoingMessage.areAllowed(body.unicodeScalars) else {
            throw ServiceError(
                .invalidMessageContents, "Invalid characters found. \(OutgoingMessage.allowedCharacters)")
        }
        guard byteCount <= queue.attributes.messageBytesMax else {
            throw ServiceError(
                .invalidParameterValue,
                "One or more parameters are invalid. Reason: Message must be shorter than "
                    + "\(queue.attributes.messageBytesMax) bytes.")
        }
        if let group { try OutgoingMessage.check(identifier: group, "MessageGroupId") }
        if let deduplication { try OutgoingMessage.check(identifier: deduplication, "MessageDeduplicationId") }
        if queue.isFIFO {
            if group == nil { throw OutgoingMessage.missing("MessageGroupId") }
            if deduplication == nil && !queue.attributes.deduplicatesByContent {
                throw OutgoingMessage.noDeduplication
            }
        } else if let deduplication {
            throw OutgoingMessage.notForThisType(deduplication, "MessageDeduplicationId")
        }
    }

    /// Body and attributes.
    var byteCount: Int { body.utf8.count + attributes.byteCount }

    static func missing(_ parameter: String) -> ServiceError {
        ServiceError(.missingParameter, "The request must contain the parameter \(parameter).")
    }

    static let noDeduplication = ServiceError(
        .invalidParameterValue,
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")

    private static func notForThisType(_ value: String, _ parameter: String) -> ServiceError {
        ServiceError(
            .invalidParameterValue,
            "Value \(value) for parameter \(parameter) is invalid. Reason: The request include parameter that is not "
                + "valid for this queue type.")
    }

    private static func delay(_ seconds: Int, for queue: Queue) throws(ServiceError) -> Duration? {
        guard (0...900).contains(seconds) else {
            throw ServiceError(
                .invalidParameterValue,
                "Value \(seconds) for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.")
        }
        // In FIFO queues only the queue delays; naming none is no error.
        guard queue.isFIFO else { return .seconds(seconds) }
        if seconds != 0 { throw notForThisType(String(seconds), "DelaySeconds") }
        return nil
    }

    private static func trace(_ json: JSON?) throws(ServiceError) -> MessageAttributes {
        for member in json?.object?.members ?? [] {
            guard member.key == "AWSTraceHeader" else {
                throw ServiceError(
                    .invalidParameterValue, "Message system attribute name '\(member.key)' is invalid.")
            }
            guard member.value["DataType"]?.string == "String" else {
                throw ServiceError(
                    .invalidParameterValue, "The message system attribute 'AWSTraceHeader' must be of type String.")
            }
        }
        return try MessageAttributes(json)
    }

    private static func identifier(_ text: String?) throws(ServiceError) -> Identifier? {
        guard let text else { return nil }
        guard let identifier = Identifier(text) else {
            throw ServiceError(
                .invalidParameterValue,
                "Value \(text) for parameter OpsBusMessageId is invalid. Reason: It is not a UUID.")
        }
        return identifier
    }

    private static let identifierRule = CharacterRule(
        pattern: "[A-Za-z0-9!-~]+", lettersDigitsAnd: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

    /// Whether a text may name a group, a repeated message, or an attempt to receive.
    static func isIdentifier(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && identifierRule.allows(text)
    }

    /// - Throws: `ServiceError` `.invalidParameterValue`.
    static func check(identifier: String, _ parameter: String) throws(ServiceError) {
        guard isIdentifier(identifier) else {
            throw ServiceError(
                .invalidParameterValue,
                "Value \(identifier) for parameter \(parameter) is invalid. Reason: \(parameter) can only include "
                    + "alphanumeric and punctuation characters. 1 to 128 in length.")
        }
    }

    /// Whether XML can hold them.
    static func areAllowed(_ scalars: String.UnicodeScalarView) -> Bool {
        scalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
            default: false
            }
        }
    }

    static let allowedCharacters =
        "Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."
}

/// What the sender of a message is told.
struct SentMessage: Sendable {
    let identifier: String
    /// Of FIFO queues.
    let sequence: String?

    /// The members of an answer.
    func json(of message: OutgoingMessage) -> JSON {
        var json: JSON = [
            "MessageId": .string(identifier), "MD5OfMessageBody": .string(md5(Array(message.body.utf8)).hexadecimal),
        ]
        json["MD5OfMessageAttributes"] = message.attributes.digest.map { .string($0) }
        json["MD5OfMessageSystemAttributes"] = message.trace.digest.map { .string($0) }
        json["SequenceNumber"] = sequence.map { .string($0) }
        return json
    }
}
