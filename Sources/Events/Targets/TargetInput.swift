public import Core

/// Which text a target receives for an event: the event itself, a constant, a part of it or a template filled from it.
/// - Source: EventBridge API reference, `Target`; user guide, "Input transformation".
public struct TargetInput: Sendable, Hashable {
    /// What a template may name besides the event.
    public struct Context: Sendable, Hashable {
        public var ruleARN: ARN
        public var ruleName: String
        /// When the event was accepted.
        public var ingestionTime: Timestamp

        public init(ruleARN: ARN, ruleName: String, ingestionTime: Timestamp) {
            self.ruleARN = ruleARN
            self.ruleName = ruleName
            self.ingestionTime = ingestionTime
        }
    }

    private enum Form: Sendable, Hashable {
        case event
        case constant(String)
        case path(JSONPath)
        case transformer(InputTransformer)
    }

    private let form: Form
    private let targetId: String

    /// Whether the target receives the event untouched.
    public var isEvent: Bool { form == .event }

    /// Reads a target's input fields, of which at most one may be given; with none the target receives the event.
    /// - Parameters:
    ///   - input: JSON text, at most `Limits.targetInputCharactersMax` characters.
    ///   - inputPath: A path to one value, without `[*]` and `..`; at most `Limits.inputPathCharactersMax` characters.
    ///   - inputTransformer: An object with `InputTemplate` and, where that names variables, `InputPathsMap`.
    ///   - targetId: For error messages.
    /// - Throws: `TargetInputError` with any code but those of `render`.
    public init(
        input: String?, inputPath: String?, inputTransformer: JSON?, targetId: String
    ) throws(TargetInputError) {
        self.targetId = targetId
        let given = [input != nil, inputPath != nil, inputTransformer != nil].count { $0 }
        guard given <= 1 else {
            throw TargetInputError(
                .conflictingFields,
                "Only one of Input, InputPath, or InputTransformer must be provided for target \(targetId).")
        }
        if let input {
            form = .constant(try TargetInput.validated(input, targetId: targetId))
        } else if let inputPath {
            form = .path(try TargetInput.path(inputPath, "InputPath for target \(targetId)"))
        } else if let inputTransformer {
            form = .transformer(try InputTransformer(inputTransformer, targetId: targetId))
        } else {
            form = .event
        }
    }

    /// The text that the target receives: JSON, or lines of JSON strings where the template is such lines.
    /// - Parameter event: The whole event with its envelope.
    /// - Throws: `TargetInputError` with `.pathMissing`, `.notJSON` or `.tooLarge`; trying again cannot help.
    public func render(event: JSON, context: Context) throws(TargetInputError) -> String {
        switch form {
        case .event: return event.text
        case .constant(let text): return text
        case .path(let path):
            guard let value = path.values(in: event) else {
                throw TargetInputError(.pathMissing, "InputPath for target \(targetId): the event has no \(path)")
            }
            return value.text
        case .transformer(let transformer): return try transformer.render(event: event, context: context)
        }
    }

    private static func validated(_ input: String, targetId: String) throws(TargetInputError) -> String {
        let countMax = Limits.targetInputCharactersMax
        guard input.unicodeScalars.count <= countMax else {
            throw TargetInputError(.input, "Input for target \(targetId) is longer than \(countMax) characters")
        }
        do {
            _ = try JSON(parsing: input)
        } catch {
            throw TargetInputError(.input, "Input for target \(targetId) is not JSON: \(error)")
        }
        return input
    }

    /// - Parameter place: What the path belongs to, to begin an error message with.
    static func path(_ text: String, _ place: String) throws(TargetInputError) -> JSONPath {
        let countMax = Limits.inputPathCharactersMax
        guard text.unicodeScalars.count <= countMax else {
            throw TargetInputError(.path, "\(place) is longer than \(countMax) characters")
        }
        let path: JSONPath
        do {
            path = try JSONPath(parsing: text)
        } catch {
            throw TargetInputError(.path, "\(place): \(text): \(error)")
        }
        guard path.isDefinite else {
            throw TargetInputError(.path, "\(place): \(text): name one value; '[*]' and '..' are not allowed here")
        }
        return path
    }
}

/// Why a target's input fields are refused, or why they make no payload of an event.
public struct TargetInputError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        // When the target is put.

        /// More than one of the three fields.
        case conflictingFields
        /// `Input` is too long or not JSON.
        case input
        /// A path is malformed, too long or may lead to several values.
        case path
        /// `InputTransformer` has the wrong shape, or a variable an impossible name.
        case transformer
        /// `InputTemplate` is neither JSON nor lines of JSON strings.
        case template
        /// A placeholder without a variable, or one where it cannot stand.
        case placeholder

        // When an event is rendered.

        /// The event has nothing at `InputPath`.
        case pathMissing
        /// The filled template is not JSON that the system reads.
        case notJSON
        /// The payload is larger than `Limits.targetPayloadBytesMax`.
        case tooLarge
    }

    public let code: Code
    /// Names the target, the place and the fix.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
