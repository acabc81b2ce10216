public import Core

/// Something wrong, or surely meant otherwise, in a file of rules.
public struct RuleProblem: Sendable, Hashable, Error, CustomStringConvertible {
    public enum Severity: String, Sendable { case error, warning }

    struct Place {
        let file: String
        let position: TextPosition
    }

    public var severity: Severity
    public var file: String
    public var position: TextPosition
    /// What is wrong, and how to mend it.
    public var message: String

    public init(_ message: String, severity: Severity = .error, file: String, at position: TextPosition) {
        self.severity = severity
        self.message = message
        self.file = file
        self.position = position
    }

    /// `FILE:LINE:COLUMN: error: MESSAGE`, the form that editors jump to.
    public var description: String {
        "\(file):\(position.line):\(position.column): \(severity.rawValue): \(message)"
    }
}
