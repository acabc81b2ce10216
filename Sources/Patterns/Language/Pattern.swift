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
        let node: Node
        do {
            node = try Node(parsingJSON: bytes)
        } catch {
            throw PatternError(.syntax, error.message, at: error.position)
        }
        try self.init(node)
    }

    /// Reads a pattern that is part of a larger document; positions in errors are positions in that document.
    public init(_ node: Node) throws(PatternError) {
        var compiler = PatternCompiler()
        conjunctions = try compiler.compile(node)
        warnings = compiler.warnings
    }
}
