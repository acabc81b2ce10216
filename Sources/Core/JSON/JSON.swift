/// A JSON value that keeps what other trees lose: the order of members, repeated keys and the spelling of numbers.
///
/// For API bodies, documents and rules. The data path works on bytes and never builds this tree.
/// - Source: RFC 8259.
public indirect enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

extension JSON {
    public static func integer(_ value: some BinaryInteger) -> JSON { .number(JSONNumber(value)) }

    public var isNull: Bool { self == .null }

    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value as a signed 64-bit integer; nil for other types, fractions and numbers out of range.
    public var int: Int? {
        if case .number(let value) = self { value.int } else { nil }
    }

    public var double: Double? {
        if case .number(let value) = self { value.double } else { nil }
    }

    public var array: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    public var object: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The member of an object; nil where this is no object or has no such member. Setting nil removes the member,
    /// and setting a member of something that is no object replaces it by an object.
    public subscript(_ key: String) -> JSON? {
        get { object?[key] }
        set {
            var object = self.object ?? JSONObject()
            object[key] = newValue
            self = .object(object)
        }
    }

    /// The element of an array; nil where this is no array or has no such element.
    public subscript(_ index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }

    /// The name of the JSON type, for error messages: `object`, `array`, `string`, `number`, `boolean` or `null`.
    public var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSON: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

/// A JSON number by its spelling, so that `1.0`, `1e0` and thirty-digit integers survive a round trip.
public struct JSONNumber: Sendable, Hashable {
    /// The number as written; always valid JSON.
    public let text: String

    /// - Parameter text: A number in JSON's grammar; not checked.
    public init(uncheckedText text: String) { self.text = text }

    public init(_ value: some BinaryInteger) { text = String(value) }

    /// Infinite values and NaN have no JSON form and become `null`'s nearest number, 0; callers check first.
    public init(_ value: Double) {
        guard value.isFinite else {
            text = "0"
            return
        }
        let spelled = value.description
        text = spelled.hasSuffix(".0") ? String(spelled.dropLast(2)) : spelled
    }

    /// The value as a signed 64-bit integer, if it is one exactly: `2`, `2.0` and `2e0` are, `2.5` is not.
    public var int: Int? { Int(text) ?? exactInteger }

    /// The integer that a spelling with a fraction or an exponent stands for; a `Double` on the way would round it.
    private var exactInteger: Int? {
        let parts = text.split(maxSplits: 1) { $0 == "e" || $0 == "E" }
        guard let decimal = parts.first?.split(separator: ".", maxSplits: 1), let whole = decimal.first else {
            return nil
        }
        let sign = whole.hasPrefix("-") ? "-" : ""
        let fraction = decimal.count == 2 ? decimal[1] : ""
        let digits = (whole.dropFirst(sign.utf8.count) + fraction).utf8.drop { $0 == UInt8(ascii: "0") }
        if digits.isEmpty { return 0 }
        guard let exponent = Int32(parts.count == 2 ? parts[1] : "0") else { return nil }
        let zerosMissing = Int(exponent) - fraction.utf8.count
        let zerosTooMany = max(0, -zerosMissing)
        guard digits.count + zerosMissing <= 19,
            digits.suffix(zerosTooMany).allSatisfy({ $0 == UInt8(ascii: "0") })
        else { return nil }
        let significant = String(decoding: digits.dropLast(zerosTooMany), as: UTF8.self)
        return Int(sign + significant + String(repeating: "0", count: max(0, zerosMissing)))
    }

    /// The nearest IEEE 754 double; infinite where the number is out of range.
    public var double: Double { Double(text) ?? .nan }
}

/// The members of a JSON object in the order written. Where a key is repeated, look-ups find the last.
public struct JSONObject: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public var key: String
        public var value: JSON

        public init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    public private(set) var members: [Member]

    public init(_ members: [Member] = []) { self.members = members }

    public var keys: [String] { members.map(\.key) }
    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

    /// Adds a member without looking for an earlier one of that key.
    public mutating func append(_ key: String, _ value: JSON) { members.append(Member(key: key, value: value)) }

    public subscript(_ key: String) -> JSON? {
        get { members.last { $0.key == key }?.value }
        set {
            guard let newValue else {
                members.removeAll { $0.key == key }
                return
            }
            if let index = members.lastIndex(where: { $0.key == key }) {
                members[index].value = newValue
            } else {
                members.append(Member(key: key, value: newValue))
            }
        }
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> [Member].Iterator { members.makeIterator() }
}
