/// A text cut at its `{{ reference }}` tokens.
///
/// A token is two braces, spaces, a name, spaces, two braces. The name begins with a letter, a digit or `_` and goes on
/// with those and `. : / - [ ]`; anything else between braces, such as `{{.State}}` of other languages, is text.
public struct Template: Sendable, Hashable {
    /// A piece of the text.
    public enum Part: Sendable, Hashable {
        case text(String)
        /// The name alone, and the token as written.
        case reference(String, spelled: String)
    }

    /// In order; empty for an empty text.
    public let parts: [Part]

    /// Cuts a text; every text is a template.
    public init(_ text: String) {
        let bytes = Array(text.utf8)
        var parts: [Part] = []
        var textStart = 0
        var index = 0
        while index + 1 < bytes.count {
            guard let token = Self.token(in: bytes, at: index) else {
                index += 1
                continue
            }
            if textStart < index { parts.append(.text(String(decoding: bytes[textStart..<index], as: UTF8.self))) }
            parts.append(
                .reference(
                    String(decoding: bytes[token.name], as: UTF8.self),
                    spelled: String(decoding: bytes[index..<token.end], as: UTF8.self)))
            index = token.end
            textStart = index
        }
        if textStart < bytes.count { parts.append(.text(String(decoding: bytes[textStart...], as: UTF8.self))) }
        self.parts = parts
    }

    /// The names referred to, in order, with repetitions.
    public var references: [String] {
        parts.compactMap { if case .reference(let name, _) = $0 { name } else { nil } }
    }

    /// The name, where the text is exactly one token and nothing else.
    public var single: String? {
        guard parts.count == 1, case .reference(let name, _) = parts[0] else { return nil }
        return name
    }

    private static func token(in bytes: [UInt8], at start: Int) -> (name: Range<Int>, end: Int)? {
        let space = UInt8(ascii: " ")
        guard isPair(UInt8(ascii: "{"), in: bytes, at: start) else { return nil }
        var index = start + 2
        while index < bytes.count, bytes[index] == space { index += 1 }
        let name = index
        while index < bytes.count, isNameByte(bytes[index], first: index == name) { index += 1 }
        let end = index
        while index < bytes.count, bytes[index] == space { index += 1 }
        guard end > name, isPair(UInt8(ascii: "}"), in: bytes, at: index) else { return nil }
        return (name..<end, index + 2)
    }

    private static func isPair(_ brace: UInt8, in bytes: [UInt8], at index: Int) -> Bool {
        index + 1 < bytes.count && bytes[index] == brace && bytes[index + 1] == brace
    }

    private static func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        case UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "["),
            UInt8(ascii: "]"):
            !first
        default: false
        }
    }
}
