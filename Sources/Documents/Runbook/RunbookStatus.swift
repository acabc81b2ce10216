/// Where an execution, or one of its steps, is.
/// - Source: SSM API model, `AutomationExecutionStatus`.
public enum RunbookStatus: String, Sendable, Hashable, CaseIterable {
    case pending = "Pending"
    case inProgress = "InProgress"
    case success = "Success"
    case timedOut = "TimedOut"
    case cancelling = "Cancelling"
    case cancelled = "Cancelled"
    case failed = "Failed"

    /// Whether it never changes again.
    public var isTerminal: Bool {
        switch self {
        case .success, .timedOut, .cancelled, .failed: true
        case .pending, .inProgress, .cancelling: false
        }
    }
}

/// Why an attempt of a step failed.
/// - Source: SSM API model, `FailureDetails`.
public struct RunbookStepFailure: Error, Sendable, Hashable {
    /// How far the attempt had come.
    public enum Stage: String, Sendable, Hashable {
        case inputValidation = "InputValidation"
        case invocation = "Invocation"
        case verification = "PostVerification"
    }

    /// What sort of cause it has.
    public enum Kind: String, Sendable, Hashable {
        case action = "Action"
        case permission = "Permission"
        case throttling = "Throttling"
        case verification = "Verification"
        case `internal` = "Internal"
    }

    /// For people; names what failed.
    public var message: String
    /// How far the attempt had come.
    public var stage: Stage
    /// What sort of cause it has.
    public var kind: Kind
    /// Whether another attempt may do better; input, permission and validation errors repeat themselves.
    public var isRetriable: Bool
    /// Whether the attempt was ended because its time was up.
    public var isTimeout: Bool

    /// A failure of the action itself, unless said otherwise.
    public init(
        _ message: String, stage: Stage = .invocation, kind: Kind = .action, isRetriable: Bool = true,
        isTimeout: Bool = false
    ) {
        self.message = message
        self.stage = stage
        self.kind = kind
        self.isRetriable = isRetriable
        self.isTimeout = isTimeout
    }
}
