internal import API
internal import Core
internal import Storage

/// A message in a queue, as it is stored.
struct QueuedMessage: Sendable {
    /// Rises with every message; the sequence number of FIFO queues.
    let id: Int
    let identifier: String
    let body: String
    let attributes: MessageAttributes
    let trace: String?
    let sender: String
    let sent: Timestamp
    var visible: Timestamp
    /// In this queue and those that it was in before.
    var receives: Int
    let receivesBefore: Int
    var firstReceived: Timestamp?
    let group: String?
    let deduplication: String?
    let source: String?

    static let columns = """
        id, message_id, body, attributes, trace, sender, sent, visible, receives, receives_before, first_received,
        message_group, deduplication, source
        """

    /// - Parameter row: With `columns`.
    init(_ row: borrowing Row) throws(StorageError) {
        id = try row[0]
        identifier = try row[1]
        body = try row[2]
        let stored: JSON? = try row[3]
        attributes = stored.map { MessageAttributes(stored: $0) } ?? MessageAttributes()
        trace = try row[4]
        sender = try row[5]
        sent = try row[6]
        visible = try row[7]
        receives = try row[8]
        receivesBefore = try row[9]
        firstReceived = try row[10]
        group = try row[11]
        deduplication = try row[12]
        source = try row[13]
    }

    var receipt: Receipt { Receipt(message: id, receive: receives, identifier: identifier) }

    /// Twenty digits.
    static func sequence(_ id: Int) -> String {
        let digits = String(id)
        return String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits
    }

    /// As `ReceiveMessage` answers it.
    /// - Parameters:
    ///   - names: Which of the system's attributes are asked for.
    ///   - attributeNames: And which of the sender's.
    func json(system names: [String], attributes attributeNames: [String]) -> JSON {
        var json: JSON = [
            "MessageId": .string(identifier), "ReceiptHandle": .string(receipt.text),
            "MD5OfBody": .string(md5(Array(body.utf8)).hexadecimal), "Body": .string(body),
        ]
        let system = systemAttributes.filter { names.contains("All") || names.contains($0.name) }
        if !system.isEmpty {
            json["Attributes"] = .object(JSONObject(system.map { .init(key: $0.name, value: .string($0.text)) }))
        }
        let selected = attributes.selected(by: attributeNames)
        if let digest = selected.digest {
            json["MD5OfMessageAttributes"] = .string(digest)
            json["MessageAttributes"] = selected.json
        }
        return json
    }

    /// What may be asked for of `systemAttributes`.
    static let systemNames: Set = [
        "All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
        "MessageGroupId", "MessageDeduplicationId", "SequenceNumber", "AWSTraceHeader", "DeadLetterQueueSourceArn",
    ]

    private var systemAttributes: [(name: String, text: String)] {
        func milliseconds(_ time: Timestamp) -> String { String(time.microseconds / 1000) }
        var all = [
            ("SenderId", sender), ("SentTimestamp", milliseconds(sent)),
            ("ApproximateReceiveCount", String(receives)),
            ("ApproximateFirstReceiveTimestamp", milliseconds(firstReceived ?? sent)),
        ]
        if let group { all.append(("MessageGroupId", group)) }
        if let deduplication {
            all.append(("MessageDeduplicationId", deduplication))
            all.append(("SequenceNumber", QueuedMessage.sequence(id)))
        }
        if let trace { all.append(("AWSTraceHeader", trace)) }
        if let source { all.append(("DeadLetterQueueSourceArn", source)) }
        return all
    }
}

/// What a receiver names a message by: the message, and which time it received it.
struct Receipt: Sendable, Hashable {
    let message: Int
    let receive: Int
    let identifier: String

    init(message: Int, receive: Int, identifier: String) {
        self.message = message
        self.receive = receive
        self.identifier = identifier
    }

    /// - Throws: `ServiceError` `.receiptHandleIsInvalid`.
    init(_ text: String, refusal: String = "The input receipt handle is invalid.") throws(ServiceError) {
        let parts = Base64.decode(text).map { String(decoding: $0, as: UTF8.self).split(separator: " ") } ?? []
        guard parts.count == 3, let message = Int(parts[0]), let receive = Int(parts[1]) else {
            throw ServiceError(.receiptHandleIsInvalid, refusal)
        }
        self.init(message: message, receive: receive, identifier: String(parts[2]))
    }

    var text: String { Base64.encode(Array("\(message) \(receive) \(identifier)".utf8)) }
}
