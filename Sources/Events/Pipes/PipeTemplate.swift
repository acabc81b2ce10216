internal import Core

/// What a pipe makes of a record for its enrichment or its target: text in which `<$.path>` and `<aws.pipes.…>` stand
/// for values.
///
/// A template that is JSON, were its placeholders strings, makes JSON: a placeholder outside of quotes becomes the
/// value, one within them its text, escaped. Any other template makes text. A path that leads nowhere is empty.
/// - Source: EventBridge user guide, "Pipes input transformation".
struct PipeTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text(String)
        case placeholder(Source, isQuoted: Bool)
    }

    private enum Source: Sendable, Hashable {
        case path(JSONPath)
        case reserved(Reserved)
    }

    /// What a template may name besides the record.
    private enum Reserved: String, CaseIterable {
        case pipeARN = "aws.pipes.pipe-arn"
        case pipeName = "aws.pipes.pipe-name"
        case sourceARN = "aws.pipes.source-arn"
        case enrichmentARN = "aws.pipes.enrichment-arn"
        case targetARN = "aws.pipes.target-arn"
        case ingestionTime = "aws.pipes.event.ingestion-time"
        case event = "aws.pipes.event"
        case eventJSON = "aws.pipes.event.json"
    }

    /// The values of the reserved names.
    struct Context: Sendable {
        var pipe: Pipe
        var arn: String
        var time: Timestamp
    }

    private let pieces: [Piece]
    private let isJSON: Bool

    /// - Throws: `TargetInputError` `.path` or `.placeholder`.
    init(parsing text: String, at place: String) throws(TargetInputError) {
        var pieces: [Piece] = []
        var skeleton = ""
        var plain = ""
        var isQuoted = false
        var isEscaped = false
        var rest = text[...]
        while let character = rest.first {
            if character == "<", let end = rest.firstIndex(of: ">"),
                let source = try PipeTemplate.source(rest[rest.index(after: rest.startIndex)..<end], place)
            {
                if !plain.isEmpty { pieces.append(.text(plain)) }
                plain = ""
                pieces.append(.placeholder(source, isQuoted: isQuoted))
                skeleton += isQuoted ? "x" : "\"x\""
                rest = rest[rest.index(after: end)...]
                continue
            }
            if character == "\"" && !isEscaped { isQuoted.toggle() }
            isEscaped = character == "\\" && !isEscaped
            plain.append(character)
            skeleton.append(character)
            rest = rest.dropFirst()
        }
        if !plain.isEmpty { pieces.append(.text(plain)) }
        self.pieces = pieces
        // A placeholder alone is whatever it stands for.
        let isAlone = pieces.count == 1 && plain.isEmpty
        isJSON = !isAlone && (try? JSON(parsing: skeleton)) != nil
    }

    /// Nil for text that is no placeholder.
    private static func source(_ name: Substring, _ place: String) throws(TargetInputError) -> Source? {
        if let reserved = Reserved(rawValue: String(name)) { return .reserved(reserved) }
        if name.hasPrefix("aws.") {
            throw TargetInputError(.placeholder, "InputTemplate of \(place) contains invalid placeholder \(name).")
        }
        guard name.hasPrefix("$") else { return nil }
        do {
            return .path(try JSONPath(parsing: String(name)))
        } catch {
            throw TargetInputError(.path, "InputTemplate of \(place): \(name): \(error)")
        }
    }

    /// - Throws: `TargetInputError` `.notJSON` or `.tooLarge`.
    func render(_ record: JSON, _ context: Context) throws(TargetInputError) -> String {
        var output = ""
        for piece in pieces {
            switch piece {
            case .text(let text): output += text
            case .placeholder(let source, let isQuoted):
                let value = PipeTemplate.value(of: source, record, context) ?? ""
                output += !isJSON ? value.string ?? value.text : isQuoted ? PipeTemplate.escaped(value) : value.text
            }
            if output.utf8.count > Limits.targetPayloadBytesMax {
                throw TargetInputError(
                    .tooLarge, "InputTemplate makes more than \(Limits.targetPayloadBytesMax) bytes of this record")
            }
        }
        if isJSON {
            do {
                _ = try JSON(parsing: output)
            } catch {
                throw TargetInputError(.notJSON, "InputTemplate makes no JSON of this record: \(error)")
            }
        }
        return output
    }

    private static func escaped(_ value: JSON) -> String {
        String(JSON.string(value.string ?? value.text).text.dropFirst().dropLast())
    }

    private static func value(of source: Source, _ record: JSON, _ context: Context) -> JSON? {
        switch source {
        case .path(let path): path.values(in: record)
        case .reserved(.pipeARN): .string(context.arn)
        case .reserved(.pipeName): .string(context.pipe.name)
        case .reserved(.sourceARN): .string(context.pipe.source)
        case .reserved(.enrichmentARN): context.pipe.definition["Enrichment"]
        case .reserved(.targetARN): .string(context.pipe.target)
        case .reserved(.ingestionTime): .string(context.time.description)
        case .reserved(.event), .reserved(.eventJSON): record
        }
    }
}
