public import Core

/// Why a document, its arguments or one of its steps is refused, and where.
public struct DocumentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why something is refused.
    public enum Code: String, Sendable {
        /// The text is not YAML or JSON, or larger than `Limits.documentBytesMax`.
        case syntax
        /// `schemaVersion` is missing or names a schema that is unknown here.
        case schemaVersion
        /// A key is missing, has the wrong type or a value that is not allowed.
        case content
        /// The name of an action that no schema knows.
        case unknownAction
        /// A valid document that uses what OpsBus cannot run yet.
        case unsupported
        /// Supplied arguments do not fit the declarations.
        case invalidParameters
        /// A `{{ reference }}` that names nothing, or nothing yet.
        case unresolvedReference
        /// A value of another type than its place needs.
        case type
    }

    /// For programs.
    public let code: Code
    /// What is wrong, without the place.
    public let message: String
    /// The place in the document's text; nil where the cause is not in the text.
    public let position: TextPosition?

    /// - Parameter message: Without the place, which `description` adds.
    public init(_ code: Code, _ message: String, at position: TextPosition? = nil) {
        self.code = code
        self.message = message
        self.position = position
    }

    /// The message and, where known, the place.
    public var description: String { position.map { "\(message) at \($0)" } ?? message }
}
