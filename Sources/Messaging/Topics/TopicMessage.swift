internal import API
internal import Core

/// A message for a topic, checked.
struct TopicMessage: Sendable {
    /// For everyone who has no text of their own.
    let text: String
    let subject: String?
    let attributes: MessageAttributes
    let group: String?
    let deduplication: String?
    /// Texts for some protocols.
    private let texts: JSON?
    private let givenBytes: Int

    static let bytesMax = 256 << 10
    private static let subjectCharactersMax = 100

    /// - Parameter input: Of `Publish`, or an entry of `PublishBatch`.
    /// - Throws: `ServiceError` `.invalidParameter` or `.invalidParameterValue`.
    init(_ input: JSON) throws(ServiceError) {
        let given = input["Message"]?.string ?? ""
        if given.isEmpty { throw TopicMessage.invalid("Empty message") }
        subject = input["Subject"]?.string
        if let subject {
            let scalars = subject.unicodeScalars
            guard (1...TopicMessage.subjectCharactersMax).contains(scalars.count),
                !scalars.contains(where: { $0.properties.generalCategory == .control })
            else { throw TopicMessage.invalid("Subject") }
        }
        attributes = try MessageAttributes(input["MessageAttributes"], countMax: Int.max)
        group = input["MessageGroupId"]?.string
        deduplication = input["MessageDeduplicationId"]?.string
        switch input["MessageStructure"]?.string {
        case nil, "":
            texts = nil
            text = given
        case "json":
            guard let json = try? JSON(parsing: given), json.object != nil else {
                throw TopicMessage.invalid("Message Structure - JSON message body failed to parse")
            }
            guard let standard = json["default"]?.string else {
                throw TopicMessage.invalid("Message Structure - No default entry in JSON message body")
            }
            texts = json
            text = standard
        default: throw TopicMessage.invalid("MessageStructure")
        }
        givenBytes = given.utf8.count
        guard byteCount <= TopicMessage.bytesMax else { throw TopicMessage.invalid("Message too long") }
    }

    /// What is published counts, texts for all protocols together.
    var byteCount: Int { givenBytes + attributes.byteCount }

    func text(for protocol: String) -> String { texts?[`protocol`]?.string ?? text }

    /// - Throws: `ServiceError` `.invalidParameter` for parameters that the topic's type needs or does not know.
    func check(for topic: Topic) throws(ServiceError) {
        if topic.isFIFO {
            if group?.isEmpty ?? true {
                throw TopicMessage.invalid("The MessageGroupId parameter is required for FIFO topics")
            }
            if deduplication == nil && !topic.deduplicatesByContent {
                throw TopicMessage.invalid(
                    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                        + "explicitly")
            }
        } else if deduplication != nil {
            throw TopicMessage.invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not "
                    + "valid for this topic type")
        }
        for (name, text) in [("MessageGroupId", group), ("MessageDeduplicationId", deduplication)] {
            // Queues would not take it.
            guard text.map(OutgoingMessage.isIdentifier) ?? true else {
                throw TopicMessage.invalid(
                    "\(name) Reason: \(name) can only include alphanumeric and punctuation characters. 1 to 128 in "
                        + "length")
            }
        }
    }

    static func invalid(_ reason: String) -> ServiceError {
        refused("Invalid parameter: \(reason)")
    }

    static func refused(_ text: String) -> ServiceError { ServiceError(.invalidParameter, text) }
}
