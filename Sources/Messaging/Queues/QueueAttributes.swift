internal import API
internal import Core

/// What a queue was set to, by the names and in the texts of the API.
/// - Source: SQS API reference, "SetQueueAttributes".
struct QueueAttributes: Sendable, Hashable {
    /// Only what was set; the rest has the service's defaults.
    private(set) var texts: [String: String] = [:]

    private enum Kind {
        case integer(ClosedRange<Int>)
        case boolean
        case choice([String])
        case policy
        case text
    }

    private static let kinds: [String: Kind] = [
        "DelaySeconds": .integer(0...900),
        "MaximumMessageSize": .integer(1024...QueueAttributes.messageBytesMax),
        "MessageRetentionPeriod": .integer(60...1_209_600),
        "ReceiveMessageWaitTimeSeconds": .integer(0...20),
        "VisibilityTimeout": .integer(0...QueueAttributes.visibilitySecondsMax),
        "Policy": .policy, "RedrivePolicy": .policy, "RedriveAllowPolicy": .policy,
        "KmsMasterKeyId": .text, "KmsDataKeyReusePeriodSeconds": .integer(60...86_400),
        "SqsManagedSseEnabled": .boolean, "FifoQueue": .boolean, "ContentBasedDeduplication": .boolean,
        "DeduplicationScope": .choice(["queue", "messageGroup"]),
        "FifoThroughputLimit": .choice(["perQueue", "perMessageGroupId"]),
    ]

    private static let ofFIFOQueues: Set<String> = [
        "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit",
    ]

    private static let defaults = [
        "DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30",
    ]

    private static let fifoDefaults = [
        "ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue",
    ]

    static let messageBytesMax = 1 << 20
    static let visibilitySecondsMax = 43_200

    var isFIFO: Bool { texts["FifoQueue"] == "true" }
    var delay: Duration { .seconds(integer("DelaySeconds")) }
    var messageBytesMax: Int { integer("MaximumMessageSize") }
    var retention: Duration { .seconds(integer("MessageRetentionPeriod")) }
    var waitSeconds: Int { integer("ReceiveMessageWaitTimeSeconds") }
    var visibilitySeconds: Int { integer("VisibilityTimeout") }
    var deduplicatesByContent: Bool { texts["ContentBasedDeduplication"] == "true" }
    var deduplicatesInGroups: Bool { texts["DeduplicationScope"] == "messageGroup" }
    var redrive: RedrivePolicy? { texts["RedrivePolicy"].flatMap { try? RedrivePolicy($0) } }
    var redriveAllow: RedriveAllowPolicy? { texts["RedriveAllowPolicy"].flatMap { try? RedriveAllowPolicy($0) } }

    private func integer(_ name: String) -> Int { Int(value(name) ?? "") ?? 0 }

    /// The value in force; nil where there is none.
    func value(_ name: String) -> String? {
        texts[name] ?? QueueAttributes.defaults[name] ?? (isFIFO ? QueueAttributes.fifoDefaults[name] : nil)
    }

    /// All that are in force.
    var all: [String: String] {
        let defaults = QueueAttributes.defaults.merging(isFIFO ? QueueAttributes.fifoDefaults : [:]) { $1 }
        return defaults.merging(texts) { $1 }
    }

    init() {}

    static func isKnown(_ name: String) -> Bool { kinds[name] != nil }

    /// - Parameter json: An object of texts, as stored.
    init(stored json: JSON) {
        for member in json.object?.members ?? [] { texts[member.key] = member.value.string }
    }

    var json: JSON {
        .object(JSONObject(texts.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) }))
    }

    /// Takes over values given by a client. An empty policy removes the one there is.
    /// - Throws: `ServiceError` `.invalidAttributeName`, `.invalidAttributeValue` or `.invalidParameterValue`.
    mutating func set(_ given: JSON?, creating: Bool) throws(ServiceError) {
        let members = given?.object?.members ?? []
        if creating, members.contains(where: { $0.key == "FifoQueue" && $0.value.string == "true" }) {
            texts["FifoQueue"] = "true"
        }
        for member in members {
            // Blanks around a name are no part of it.
            let name = member.key.trimmed
            let text = member.value.string ?? member.value.text
            guard let kind = QueueAttributes.kinds[name] else { throw QueueAttributes.unknown(member.key) }
            if QueueAttributes.ofFIFOQueues.contains(name) && !isFIFO { throw QueueAttributes.unknown(name) }
            try set(name, try QueueAttributes.check(name, text, kind))
        }
        guard value("FifoThroughputLimit") != "perMessageGroupId" || deduplicatesInGroups else {
            throw ServiceError(
                .invalidAttributeValue,
                "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId needs "
                    + "DeduplicationScope messageGroup.")
        }
    }

    private mutating func set(_ name: String, _ text: String) throws(ServiceError) {
        switch name {
        case "FifoQueue":
            guard (text == "true") == isFIFO else {
                throw ServiceError(.invalidAttributeValue, "Invalid value for the parameter FifoQueue.")
            }
        case "RedrivePolicy" where !text.isEmpty: texts[name] = try RedrivePolicy(text).text
        case "RedriveAllowPolicy" where !text.isEmpty:
            _ = try RedriveAllowPolicy(text)
            texts[name] = text
        default: texts[name] = text.isEmpty ? nil : text
        }
    }

    private static func check(_ name: String, _ text: String, _ kind: Kind) throws(ServiceError) -> String {
        let isGood: Bool
        switch kind {
        case .integer(let range):
            guard let number = Int(text), range.contains(number) else { throw invalid(name) }
            return String(number)
        case .boolean:
            isGood = text.lowercased() == "true" || text.lowercased() == "false"
            if isGood { return text.lowercased() }
        case .choice(let values): isGood = values.contains(text)
        case .policy: isGood = text.isEmpty || (try? JSON(parsing: text))?.object != nil
        case .text: isGood = true
        }
        guard isGood else { throw invalid(name) }
        return text
    }

    static func unknown(_ name: String) -> ServiceError {
        ServiceError(.invalidAttributeName, "Unknown Attribute \(name).")
    }

    private static func invalid(_ name: String) -> ServiceError {
        ServiceError(.invalidAttributeValue, "Invalid value for the parameter \(name).")
    }

    /// The name of a value given that differs from the one in force; nil where there is none.
    func difference(from given: QueueAttributes) -> String? {
        given.texts.keys.sorted().first { given.texts[$0] != value($0) }
    }
}

extension String {
    /// Without the blanks at both ends.
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
