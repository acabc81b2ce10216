public import Core

/// What a value of an operation's input must look like.
public indirect enum Shape: Sendable {
    /// - Parameters:
    ///   - length: In Unicode scalars.
    ///   - characters: Which characters may occur; nil for any.
    ///   - pattern: What the whole text must match; nil for no such rule.
    ///   - values: The only values allowed; empty for any.
    case string(
        length: ClosedRange<Int> = 0...Int.max, characters: CharacterRule? = nil, pattern: TextPattern? = nil,
        values: [String] = [])
    case integer(ClosedRange<Int> = Int.min...Int.max)
    case boolean
    /// RFC 3339 text, or seconds since 1970 as AWS clients send them.
    case timestamp
    /// Bytes, as text in Base64.
    case blob
    case list(Shape, count: ClosedRange<Int> = 0...Int.max)
    /// - Parameter keys: A string's shape; nil for any.
    case map(Shape, keys: Shape? = nil, count: ClosedRange<Int> = 0...Int.max)
    case structure([Field])
    /// Any JSON value; the operation itself checks it.
    case any
    /// What the service has and OpsBus has not: refused by name, for a reason that ends the sentence.
    case unsupported(String)

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

    public func allows(_ text: String) -> Bool {
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
