public import Core

/// What a value of an operation's input must look like.
public indirect enum Shape: Sendable {
    /// - Parameters:
    ///   - length: In Unicode scalars.
    ///   - characters: Which characters may occur; nil for any.
    ///   - values: The only values allowed; empty for any.
    case string(length: ClosedRange<Int> = 0...Int.max, characters: CharacterRule? = nil, values: [String] = [])
    case integer(ClosedRange<Int> = Int.min...Int.max)
    case boolean
    /// RFC 3339 text, or seconds since 1970 as AWS clients send them.
    case timestamp
    case list(Shape, count: ClosedRange<Int> = 0...Int.max)
    case map(Shape, count: ClosedRange<Int> = 0...Int.max)
    case structure([Field])
    /// Any JSON value; the operation itself checks it.
    case any

    /// A string with a name's length and characters.
    public static func name(_ length: ClosedRange<Int>, _ characters: CharacterRule) -> Shape {
        .string(length: length, characters: characters)
    }
}

/// The characters a name may have: ASCII letters, digits and some others.
public struct CharacterRule: Sendable {
    /// The regular expression that error messages show, as in the API model.
    public let pattern: String
    private let others: [UInt8]

    public init(pattern: String, lettersDigitsAnd others: String) {
        self.pattern = pattern
        self.others = Array(others.utf8)
    }

    /// `[\.\-_A-Za-z0-9]+`: rules, targets.
    public static let resourceName = CharacterRule(pattern: #"[\.\-_A-Za-z0-9]+"#, lettersDigitsAnd: ".-_")
    /// `[/\.\-_A-Za-z0-9]+`: event buses.
    public static let busName = CharacterRule(pattern: #"[/\.\-_A-Za-z0-9]+"#, lettersDigitsAnd: "/.-_")

    func allows(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: others.contains(byte)
            }
        }
    }
}

/// A member of a structure.
public struct Field: Sendable {
    public let name: String
    public let shape: Shape
    public let isRequired: Bool
    /// Kept out of the audit log and of error texts.
    public let isSensitive: Bool

    public static func required(_ name: String, _ shape: Shape, sensitive: Bool = false) -> Field {
        Field(name: name, shape: shape, isRequired: true, isSensitive: sensitive)
    }

    public static func optional(_ name: String, _ shape: Shape, sensitive: Bool = false) -> Field {
        Field(name: name, shape: shape, isRequired: false, isSensitive: sensitive)
    }
}

extension Shape {
    /// Checks a value and everything inside it.
    /// - Throws: `ServiceError` `.validation`, in the service's words, naming the place and the constraint.
    public func validate(_ value: JSON, at path: String = "") throws(ServiceError) {
        switch self {
        case .any: return
        case .string(let length, let characters, let values):
            guard let text = value.string else { throw wrongType("a string", value, path) }
            try validate(text, length, characters, values, path)
        case .integer(let range):
            guard let number = value.int else { throw wrongType("an integer", value, path) }
            if number < range.lowerBound {
                throw constraint(value, path, "Member must have value greater than or equal to \(range.lowerBound)")
            }
            if number > range.upperBound {
                throw constraint(value, path, "Member must have value less than or equal to \(range.upperBound)")
            }
        case .boolean:
            guard value.bool != nil else { throw wrongType("a boolean", value, path) }
        case .timestamp:
            guard value.timestamp != nil else { throw wrongType("a timestamp (RFC 3339 text)", value, path) }
        case .list(let element, let count):
            guard let elements = value.array else { throw wrongType("a list", value, path) }
            try validate(count: elements.count, in: count, value, path)
            for (index, member) in elements.enumerated() {
                try element.validate(member, at: "\(path).\(index + 1).member")
            }
        case .map(let element, let count):
            guard let object = value.object else { throw wrongType("a map", value, path) }
            try validate(count: object.count, in: count, value, path)
            for member in object { try element.validate(member.value, at: "\(path).\(member.key)") }
        case .structure(let fields):
            guard let object = value.object else { throw wrongType("an object", value, path) }
            try validate(object, fields, path)
        }
    }

    private func validate(_ object: JSONObject, _ fields: [Field], _ path: String) throws(ServiceError) {
        for member in object {
            guard let field = fields.first(where: { $0.name == member.key }) else {
                let near = nearest(to: member.key, among: fields.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
                let known = fields.map(\.name).joined(separator: ", ")
                throw ServiceError(
                    .validation,
                    "Unknown member '\(member.key)'\(path.isEmpty ? "" : " at '\(path)'")\(near). Known: \(known).")
            }
            if member.value.isNull && !field.isRequired { continue }
            let place = Shape.join(path, member.key)
            do throws(ServiceError) {
                try field.shape.validate(member.value, at: place)
            } catch {
                guard field.isSensitive else { throw error }
                throw ServiceError(.validation, "The value at '\(place)' is not valid; it is secret and not shown.")
            }
        }
        for field in fields where field.isRequired && (object[field.name] ?? .null).isNull {
            throw constraint(.null, Shape.join(path, field.name), "Member must not be null")
        }
    }

    private func validate(
        _ text: String, _ length: ClosedRange<Int>, _ characters: CharacterRule?, _ values: [String], _ path: String
    ) throws(ServiceError) {
        let count = text.unicodeScalars.count
        if count < length.lowerBound {
            throw constraint(
                .string(text), path, "Member must have length greater than or equal to \(length.lowerBound)")
        }
        if count > length.upperBound {
            throw constraint(.string(text), path, "Member must have length less than or equal to \(length.upperBound)")
        }
        if let characters, !characters.allows(text) {
            throw constraint(
                .string(text), path, "Member must satisfy regular expression pattern: \(characters.pattern)")
        }
        if !values.isEmpty && !values.contains(text) {
            throw constraint(
                .string(text), path, "Member must satisfy enum value set: [\(values.joined(separator: ", "))]")
        }
    }

    private func validate(
        count: Int, in range: ClosedRange<Int>, _ value: JSON, _ path: String
    ) throws(ServiceError) {
        if count < range.lowerBound {
            throw constraint(value, path, "Member must have length greater than or equal to \(range.lowerBound)")
        }
        if count > range.upperBound {
            throw constraint(value, path, "Member must have length less than or equal to \(range.upperBound)")
        }
    }

    private static func join(_ path: String, _ name: String) -> String {
        let lowered = name.prefix(1).lowercased() + name.dropFirst()
        return path.isEmpty ? lowered : "\(path).\(lowered)"
    }

    private func wrongType(_ expected: String, _ value: JSON, _ path: String) -> ServiceError {
        ServiceError(
            .validation,
            "\(path.isEmpty ? "The input" : "The value at '\(path)'") must be \(expected), not \(value.typeName).")
    }

    private func constraint(_ value: JSON, _ path: String, _ text: String) -> ServiceError {
        var shown = value.string ?? value.text
        if shown.utf8.count > 200 { shown = String(shown.prefix(200)) + "…" }
        return ServiceError(
            .validation,
            "1 validation error detected: Value '\(shown)' at '\(path)' failed to satisfy constraint: \(text)")
    }
}

extension JSON {
    /// RFC 3339 text, or seconds since 1970 as a number; nil for anything else.
    public var timestamp: Timestamp? {
        switch self {
        case .string(let text): Timestamp(rfc3339: text)
        case .number(let number) where number.double.magnitude < 1e12:
            Timestamp(microseconds: Int64(number.double * 1_000_000))
        default: nil
        }
    }
}
