internal import CShims
internal import Glibc

/// Appends a string token's characters with its escapes undone.
///
/// Sixteen bytes are copied at a time, up to and past the next backslash, which then is overwritten: undoing escapes
/// only makes text shorter, so there is always room.
/// - Parameter raw: The characters between the quotes, of validated JSON.
func appendUnescaped(_ raw: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: raw.count))
    let written = output.withUnsafeMutableBytes {
        unescape(raw, into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
    }
    output.removeLast(raw.count - written)
}

/// - Parameter output: As many bytes as `raw`.
/// - Returns: How many bytes were written.
private func unescape(_ raw: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
    guard let from = raw.baseAddress, let to = output.baseAddress else { return 0 }
    var index = 0
    var written = 0
    while index < raw.count {
        if index + 16 <= raw.count {
            memcpy(to + written, from + index, 16)
            let backslashes = ops_mask_byte((from + index).assumingMemoryBound(to: UInt8.self), UInt8(ascii: "\\"))
            let plain = backslashes == 0 ? 16 : backslashes.trailingZeroBitCount
            index += plain
            written += plain
            if backslashes == 0 { continue }
        } else if raw[index] != UInt8(ascii: "\\") {
            output[written] = raw[index]
            index += 1
            written += 1
            continue
        }
        // A backslash without what belongs to it ends the text.
        guard index + 1 < raw.count else { break }
        let escape = raw[index + 1]
        index += 2
        if escape == UInt8(ascii: "u") {
            guard index + 4 <= raw.count else { break }
            for byte in UTF8.encode(scalar(raw, after: &index)) ?? UTF8.encodedReplacementCharacter {
                output[written] = byte
                written += 1
            }
        } else {
            output[written] = character(of: escape)
            written += 1
        }
    }
    return written
}

/// What the escapes of one letter stand for.
private func character(of escape: UInt8) -> UInt8 {
    switch escape {
    case UInt8(ascii: "n"): UInt8(ascii: "\n")
    case UInt8(ascii: "t"): UInt8(ascii: "\t")
    case UInt8(ascii: "r"): UInt8(ascii: "\r")
    case UInt8(ascii: "b"): 8
    case UInt8(ascii: "f"): 12
    default: escape
    }
}

/// The scalar of a `\u` escape, or of two that are a surrogate pair.
/// - Parameter index: Of the first digit; afterwards of what follows.
private func scalar(_ raw: UnsafeRawBufferPointer, after index: inout Int) -> Unicode.Scalar {
    var unit = codeUnit(raw, at: index)
    index += 4
    if unit & 0xFC00 == 0xD800 {
        unit = 0x10000 + (unit & 0x3FF) << 10 + codeUnit(raw, at: index + 2) & 0x3FF
        index += 6
    }
    return Unicode.Scalar(unit) ?? "\u{FFFD}"
}

/// Four hexadecimal digits; 0 where they are cut off, as in half a pair.
private func codeUnit(_ raw: UnsafeRawBufferPointer, at index: Int) -> UInt32 {
    guard index + 4 <= raw.count else { return 0 }
    var value: UInt32 = 0
    for byte in raw[index..<index + 4] {
        let digit = byte <= UInt8(ascii: "9") ? byte &- UInt8(ascii: "0") : (byte | 0x20) &- UInt8(ascii: "a") &+ 10
        value = value << 4 | UInt32(digit & 15)
    }
    return value
}
