/// What is wrong with a JSON text, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case syntax, invalidUTF8, tooDeep, tooLarge
    }

    public let code: Code
    public let message: String
    public let position: TextPosition

    public init(_ code: Code, _ message: String, at position: TextPosition) {
        self.code = code
        self.message = message
        self.position = position
    }

    public var description: String { "\(message) at \(position)" }
}

extension JSON {
    /// Reads one JSON text.
    /// - Parameter text: UTF-8, at most `Limits.jsonDepthMax` levels of nesting.
    /// - Throws: `JSONError` with the first offending line and column.
    public init(parsing text: String) throws(JSONError) { self = try Node(parsingJSON: text).json }

    /// Reads one JSON text from bytes, as ``init(parsing:)-(String)`` does.
    public init(parsing bytes: [UInt8]) throws(JSONError) { self = try Node(parsingJSON: bytes).json }
}

extension Node {
    public init(parsingJSON text: String) throws(JSONError) { try self.init(parsingJSON: Array(text.utf8)) }

    /// Reads one JSON text and keeps the position of every value and key.
    /// - Throws: `JSONError`.
    public init(parsingJSON bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes)
        self = try parser.document()
    }
}

/// A strict recursive-descent reader.
private struct JSONParser {
    let bytes: [UInt8]
    var index = 0
    var depth = 0
    var line = 1
    // How many columns of the line lie before an index, so that each byte is counted once, however long the line is.
    var countedIndex = 0
    var countedColumns = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> Node {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw error("a byte order mark is not allowed in JSON") }
        let node = try value()
        skipWhitespace()
        if index < bytes.count { throw error("unexpected text after the JSON value") }
        return node
    }

    /// Where the current index is.
    var position: TextPosition {
        let uncounted = bytes[countedIndex..<min(index, bytes.count)].count { $0 & 0xC0 != 0x80 }
        return TextPosition(line: line, column: countedColumns + uncounted + 1)
    }

    /// The position, from which later ones are counted.
    mutating func markPosition() -> TextPosition {
        let position = position
        countedIndex = index
        countedColumns = position.column - 1
        return position
    }

    func error(_ message: String, _ code: JSONError.Code = .syntax) -> JSONError {
        JSONError(code, message, at: position)
    }

    mutating func skipWhitespace() {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\n"):
                line += 1
                countedIndex = index + 1
                countedColumns = 0
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            default: return
            }
            index += 1
        }
    }

    mutating func value() throws(JSONError) -> Node {
        skipWhitespace()
        let start = markPosition()
        guard index < bytes.count else { throw error("the text ends where a value is expected") }
        switch bytes[index] {
        case UInt8(ascii: "{"): return Node(.object(try object()), at: start)
        case UInt8(ascii: "["): return Node(.array(try array()), at: start)
        case UInt8(ascii: "\""): return Node(.string(try string()), at: start)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return Node(.number(try number()), at: start)
        case UInt8(ascii: "t"): return Node(try word("true", .bool(true)), at: start)
        case UInt8(ascii: "f"): return Node(try word("false", .bool(false)), at: start)
        case UInt8(ascii: "n"): return Node(try word("null", .null), at: start)
        default: throw error("expected a JSON value, found \(found)")
        }
    }

    /// The character at the current index as an error message shows it.
    var found: String {
        guard index < bytes.count else { return "the end of the text" }
        let byte = bytes[index]
        return byte > 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
    }

    mutating func word(_ word: StaticString, _ value: Node.Value) throws(JSONError) -> Node.Value {
        let matches = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard matches else { throw error("expected a JSON value, found \(found)") }
        index += word.utf8CodeUnitCount
        return value
    }

    mutating func enter() throws(JSONError) {
        depth += 1
        if depth > Limits.jsonDepthMax { throw error("nesting is deeper than \(Limits.jsonDepthMax) levels", .tooDeep) }
        index += 1
    }

    mutating func array() throws(JSONError) -> [Node] {
        try enter()
        defer { depth -= 1 }
        var elements: [Node] = []
        skipWhitespace()
        if consume("]") { return elements }
        while true {
            elements.append(try value())
            skipWhitespace()
            if consume("]") { return elements }
            guard consume(",") else { throw error("expected ',' or ']', found \(found)") }
        }
    }

    mutating func object() throws(JSONError) -> [Node.Member] {
        try enter()
        defer { depth -= 1 }
        var members: [Node.Member] = []
        skipWhitespace()
        if consume("}") { return members }
        while true {
            skipWhitespace()
            let keyPosition = markPosition()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw error("expected a key in double quotes, found \(found)")
            }
            let key = try string()
            skipWhitespace()
            guard consume(":") else { throw error("expected ':' after the key \"\(key)\", found \(found)") }
            members.append(Member(key: key, keyPosition: keyPosition, value: try value()))
            skipWhitespace()
            if consume("}") { return members }
            guard consume(",") else { throw error("expected ',' or '}', found \(found)") }
        }
    }

    typealias Member = Node.Member

    mutating func consume(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    mutating func number() throws(JSONError) -> JSONNumber {
        let start = index
        _ = consume("-")
        if consume("0") {
            if index < bytes.count, isDigit(bytes[index]) { throw error("a number may not begin with 0") }
        } else {
            try digits()
        }
        if consume(".") { try digits() }
        if consume("e") || consume("E") {
            if !consume("+") { _ = consume("-") }
            try digits()
        }
        return JSONNumber(uncheckedText: String(decoding: bytes[start..<index], as: UTF8.self))
    }

    func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    mutating func digits() throws(JSONError) {
        let start = index
        while index < bytes.count, isDigit(bytes[index]) { index += 1 }
        if index == start { throw error("expected a digit, found \(found)") }
    }

    mutating func string() throws(JSONError) -> String {
        index += 1
        let stringStart = index
        var start = index
        var unescaped: [UInt8] = []
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                unescaped.append(contentsOf: bytes[start..<index])
                guard let text = String(validating: unescaped, as: UTF8.self) else {
                    index = invalidByte(in: stringStart..<index)
                    throw error("the string is not valid UTF-8: found \(found)", .invalidUTF8)
                }
                index += 1
                return text
            case UInt8(ascii: "\\"):
                unescaped.append(contentsOf: bytes[start..<index])
                index += 1
                unescaped.append(contentsOf: String(try escape()).utf8)
                start = index
            case 0..<0x20: throw error("control characters must be escaped in strings; found \(found)")
            default: index += 1
            }
        }
        throw error("the string is not closed")
    }

    /// The first byte of a range that does not belong to a character.
    func invalidByte(in range: Range<Int>) -> Int {
        do {
            _ = try UTF8Span(validating: bytes.span.extracting(range))
            return range.upperBound
        } catch {
            return range.lowerBound + error.byteOffsets.lowerBound
        }
    }

    mutating func escape() throws(JSONError) -> Unicode.Scalar {
        guard index < bytes.count else { throw error("the string is not closed") }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default:
            index -= 1
            throw error("unknown escape: a backslash before \(found)")
        }
    }

    mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Only surrogates are no scalars: a high one must be followed by the escape of a low one.
        guard first < 0xDC00, consume("\\"), consume("u") else { throw error("unpaired surrogate in a \\u escape") }
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second) else { throw error("unpaired surrogate in a \\u escape") }
        let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        return Unicode.Scalar(value)!
    }

    mutating func hexadecimal() throws(JSONError) -> UInt16 {
        guard index + 4 <= bytes.count,
            bytes[index..<index + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt16(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw error("expected four hexadecimal digits after \\u") }
        index += 4
        return value
    }
}
