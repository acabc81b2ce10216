internal import CShims

/// Passing over JSON without looking at what it says. Never reads beyond `end`, whatever the bytes are.
///
/// A structure of one pointer, so that it travels in a register: methods of the matcher that do not change it would
/// be handed a copy of all of it.
struct EventReader: BitwiseCopyable {
    typealias Bytes = UnsafePointer<UInt8>

    let end: Bytes

    @inline(__always)
    func skipWhitespace(_ start: Bytes) -> Bytes {
        var position = start
        while position < end, position.pointee <= UInt8(ascii: " ") { position += 1 }
        return position
    }

    /// The closing quote of a string whose content begins at `start`, and whether a backslash stands before it.
    @inline(__always)
    func stringEnd(_ start: Bytes) -> (close: Bytes, hasEscapes: Bool)? {
        var position = start
        while position + 16 <= end {
            let special = ops_mask_quote_or_escape(position)
            if special != 0 {
                position += special.trailingZeroBitCount
                return position.pointee == UInt8(ascii: "\"") ? (position, false) : escapedStringEnd(position)
            }
            position += 16
        }
        while position < end {
            if position.pointee == UInt8(ascii: "\"") { return (position, false) }
            if position.pointee == UInt8(ascii: "\\") { return escapedStringEnd(position) }
            position += 1
        }
        return nil
    }

    @inline(never)
    private func escapedStringEnd(_ start: Bytes) -> (close: Bytes, hasEscapes: Bool)? {
        var position = start
        while position < end {
            if position.pointee == UInt8(ascii: "\"") { return (position, true) }
            position += position.pointee == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    @inline(__always)
    func scalarEnd(_ start: Bytes) -> Bytes {
        var position = start
        // Everything that may follow a number or a word is below '+' or above 'z', but for the comma and the bracket.
        while position < end {
            let byte = position.pointee
            if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") || byte <= 0x20 {
                break
            }
            position += 1
        }
        return position
    }

    func skipValue(_ start: Bytes) -> Bytes? {
        switch start.pointee {
        case UInt8(ascii: "\""): return stringEnd(start + 1).map { $0.close + 1 }
        case UInt8(ascii: "{"), UInt8(ascii: "["): return skipContainer(start)
        default:
            let next = scalarEnd(start)
            return next == start ? nil : next
        }
    }

    func skipRestOfObject(_ start: Bytes) -> Bytes? {
        skipContainer(start, open: UInt8(ascii: "{"), depth: 1)
    }

    /// Passes over an object or array that begins at `start`.
    func skipContainer(_ start: Bytes) -> Bytes? {
        skipContainer(start + 1, open: start.pointee, depth: 1)
    }

    /// Passes over what is left of `depth` nested containers of one sort, 64 bytes at a time. Brackets of the other
    /// sort are balanced in between, so they need no counting; those in strings are masked out.
    @inline(never)
    private func skipContainer(_ start: Bytes, open: UInt8, depth startDepth: Int) -> Bytes? {
        // In ASCII the closing ones follow the opening ones at a distance of two.
        let close = open + 2
        var position = start
        var depth = startDepth
        var inString: UInt64 = 0
        while position + 64 <= end {
            let block = ops_scan_block(position, open, close)
            if block.escapes != 0 { break }
            let strings = prefixParity(block.quotes) ^ inString
            var closes = block.closes & ~strings
            let opens = block.opens & ~strings
            let closeCount = closes.nonzeroBitCount
            if closeCount >= depth {
                // Maybe here: at each closing bracket, count what stands before it.
                var seen = 0
                while closes != 0 {
                    let bit = UInt64(closes.trailingZeroBitCount)
                    seen += 1
                    if depth + (opens & (1 << bit - 1)).nonzeroBitCount - seen == 0 { return position + Int(bit) + 1 }
                    closes &= closes - 1
                }
            }
            depth += opens.nonzeroBitCount - closeCount
            inString = UInt64(bitPattern: Int64(bitPattern: strings) >> 63)
            position += 64
        }
        return skipBytewise(position, open, close, depth, inString: inString != 0)
    }

    private func skipBytewise(_ start: Bytes, _ open: UInt8, _ close: UInt8, _ depth: Int, inString: Bool) -> Bytes? {
        var position = start
        var depth = depth
        if inString {
            guard let (close, _) = stringEnd(position) else { return nil }
            position = close + 1
        }
        while position < end {
            let byte = position.pointee
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard let (close, _) = stringEnd(position) else { return nil }
                position = close + 1
            } else if byte == open {
                depth += 1
            } else if byte == close {
                depth -= 1
                if depth == 0 { return position }
            }
        }
        return nil
    }

    /// Bit n: an odd number of the bits up to n are set; so, of quotes, whether byte n lies in a string.
    @inline(__always)
    private func prefixParity(_ bits: UInt64) -> UInt64 {
        var parity = bits
        parity ^= parity << 1
        parity ^= parity << 2
        parity ^= parity << 4
        parity ^= parity << 8
        parity ^= parity << 16
        parity ^= parity << 32
        return parity
    }

    /// Whether a key holds a dot.
    @inline(__always)
    func hasDot(_ key: Bytes, _ count: Int) -> Bool {
        var index = 0
        while index < count, key + (index + 16) <= end {
            let dots = ops_mask_byte(key + index, UInt8(ascii: "."))
            if dots != 0 { return index + dots.trailingZeroBitCount < count }
            index += 16
        }
        while index < count {
            if key[index] == UInt8(ascii: ".") { return true }
            index += 1
        }
        return false
    }
}

extension ScratchList<UInt8> {
    /// Appends the text that a JSON string's content stands for; an unpaired surrogate becomes U+FFFD.
    /// - Returns: Bytes appended, at most `count`.
    mutating func appendUnescaped(_ content: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let before = self.count
        var index = 0
        while index < count {
            let byte = content[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < count else {
                append(byte)
                continue
            }
            let escape = content[index]
            index += 1
            switch escape {
            case UInt8(ascii: "b"): append(8)
            case UInt8(ascii: "f"): append(12)
            case UInt8(ascii: "n"): append(10)
            case UInt8(ascii: "r"): append(13)
            case UInt8(ascii: "t"): append(9)
            case UInt8(ascii: "u"):
                let scalar = unescapedScalar(content, count, &index)
                for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { append(unit) }
            default: append(escape)
            }
        }
        return self.count - before
    }

    private func unescapedScalar(_ content: UnsafePointer<UInt8>, _ count: Int, _ index: inout Int) -> Unicode.Scalar {
        let first = hexadecimalUnit(content, count, index)
        index = Swift.min(index + 4, count)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < count, content[index] == UInt8(ascii: "\\"),
            content[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let second = hexadecimalUnit(content, count, index + 2)
        guard second & 0xFC00 == 0xDC00 else { return "\u{FFFD}" }
        index = Swift.min(index + 6, count)
        return Unicode.Scalar(0x10000 + (UInt32(first) & 0x3FF) << 10 + UInt32(second) & 0x3FF) ?? "\u{FFFD}"
    }

    private func hexadecimalUnit(_ content: UnsafePointer<UInt8>, _ count: Int, _ index: Int) -> UInt16 {
        guard index + 4 <= count else { return 0xFFFD }
        var unit: UInt16 = 0
        for offset in 0..<4 { unit = unit << 4 | UInt16(hexadecimalValue(content[index + offset]) ?? 0) }
        return unit
    }
}
