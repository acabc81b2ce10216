public import Core

/// The declaration of one argument of a document.
public struct DocumentParameter: Sendable, Hashable {
    /// As the document's references have it.
    public let name: String
    /// What its values are.
    public let type: ParameterType
    /// The type as written; differs from `type` for resource types such as `AWS::EC2::Instance::Id`.
    public let typeName: String
    /// For people.
    public let description: String?
    /// Of the declared type, or text that holds an `{{ssm:…}}` reference; nil makes the parameter required.
    public let defaultValue: JSON?
    /// Any of these texts, for lists in each element; empty for no such rule.
    public let allowedValues: [String]
    /// An expression that each value, or each element of a list, must contain a match of.
    public let allowedPattern: String?
    /// How many elements a list or map may have.
    public let items: ClosedRange<Int>
    /// How many characters a text, or each text of a list, may have.
    public let chars: ClosedRange<Int>
    /// Where an Integer must lie.
    public let range: ClosedRange<Int>
    /// Whether scripts receive the value as the environment variable `SSM_NAME` instead of as text.
    public let isEnvironmentVariable: Bool
    /// Of the name.
    public let position: TextPosition

    /// Whether a run must supply it.
    public var isRequired: Bool { defaultValue == nil }
}

extension DocumentParameter {
    static func list(
        in document: Node, key: String, schema: Document.Schema
    ) throws(DocumentError) -> [DocumentParameter] {
        guard let node = document[key], node.value != .null else { return [] }
        var parameters: [DocumentParameter] = []
        for member in try node.map(key) {
            guard isName(member.key, schema) else {
                let rule = schema == .runbook ? "at most 50 letters, digits and '_'" : "letters and digits"
                throw DocumentError(
                    .content, "the parameter name \"\(member.key)\" must be \(rule)", at: member.keyPosition)
            }
            parameters.append(try DocumentParameter(reading: member, schema: schema))
        }
        let names = Set(parameters.map(\.name))
        for member in try node.map(key) {
            guard let text = member.value["default"] else { continue }
            try text.forEachText { (text, position) throws(DocumentError) in
                guard let other = Template(text).references.first(where: names.contains) else { return }
                throw DocumentError(
                    .content,
                    "the default of \"\(member.key)\" refers to the parameter \"\(other)\"; defaults cannot",
                    at: position)
            }
        }
        return parameters
    }

    static func isName(_ name: String, _ schema: Document.Schema) -> Bool {
        let isRunbook = schema == .runbook
        return !name.isEmpty && (!isRunbook || name.utf8.count <= 50)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: isRunbook && byte == UInt8(ascii: "_")
                }
            }
    }

    private init(reading member: Node.Member, schema: Document.Schema) throws(DocumentError) {
        let node = member.value
        let owner = "the parameter \"\(member.key)\""
        _ = try node.map(owner)
        let typeNode = try node.required("type", of: owner)
        let typeName = try typeNode.text("the type of \(owner)")
        guard let type = ParameterType(name: typeName, schema: schema) else {
            throw typeNode.mismatch("the type of \(owner)", ParameterType.choices)
        }
        name = member.key
        self.type = type
        self.typeName = typeName
        position = member.keyPosition
        description = node["description"]?.plainText
        defaultValue = try Self.defaultValue(node, type, owner)
        var allowed: [String] = []
        for value in try node.present("allowedValues")?.list("allowedValues of \(owner)") ?? [] {
            allowed.append(value.plainText ?? value.json.text)
        }
        allowedValues = allowed
        allowedPattern = try Self.pattern(node, owner)
        items = try Self.range(node, "minItems", "maxItems", 0, owner)
        chars = try Self.range(node, "minChars", "maxChars", 0, owner)
        range = try Self.range(node, "minValue", "maxValue", .min, owner)
        isEnvironmentVariable = try Self.isEnvironmentVariable(node, owner)
        if isEnvironmentVariable, type != .string || schema == .runbook {
            throw DocumentError(
                .content, "\(owner) cannot be ENV_VAR: only String parameters of command documents can", at: position)
        }
    }

    /// A misspelt type must not let a value into the text of a script.
    private static func isEnvironmentVariable(_ node: Node, _ owner: String) throws(DocumentError) -> Bool {
        guard let node = node.present("interpolationType") else { return false }
        let what = "interpolationType of \(owner)"
        guard try node.text(what) == "ENV_VAR" else { throw node.mismatch(what, "ENV_VAR, or left out") }
        return true
    }

    private static func defaultValue(
        _ node: Node, _ type: ParameterType, _ owner: String
    ) throws(DocumentError) -> JSON? {
        guard let node = node["default"], node.value != .null else { return nil }
        if let text = node.string, !StoredParameters.names(in: .string(text)).isEmpty {
            return type == .stringList ? [.string(text)] : .string(text)
        }
        if type == .integer || type == .boolean, node.string != nil {
            throw node.mismatch("the default of \(owner)", "\(type.rawValue) without quotes")
        }
        guard let value = type.value(from: node.json) else {
            throw node.mismatch("the default of \(owner)", "a \(type.rawValue)")
        }
        return value
    }

    private static func pattern(_ node: Node, _ owner: String) throws(DocumentError) -> String? {
        guard let node = node.present("allowedPattern") else { return nil }
        let text = try node.text("allowedPattern of \(owner)")
        do throws(RegularExpressionError) {
            _ = try RegularExpression(text)
        } catch {
            throw DocumentError(.content, "allowedPattern of \(owner) does not compile: \(error)", at: node.position)
        }
        return text
    }

    private static func range(
        _ node: Node, _ lowest: String, _ highest: String, _ floor: Int, _ owner: String
    ) throws(DocumentError) -> ClosedRange<Int> {
        let low = try node.present(lowest)?.integer("\(lowest) of \(owner)") ?? floor
        let high = try node.present(highest)?.integer("\(highest) of \(owner)") ?? .max
        guard low <= high else {
            throw DocumentError(.content, "\(lowest) of \(owner) is above its \(highest)", at: node.position)
        }
        return low...high
    }
}
