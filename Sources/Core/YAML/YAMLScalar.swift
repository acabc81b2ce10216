/// The values that plain scalars stand for: YAML 1.2's core schema, as far as JSON can hold it.
///
/// Departures, each because an author expects the text back: a decimal with leading zeros (`0644`, an account number)
/// stays a string, and so does a hexadecimal or octal number that needs more than 64 bits. `yes`, `no`, `on`, `off` and
/// timestamps are strings in the core schema already.
/// - Source: YAML 1.2.2, section 10.3.
enum YAMLScalar {
    /// - Throws: `YAMLError` with `.number` for infinities and not-a-number.
    static func plain(_ text: String, at position: TextPosition) throws(YAMLError) -> Node.Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        if isNotFinite(text) {
            throw YAMLError(.number, "\(text) has no JSON form; put it in quotes if the text is meant", at: position)
        }
        return number(text).map { .number($0) } ?? .string(text)
    }

    private static func isNotFinite(_ text: String) -> Bool {
        switch text {
        case ".nan", ".NaN", ".NAN": return true
        default:
            let unsigned = text.hasPrefix("+") || text.hasPrefix("-") ? text.dropFirst() : text[...]
            return unsigned == ".inf" || unsigned == ".Inf" || unsigned == ".INF"
        }
    }

    /// The number a text spells, its spelling kept where JSON has it too: `0.30` stays `0.30`, `.5` becomes `0.5`.
    static func number(_ text: String) -> JSONNumber? {
        let bytes = Array(text.utf8)
        if let value = prefixed(text) { return JSONNumber(value) }

        var index = 0
        func digits() -> Range<Int> {
            let start = index
            while index < bytes.count, isDigit(bytes[index]) { index += 1 }
            return start..<index
        }
        var output: [UInt8] = []
        if bytes.first == UInt8(ascii: "-") { output.append(UInt8(ascii: "-")) }
        if bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") { index += 1 }

        let integer = digits()
        if integer.count > 1, bytes[integer.lowerBound] == UInt8(ascii: "0") { return nil }
        output.append(contentsOf: integer.isEmpty ? [UInt8(ascii: "0")] : bytes[integer])
        var fraction = 0..<0
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            fraction = digits()
            output.append(UInt8(ascii: "."))
            output.append(contentsOf: fraction.isEmpty ? [UInt8(ascii: "0")] : bytes[fraction])
        }
        if integer.isEmpty, fraction.isEmpty { return nil }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            let start = index
            index += 1
            if index < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[index]) { index += 1 }
            if digits().isEmpty { return nil }
            output.append(contentsOf: bytes[start..<index])
        }
        return index == bytes.count ? JSONNumber(uncheckedText: String(decoding: output, as: UTF8.self)) : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// `0x1F` and `0o17`.
    private static func prefixed(_ text: String) -> UInt64? {
        let radix =
            if text.hasPrefix("0x") { 16 } else if text.hasPrefix("0o") { 8 } else { 0 }
        guard radix > 0 else { return nil }
        let digits = text.dropFirst(2)
        // The standard library would take a sign here.
        guard let first = digits.first, first != "+", first != "-" else { return nil }
        return UInt64(digits, radix: radix)
    }
}
