internal import Core

/// Text with placeholders: either one JSON value or lines of JSON strings.
///
/// `<name>` is a placeholder where the name is one of letters, digits, `-`, `_` and `.`; any other `<` inside a string
/// stands for itself.
struct InputTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text([UInt8])
        /// A placeholder where JSON allows a value.
        case value(String)
        /// A placeholder between the quotes of a string.
        case partOfString(String)
    }

    private let pieces: [Piece]
    /// Whether the template is lines of strings rather than one JSON value.
    private let isLines: Bool

    /// - Throws: `TargetInputError` with `.template` or `.placeholder`.
    init(parsing text: String, variables: Set<String>, targetId: String) throws(TargetInputError) {
        var scanner = InputTemplateScanner(text)
        scanner.scan()
        for placeholder in scanner.placeholders {
            let reserved = InputTransformer.Reserved(rawValue: placeholder.name)
            guard variables.contains(placeholder.name) || reserved != nil else {
                throw TargetInputError(
                    .placeholder,
                    "InputTemplate for target \(targetId) contains invalid placeholder \(placeholder.name).")
            }
            if placeholder.isInKey {
                throw TargetInputError(
                    .placeholder,
                    "InputTemplate for target \(targetId): placeholder \(placeholder.name) cannot be a key")
            }
            if placeholder.isInString, reserved?.isValueOnly == true {
                throw TargetInputError(
                    .placeholder,
                    "InputTemplate for target \(targetId): placeholder \(placeholder.name) must stand as a value,"
                        + " outside of quotes")
            }
        }
        isLines = text.utf8.first { !isWhitespace($0) } == UInt8(ascii: "\"")
        try InputTemplate.validate(scanner.skeleton, isLines: isLines, targetId: targetId)
        pieces = InputTemplate.pieces(scanner)
    }

    /// Checks the template with a JSON string in the place of every placeholder that stands as a value.
    private static func validate(_ skeleton: [UInt8], isLines: Bool, targetId: String) throws(TargetInputError) {
        let newLine = UInt8(ascii: "\n")
        let texts = isLines ? skeleton.split(separator: newLine, omittingEmptySubsequences: false) : [skeleton[...]]
        for (index, text) in texts.enumerated() where !isLines || !text.allSatisfy(isWhitespace) {
            do {
                _ = try JSON(parsing: Array(text))
            } catch {
                let place = TextPosition(line: error.position.line + index, column: error.position.column)
                throw TargetInputError(
                    .template, "Invalid InputTemplate for target \(targetId): \(error.message) at \(place)")
            }
        }
    }

    private static func pieces(_ scanner: InputTemplateScanner) -> [Piece] {
        var pieces: [Piece] = []
        var start = 0
        for placeholder in scanner.placeholders {
            pieces.append(.text(Array(scanner.bytes[start..<placeholder.range.lowerBound])))
            pieces.append(placeholder.isInString ? .partOfString(placeholder.name) : .value(placeholder.name))
            start = placeholder.range.upperBound
        }
        pieces.append(.text(Array(scanner.bytes[start...])))
        return pieces
    }

    /// - Parameter value: The value of a placeholder; nil where it is empty.
    /// - Throws: `TargetInputError` with `.notJSON` or `.tooLarge`.
    func render(targetId: String, _ value: (String) -> JSON?) throws(TargetInputError) -> String {
        var output: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .text(let bytes): output += bytes
            case .value(let name): (value(name) ?? "").write(into: &output)
            case .partOfString(let name): writePart(value(name) ?? "", into: &output)
            }
            if output.count > Limits.targetPayloadBytesMax {
                throw TargetInputError(
                    .tooLarge,
                    "InputTemplate for target \(targetId) makes more than \(Limits.targetPayloadBytesMax) bytes of"
                        + " this event")
            }
        }
        if !isLines {
            do {
                _ = try JSON(parsing: output)
            } catch {
                throw TargetInputError(
                    .notJSON, "InputTemplate for target \(targetId) makes no JSON of this event: \(error)")
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The template as JSON, with the text `<name>` for each placeholder; nil where it is no single JSON value.
    static func outline(of text: String) -> JSON? {
        var scanner = InputTemplateScanner(text)
        scanner.scan()
        let quote = UInt8(ascii: "\"")
        var outline: [UInt8] = []
        var start = 0
        for placeholder in scanner.placeholders where !placeholder.isInString {
            outline += scanner.bytes[start..<placeholder.range.lowerBound]
            outline += [quote] + scanner.bytes[placeholder.range] + [quote]
            start = placeholder.range.upperBound
        }
        return try? JSON(parsing: outline + scanner.bytes[start...])
    }

    /// Appends a value between the quotes of a string, escaped so that the string remains one.
    private func writePart(_ value: JSON, into output: inout [UInt8]) {
        let text = value.string ?? (isLines ? InputTemplate.unquoted(value) : value.text)
        var string: [UInt8] = []
        JSON.writeString(text.utf8, into: &string)
        output += string.dropFirst().dropLast()
    }

    /// Compact JSON text without any double quote, which is how the service writes objects and arrays inside a line.
    private static func unquoted(_ value: JSON) -> String {
        switch value {
        case .string(let text): String(text.unicodeScalars.filter { $0 != "\"" })
        case .array(let elements): "[" + elements.map(unquoted).joined(separator: ",") + "]"
        case .object(let object):
            "{" + object.map { "\(unquoted(.string($0.key))):\(unquoted($0.value))" }.joined(separator: ",") + "}"
        default: value.text
        }
    }
}

/// Finds the placeholders of a template and where they stand.
private struct InputTemplateScanner {
    struct Placeholder {
        var name: String
        /// In bytes, with the angle brackets.
        var range: Range<Int>
        var isInString: Bool
        var isInKey = false
    }

    let bytes: [UInt8]
    private(set) var placeholders: [Placeholder] = []
    private var index = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func scan() {
        while index < bytes.count {
            let first = placeholders.count
            switch bytes[index] {
            case UInt8(ascii: "\""): scanString()
            case UInt8(ascii: "<"): scanPlaceholder(isInString: false)
            default:
                index += 1
                continue
            }
            // A colon after a value can only mean that the value is a key.
            if bytes[index...].first(where: { !isWhitespace($0) }) == UInt8(ascii: ":") {
                for position in first..<placeholders.count { placeholders[position].isInKey = true }
            }
        }
    }

    private mutating func scanString() {
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return
            case UInt8(ascii: "\\"): index = min(index + 2, bytes.count)
            case UInt8(ascii: "<"): scanPlaceholder(isInString: true)
            default: index += 1
            }
        }
    }

    private mutating func scanPlaceholder(isInString: Bool) {
        let start = index
        index += 1
        let name = bytes[index...].prefix { isNameByte($0) || $0 == UInt8(ascii: ".") }
        guard !name.isEmpty, name.endIndex < bytes.count, bytes[name.endIndex] == UInt8(ascii: ">") else { return }
        index = name.endIndex + 1
        placeholders.append(
            Placeholder(name: String(decoding: name, as: UTF8.self), range: start..<index, isInString: isInString))
    }

    /// The template with `"name"` for each `<name>` that stands as a value: as long as the template, so that the
    /// places of errors hold.
    var skeleton: [UInt8] {
        var skeleton = bytes
        for placeholder in placeholders where !placeholder.isInString {
            skeleton[placeholder.range.lowerBound] = UInt8(ascii: "\"")
            skeleton[placeholder.range.upperBound - 1] = UInt8(ascii: "\"")
        }
        return skeleton
    }
}

/// Whether the byte is whitespace in JSON.
private func isWhitespace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
}
