/// What is wrong with a YAML text, where, and how to mend it.
public struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why a text is refused.
    public enum Code: String, Sendable {
        /// The text is not YAML (or, where JSON was chosen, not JSON).
        case syntax
        case invalidUTF8
        /// More than `Limits.jsonDepthMax` levels, aliases included.
        case tooDeep
        /// More than `Limits.yamlNodesMax` nodes, aliases included.
        case tooLarge
        case duplicateKey
        /// A key that is a sequence or a mapping.
        case keyNotScalar
        /// A tag beyond those of the core schema, or a value that is not what its tag says.
        case tag
        /// An alias without its anchor, or inside it; a merge of something that is no mapping.
        case alias
        /// The text holds no value, or a second document.
        case notOneDocument
        /// A number that JSON cannot hold: infinity, not-a-number.
        case number
    }

    /// For programs.
    public let code: Code
    /// What is wrong and how to mend it, without the place.
    public let message: String
    /// Where reading stopped.
    public let position: TextPosition

    /// - Parameter message: Without the place, which `description` adds.
    public init(_ code: Code, _ message: String, at position: TextPosition) {
        self.code = code
        self.message = message
        self.position = position
    }

    /// The message and the place.
    public var description: String { "\(message) at \(position)" }
}

extension YAMLError {
    /// A JSON error as an error of the text that was read as JSON.
    init(_ error: JSONError) {
        let code: Code =
            switch error.code {
            case .syntax: .syntax
            case .invalidUTF8: .invalidUTF8
            case .tooDeep: .tooDeep
            case .tooLarge: .tooLarge
            }
        self.init(code, error.message, at: error.position)
    }
}
