internal import CShims

/// Walks over JSON text that has already been validated, without building anything.
///
/// The text's grammar is trusted, its bounds are not: a caller who forgot to validate gets nils, never a stray read.
struct JSONCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var index: Int

    init(_ bytes: UnsafeRawBufferPointer, at index: Int = 0) {
        self.bytes = bytes
        self.index = index
    }

    /// A string's characters between the quotes, escapes not undone.
    struct StringToken {
        var range: Range<Int>
        var hasEscapes: Bool

        /// The characters that the token stands for.
        /// - Parameter text: What it is a token of.
        func unescaped(in text: UnsafeRawBufferPointer) -> [UInt8] {
            var output: [UInt8] = []
            appendUnescaped(UnsafeRawBufferPointer(rebasing: text[range]), to: &output)
            return output
        }
    }

    /// The next byte that is not white space; 0 at the end.
    mutating func peek() -> UInt8 {
        while index < bytes.count {
            let byte = bytes[index]
            if byte > 0x20 { return byte }
            index += 1
        }
        return 0
    }

    mutating func consume(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// Calls `body` with each key of the object that begins here, the cursor at the value; the body must pass it.
    /// - Returns: Whether there was an object and `body` went along.
    mutating func members(_ body: (inout JSONCursor, StringToken) -> Bool) -> Bool {
        guard consume("{") else { return false }
        if consume("}") { return true }
        repeat {
            guard let key = string(), consume(":"), body(&self, key) else { return false }
        } while consume(",")
        return consume("}")
    }

    /// Calls `body` at each element of the array that begins here; the body must pass it.
    mutating func elements(_ body: (inout JSONCursor) -> Bool) -> Bool {
        guard consume("[") else { return false }
        if consume("]") { return true }
        repeat {
            guard body(&self) else { return false }
        } while consume(",")
        return consume("]")
    }

    mutating func string() -> StringToken? {
        guard consume("\""), let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        let start = index
        var hasEscapes = false
        while index < bytes.count {
            // Sixteen plain characters at a time; what stops the run is looked at byte by byte.
            if index + 16 <= bytes.count {
                let mask = ops_mask_string_special(base + index)
                if mask == 0 {
                    index += 16
                    continue
                }
                index += mask.trailingZeroBitCount
            }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return StringToken(range: start..<index - 1, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// A number, as text.
    mutating func number() -> Range<Int>? {
        let first = peek()
        guard first == UInt8(ascii: "-") || (first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9")) else {
            return nil
        }
        let start = index
        scan: while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                index += 1
            default: break scan
            }
        }
        return start..<index
    }

    /// `null`, passed over.
    mutating func null() -> Bool {
        guard peek() == UInt8(ascii: "n") else { return false }
        index += 4
        return true
    }

    /// A value of any kind, passed over.
    mutating func skipValue() -> Bool {
        switch peek() {
        case UInt8(ascii: "{"): return members { cursor, _ in cursor.skipValue() }
        case UInt8(ascii: "["): return elements { $0.skipValue() }
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "t"), UInt8(ascii: "n"): index += 4
        case UInt8(ascii: "f"): index += 5
        default: return number() != nil
        }
        return true
    }

    /// Whether a token's characters are exactly these.
    func isText(_ token: StringToken, _ text: StaticString) -> Bool {
        guard token.range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<text.utf8CodeUnitCount where bytes[token.range.lowerBound + offset] != text.utf8Start[offset]
        {
            return false
        }
        return true
    }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }
}
