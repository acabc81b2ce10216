public import Core

/// An event pattern, read and checked.
///
/// Patterns choose events for rules, archives, replays, pipes and subscriptions alike. Matching is done by a
/// `PatternSet` that holds many of them; `explain` says what one of them makes of one event.
/// - Source: EventBridge user guide, "Event patterns"; event-pattern specification.
public struct Pattern: Sendable {
    /// What is legal in the pattern but surely a mistake; empty for a good pattern.
    public let warnings: [PatternWarning]

    /// The pattern multiplied out; an event matches when one of them holds. 1 to `Limits.orConjunctionsMax`.
    let conjunctions: [Conjunction]

    /// Reads a pattern.
    /// - Parameter text: One JSON object. Its size is for the caller to limit.
    /// - Throws: `PatternError` with the first thing wrong and its place.
    public init(parsing text: String) throws(PatternError) { try self.init(parsing: Array(text.utf8)) }

    /// Reads a pattern from UTF-8 bytes, as ``init(parsing:)-(String)`` does.
    public init(parsing bytes: [UInt8]) throws(PatternError) {
        // The service reads up to the closing brace and never looks at what follows.
        let end = Pattern.endOfObject(bytes)
        let node: Node
        do {
            node = try Node(parsingJSON: end.map { Array(bytes[..<$0]) } ?? bytes)
        } catch {
            throw PatternError(.syntax, error.message, at: error.position)
        }
        var compiler = PatternCompiler()
        conjunctions = try compiler.compile(node)
        let ignored =
            end.map { end in
                [
                    PatternWarning(
                        "text after the pattern's closing brace is ignored", path: [],
                        at: Pattern.position(of: end, in: bytes))
                ]
            } ?? []
        warnings = compiler.warnings + ignored
    }

    /// Reads a pattern that is part of a larger document; positions in errors are positions in that document.
    public init(_ node: Node) throws(PatternError) {
        var compiler = PatternCompiler()
        conjunctions = try compiler.compile(node)
        warnings = compiler.warnings
    }

    /// The offset behind the top-level object, if more than blanks follow it.
    private static func endOfObject(_ bytes: [UInt8]) -> Int? {
        var depth = 0
        var isInString = false
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\") where isInString: index += 1
            case UInt8(ascii: "\""): isInString.toggle()
            case UInt8(ascii: "{") where !isInString, UInt8(ascii: "[") where !isInString: depth += 1
            case UInt8(ascii: "}") where !isInString, UInt8(ascii: "]") where !isInString:
                depth -= 1
                if depth <= 0 {
                    return bytes[(index + 1)...].allSatisfy { $0 <= 0x20 } ? nil : index + 1
                }
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func position(of offset: Int, in bytes: [UInt8]) -> TextPosition {
        let lines = bytes[..<offset].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return TextPosition(line: lines.count, column: (lines.last?.count { $0 & 0xC0 != 0x80 } ?? 0) + 1)
    }
}
