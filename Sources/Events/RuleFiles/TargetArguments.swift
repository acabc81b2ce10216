internal import API
public import Core

/// What a rule's target gives to the document that it names, as far as the file tells without an event.
public struct TargetArguments: Sendable, Hashable {
    /// A value for one parameter of the document.
    public struct Argument: Sendable, Hashable {
        public var name: String
        /// Of the name; of the whole input where that is written as text.
        public var position: TextPosition
        /// As the document receives it; nil where the event decides.
        public var value: JSON?

        public init(name: String, position: TextPosition, value: JSON?) {
            self.name = name
            self.position = position
            self.value = value
        }
    }

    public var rule: String
    public var target: String
    public var document: String
    /// Nil for the default version.
    public var version: String?
    /// Whether the target starts a runbook rather than a command.
    public var isRunbook: Bool
    public var file: String
    /// Of the target's ARN.
    public var position: TextPosition
    /// Of the target's input; of the target where it has none.
    public var inputPosition: TextPosition
    /// Nil where the event decides even which parameters there are.
    public var arguments: [Argument]?

    /// - Parameters:
    ///   - target: As read from `node`.
    ///   - node: The target in the file.
    /// - Returns: Nil for a target that is no document.
    /// - Throws: `ServiceError` `.validation` for an input that can never be a document's parameters.
    init?(_ target: Target, _ node: Node, rule: String, file: String) throws(ServiceError) {
        switch try TargetAction(target) {
        case .runCommand(let document, _):
            (self.document, version, isRunbook) = (document, nil, false)
        case .startAutomation(let document, let version):
            (self.document, self.version, isRunbook) = (document, version, true)
        case .publish, .send, .invoke, .forward, .putEvent, .request, .log: return nil
        }
        self.rule = rule
        self.target = target.id
        self.file = file
        position = node["Arn"]?.position ?? node.position
        let transformer = node["InputTransformer"]
        let input = node["Input"] ?? transformer?["InputTemplate"]
        inputPosition = input?.position ?? node.position
        if node["InputPath"] != nil { return }
        guard let input else {
            // Documents get nothing from an event that is passed on untouched.
            arguments = []
            return
        }
        let names = (transformer?["InputPathsMap"]?.members ?? []).map(\.key)
        let placeholders = (names + InputTransformer.Reserved.allCases.map(\.rawValue)).map { "<\($0)>" }
        let isTemplate = node["Input"] == nil
        if let members = input.members {
            arguments = members.map { member in
                TargetArguments.argument(member.key, member.keyPosition, member.value.json, isTemplate, placeholders)
            }
            return
        }
        let text = input.string ?? input.json.text
        let json = isTemplate ? InputTemplate.outline(of: text) : try? JSON(parsing: text)
        if let object = json?.object {
            arguments = object.map { member in
                TargetArguments.argument(member.key, input.position, member.value, isTemplate, placeholders)
            }
        } else if !isTemplate || json?.mentions(placeholders) != true {
            throw ServiceError(
                .validation,
                "target \(target.id) gives the document \(document) no object of its parameters; write it as "
                    + #"{"NAME": ["VALUE"]}"#)
        }
    }

    private static func argument(
        _ name: String, _ position: TextPosition, _ value: JSON, _ isTemplate: Bool, _ placeholders: [String]
    ) -> Argument {
        let isOpen = isTemplate && value.mentions(placeholders)
        // A bare nil would be the JSON value null.
        return Argument(name: name, position: position, value: isOpen ? JSON?.none : TargetCall.argument(value))
    }
}

extension JSON {
    /// Whether one of the texts within holds one of the placeholders.
    fileprivate func mentions(_ placeholders: [String]) -> Bool {
        switch self {
        case .string(let text): placeholders.contains { text.contains($0) }
        case .array(let elements): elements.contains { $0.mentions(placeholders) }
        case .object(let object): object.contains { $0.value.mentions(placeholders) }
        default: false
        }
    }
}
