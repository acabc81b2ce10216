public import Core

/// The six types of document parameters, step outputs and variables.
///
/// Values are JSON: a string, a list of strings, an integer, a boolean, an object, a list of objects.
public enum ParameterType: String, Sendable, Hashable, CaseIterable {
    case string = "String"
    case stringList = "StringList"
    case integer = "Integer"
    case boolean = "Boolean"
    case stringMap = "StringMap"
    case mapList = "MapList"

    static let choices = allCases.map(\.rawValue).joined(separator: ", ")

    /// The type of that name; in runbooks also resource types, `AWS::…` as String and `List<AWS::…>` as StringList.
    init?(name: String, schema: Document.Schema) {
        if let type = ParameterType(rawValue: name) {
            self = type
        } else if schema == .runbook, name.hasPrefix("AWS::") {
            self = .string
        } else if schema == .runbook, name.hasPrefix("List<AWS::"), name.hasSuffix(">") {
            self = .stringList
        } else {
            return nil
        }
    }

    /// Whether a value is of this type; `null` is of every type.
    public func accepts(_ value: JSON) -> Bool {
        switch (self, value) {
        case (_, .null), (.string, .string), (.boolean, .bool), (.stringMap, .object): true
        case (.integer, .number): value.int != nil
        case (.stringList, .array(let elements)): elements.allSatisfy { $0.string != nil }
        case (.mapList, .array(let elements)): elements.allSatisfy { $0.object != nil }
        default: false
        }
    }

    var isList: Bool { self == .stringList || self == .mapList }

    /// Reads a value in any form in which callers write it: typed JSON, the one-element lists of strings of the API,
    /// or JSON text in a string. Nil where it is none of these.
    func value(from supplied: JSON) -> JSON? {
        if !isList, case .array(let elements) = supplied {
            return elements.count == 1 ? value(from: elements[0]) : nil
        }
        switch self {
        case .string: return supplied.plainText.map { .string($0) }
        case .integer: return supplied.plainText.flatMap { JSONNumber(uncheckedText: $0).int }.map { .integer($0) }
        case .boolean: return supplied.plainText.flatMap(Bool.init(spelled:)).map { .bool($0) }
        case .stringMap: return Self.map(supplied)
        case .stringList:
            guard let elements = supplied.array else { return supplied.plainText.map { [.string($0)] } }
            let texts = elements.compactMap(\.plainText)
            return texts.count == elements.count ? .array(texts.map { .string($0) }) : nil
        case .mapList: return Self.mapList(supplied)
        }
    }

    private static func map(_ supplied: JSON) -> JSON? {
        if supplied.object != nil { return supplied }
        guard let text = supplied.string else { return nil }
        if text.isEmpty { return [:] }
        guard let value = try? JSON(parsing: text), value.object != nil else { return nil }
        return value
    }

    private static func mapList(_ supplied: JSON) -> JSON? {
        var maps: [JSON] = []
        for element in supplied.array ?? [supplied] {
            if let value = map(element), element != "" {
                maps.append(value)
            } else if let text = element.string, let list = (text.isEmpty ? [] : try? JSON(parsing: text))?.array {
                guard list.allSatisfy({ $0.object != nil }) else { return nil }
                maps.append(contentsOf: list)
            } else {
                return nil
            }
        }
        return .array(maps)
    }
}

extension JSON {
    /// Strings as they are, numbers and booleans by their spelling; nil for the rest.
    public var plainText: String? {
        switch self {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let flag): flag ? "true" : "false"
        default: nil
        }
    }

    /// The text a value becomes inside other text: strings as they are, the rest as compact JSON.
    var insertedText: String { string ?? text }
}
