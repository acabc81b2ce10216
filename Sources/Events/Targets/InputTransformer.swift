internal import Core

/// A template and the variables that fill it: `InputTransformer` of a target.
struct InputTransformer: Sendable, Hashable {
    private let paths: [String: JSONPath]
    private let template: InputTemplate
    private let targetId: String

    /// Variables that every template may name.
    enum Reserved: String, CaseIterable {
        case ruleARN = "aws.events.rule-arn"
        case ruleName = "aws.events.rule-name"
        case ingestionTime = "aws.events.event.ingestion-time"
        /// The event without its detail, the key `detail-type` in camel case as the service writes it here.
        case event = "aws.events.event"
        case wholeEvent = "aws.events.event.json"

        /// Whether the variable is an object that may stand only where JSON allows a value.
        var isValueOnly: Bool { self == .event || self == .wholeEvent }
    }

    /// - Throws: `TargetInputError` with `.transformer`, `.path`, `.template` or `.placeholder`.
    init(_ json: JSON, targetId: String) throws(TargetInputError) {
        self.targetId = targetId
        guard let object = json.object else {
            throw TargetInputError(.transformer, "InputTransformer for target \(targetId) must be an object")
        }
        if let unknown = object.keys.first(where: { $0 != "InputTemplate" && $0 != "InputPathsMap" }) {
            throw TargetInputError(
                .transformer,
                "InputTransformer for target \(targetId): unknown member '\(unknown)';"
                    + " write InputTemplate and InputPathsMap")
        }
        let countMax = Limits.targetInputCharactersMax
        guard let text = object["InputTemplate"]?.string, (1...countMax).contains(text.unicodeScalars.count) else {
            throw TargetInputError(
                .transformer,
                "InputTransformer for target \(targetId) needs InputTemplate, a string of 1 to \(countMax) characters")
        }
        paths = try InputTransformer.paths(object["InputPathsMap"] ?? .null, targetId: targetId)
        template = try InputTemplate(parsing: text, variables: Set(paths.keys), targetId: targetId)
    }

    private static func paths(_ json: JSON, targetId: String) throws(TargetInputError) -> [String: JSONPath] {
        let place = "InputPathsMap for target \(targetId)"
        if json.isNull { return [:] }
        guard let object = json.object, object.count <= Limits.inputPathsMax else {
            throw TargetInputError(
                .transformer, "\(place) must be an object with at most \(Limits.inputPathsMax) variables")
        }
        var paths: [String: JSONPath] = [:]
        for member in object {
            let isNameValid = (1...256).contains(member.key.utf8.count) && member.key.utf8.allSatisfy(isNameByte)
            guard isNameValid else {
                throw TargetInputError(
                    .transformer,
                    "\(place): the name '\(member.key)' must be 1 to 256 letters, digits, '-' or '_' of ASCII")
            }
            guard let text = member.value.string else {
                throw TargetInputError(.path, "\(place): the path of '\(member.key)' must be a string")
            }
            paths[member.key] = try TargetInput.path(text, "\(place): the path of '\(member.key)'")
        }
        return paths
    }

    /// The template filled from the event; a variable whose path leads nowhere is empty.
    /// - Throws: `TargetInputError` with `.notJSON` or `.tooLarge`.
    func render(event: JSON, context: TargetInput.Context) throws(TargetInputError) -> String {
        try template.render(targetId: targetId) { name in
            if let path = paths[name] { return path.values(in: event) }
            return switch Reserved(rawValue: name) {
            case .ruleARN: .string(context.ruleARN.description)
            case .ruleName: .string(context.ruleName)
            case .ingestionTime: .string(context.ingestionTime.description)
            case .event: InputTransformer.envelope(of: event)
            case .wholeEvent: event
            case nil: nil
            }
        }
    }

    private static func envelope(of event: JSON) -> JSON {
        var envelope = JSONObject()
        for member in event.object ?? JSONObject() where member.key != "detail" {
            envelope.append(member.key == "detail-type" ? "detailType" : member.key, member.value)
        }
        return .object(envelope)
    }
}

/// Whether a variable's name may hold the byte.
func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}
