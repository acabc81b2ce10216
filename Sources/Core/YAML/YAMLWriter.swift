/// Writing YAML: block style, two spaces a level, texts of several lines as literal blocks.
extension JSON {
    /// YAML text that reads back as this value, ending in a line feed.
    ///
    /// Texts are written plain only where no reader could take them for anything else.
    public var yamlText: String {
        var writer = YAMLWriter()
        writer.write(self, indentation: 0, after: .nothing)
        return writer.output
    }
}

private struct YAMLWriter {
    /// What stands before a value on its line.
    enum Lead {
        case nothing, key, dash
    }

    var output = ""

    mutating func write(_ value: JSON, indentation: Int, after lead: Lead) {
        switch value {
        case .object(let object) where !object.isEmpty:
            if lead == .key { output += "\n" }
            for (index, member) in object.enumerated() {
                if index > 0 || lead != .dash { indent(indentation) }
                output += scalar(member.key) + ":"
                write(member.value, indentation: indentation + 1, after: .key)
            }
        case .array(let elements) where !elements.isEmpty:
            if lead == .key { output += "\n" }
            for (index, element) in elements.enumerated() {
                if index > 0 || lead != .dash { indent(indentation) }
                output += "- "
                write(element, indentation: indentation + 1, after: .dash)
            }
        default:
            if lead == .key { output += " " }
            writeScalar(value, indentation: indentation)
        }
    }

    private mutating func writeScalar(_ value: JSON, indentation: Int) {
        switch value {
        case .string(let text) where YAMLWriter.isBlock(text):
            output += text.hasSuffix("\n") ? "|\n" : "|-\n"
            let body = text.hasSuffix("\n") ? text.dropLast() : text[...]
            for line in body.split(separator: "\n", omittingEmptySubsequences: false) {
                if !line.isEmpty { indent(max(indentation, 1)) }
                output += line + "\n"
            }
        case .string(let text): output += scalar(text) + "\n"
        case .array: output += "[]\n"
        case .object: output += "{}\n"
        default: output += value.text + "\n"
        }
    }

    private mutating func indent(_ levels: Int) { output += String(repeating: " ", count: 2 * levels) }

    private func scalar(_ text: String) -> String {
        if YAMLWriter.isPlain(text) { return text }
        return JSON.string(text).yamlQuoted
    }

    /// Letters, digits and a few marks that mean nothing at these places, and nothing that reads as another type.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/") else { return false }
        let words: Set = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        if words.contains(text.lowercased()) || text.utf8.last == UInt8(ascii: " ") { return false }
        let bytes = Array(text.utf8)
        return bytes.indices.allSatisfy { index in
            switch bytes[index] {
            case UInt8(ascii: ":"): index + 1 < bytes.count && bytes[index + 1] != UInt8(ascii: " ")
            case UInt8(ascii: " "), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"),
                UInt8(ascii: "$"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "+"), UInt8(ascii: "="),
                UInt8(ascii: ";"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: isLetter(bytes[index])
            }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// Whether a literal block says the text exactly: several lines, none of which begins or ends in white space that
    /// a block would change, and no characters that YAML escapes.
    private static func isBlock(_ text: String) -> Bool {
        guard text.utf8.contains(UInt8(ascii: "\n")), !text.hasSuffix("\n\n"), text != "\n",
            let first = text.utf8.first, first != UInt8(ascii: " "), first != UInt8(ascii: "\n"),
            first != UInt8(ascii: "\t"), !text.contains("\n\t")
        else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar == "\n" || scalar == "\t" || (0x20...0x7E).contains(scalar.value)
                || (0xA0...0xD7FF).contains(scalar.value) && !(0x2028...0x2029).contains(scalar.value)
        }
    }
}

extension JSON {
    /// A double-quoted YAML scalar: JSON's, with what YAML takes for line ends escaped as well.
    fileprivate var yamlQuoted: String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x7F...0x9F, 0x2028...0x2029, 0xFEFF, 0xFFFE...0xFFFF:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
