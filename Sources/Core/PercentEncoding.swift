/// The encoding of bytes in URLs and forms.
/// - Source: RFC 3986, section 2; URL standard, section 5, for forms.
public enum PercentEncoding {
    /// What `text` stands for; nil where a `%` is not followed by two hexadecimal digits.
    /// - Parameter plusIsSpace: As in forms, where `+` is a space.
    public static func decode(_ text: some Collection<UInt8>, plusIsSpace: Bool = false) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
                output.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: output.append(UInt8(ascii: " "))
            default: output.append(byte)
            }
        }
        return output
    }

    /// The text that `text` stands for; nil where the encoding is broken or the bytes are no UTF-8.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        decode(text.utf8, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// All but letters, digits and `-._~` as `%XX`, in capitals.
    /// - Parameter keepingSlash: Whether `/` stands for itself too, as in a path.
    public static func encode(_ bytes: some Sequence<UInt8>, keepingSlash: Bool = false) -> String {
        var output: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.append(byte)
            case UInt8(ascii: "/") where keepingSlash: output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(capitalDigits[Int(byte >> 4)])
                output.append(capitalDigits[Int(byte & 15)])
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static let capitalDigits = Array("0123456789ABCDEF".utf8)

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// The bytes that an even number of hexadecimal digits stands for; nil for anything else.
public func bytes(hexadecimal text: String) -> [UInt8]? {
    guard text.utf8.count.isMultiple(of: 2) else { return nil }
    // Each pair of digits is one percent-encoded byte without its sign.
    var encoded: [UInt8] = []
    for (index, byte) in text.utf8.enumerated() {
        if index.isMultiple(of: 2) { encoded.append(UInt8(ascii: "%")) }
        encoded.append(byte)
    }
    return PercentEncoding.decode(encoded)
}
