/// Why a policy is refused, and where.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Not JSON, or not an object with statements.
        case syntax
        /// A member that is unknown, missing, or of another type than it must be.
        case member
        /// A condition operator that does not exist, or is not offered.
        case conditionOperator
    }

    public let code: Code
    public let message: String
    /// `Statement[1].Condition`; empty for the policy as a whole.
    public let path: String

    init(_ code: Code, _ message: String, at path: String = "") {
        self.code = code
        self.message = message
        self.path = path
    }

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}
