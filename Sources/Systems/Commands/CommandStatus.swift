/// Where one node is with a command: the API's `StatusDetails` of an invocation.
/// - Source: SSM API model and the Systems Manager user guide, "Understanding command statuses".
public enum InvocationStatus: String, Sendable, Hashable, CaseIterable {
    case pending = "Pending"
    case inProgress = "InProgress"
    /// The node could not be reached; it is tried again.
    case delayed = "Delayed"
    case success = "Success"
    case deliveryTimedOut = "DeliveryTimedOut"
    case executionTimedOut = "ExecutionTimedOut"
    case failed = "Failed"
    case cancelling = "Cancelling"
    case cancelled = "Cancelled"
    case undeliverable = "Undeliverable"
    case invalidPlatform = "InvalidPlatform"
    case accessDenied = "AccessDenied"
    /// Never sent, because too many other nodes had failed.
    case terminated = "Terminated"

    /// The coarser `Status`.
    public var status: String {
        switch self {
        case .pending, .inProgress, .delayed, .success, .failed, .cancelling, .cancelled: rawValue
        case .deliveryTimedOut, .executionTimedOut: "TimedOut"
        case .undeliverable, .invalidPlatform, .accessDenied: "Failed"
        case .terminated: "Cancelled"
        }
    }

    /// Whether it never changes again.
    public var isTerminal: Bool {
        switch self {
        case .pending, .inProgress, .delayed, .cancelling: false
        default: true
        }
    }

    /// Whether it counts towards `MaxErrors`.
    public var isError: Bool { self == .failed || self == .executionTimedOut }

    /// Whether the node could not be sent to at all, which does not spoil the command's success on others.
    var isUnreachable: Bool { self == .undeliverable || self == .invalidPlatform || self == .accessDenied }
}

/// Where a whole command is: the API's `StatusDetails` of a command.
public enum CommandStatus: String, Sendable, Hashable, CaseIterable {
    case pending = "Pending"
    case inProgress = "InProgress"
    case cancelling = "Cancelling"
    case success = "Success"
    case noInstancesInTag = "NoInstancesInTag"
    case cancelled = "Cancelled"
    case failed = "Failed"
    case undeliverable = "Undeliverable"
    case invalidPlatform = "InvalidPlatform"
    case accessDenied = "AccessDenied"
    /// Tried everywhere; not all succeeded, but too few failed for `failed`.
    case incomplete = "Incomplete"
    case deliveryTimedOut = "DeliveryTimedOut"
    case executionTimedOut = "ExecutionTimedOut"
    case rateExceeded = "RateExceeded"

    /// The coarser `Status`.
    public var status: String {
        switch self {
        case .pending, .inProgress, .cancelling, .success, .cancelled, .failed: rawValue
        case .noInstancesInTag: "Success"
        case .undeliverable, .invalidPlatform, .accessDenied, .incomplete, .rateExceeded: "Failed"
        case .deliveryTimedOut, .executionTimedOut: "TimedOut"
        }
    }

    public var isTerminal: Bool { self != .pending && self != .inProgress && self != .cancelling }
}
