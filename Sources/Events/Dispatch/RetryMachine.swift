public import Core

/// Decides what follows a failed delivery attempt: another attempt and when, or the dead-letter queue and why.
///
/// Waits double from one second to fifteen minutes; each is drawn at random between half and the whole of that, so
/// that many failed together do not return together.
/// - Source: EventBridge user guide, "Event retry policy and using dead-letter queues".
public struct RetryMachine: Sendable, Hashable {
    public enum Condition: String, Sendable {
        case maximumRetryAttempts = "MaximumRetryAttempts"
        case maximumEventAge = "MaximumEventAgeInSeconds"
    }

    public enum Decision: Sendable, Hashable {
        case retry(at: Timestamp)
        /// The condition is nil for failures that no retry can mend.
        case giveUp(Condition?)
    }

    public let policy: RetryPolicy
    /// When the event was taken in.
    public let created: Timestamp

    public static let firstWait = Duration.seconds(1)
    public static let longestWait = Duration.seconds(900)

    public init(policy: RetryPolicy, created: Timestamp) {
        self.policy = policy
        self.created = created
    }

    /// - Parameters:
    ///   - attempts: How many attempts have been made, this failed one included; 1 or more.
    ///   - isRetryable: Whether the same call may succeed later.
    ///   - retryAfter: How long the target asks to be left alone, where it says so: the longer of that and the wait
    ///     counts.
    public func decide(
        attempts: Int, isRetryable: Bool, retryAfter: Duration? = nil, now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) -> Decision {
        guard isRetryable else { return .giveUp(nil) }
        guard attempts <= policy.attemptsMax else { return .giveUp(.maximumRetryAttempts) }
        let wait = max(wait(afterAttempt: attempts, using: &random), retryAfter ?? .zero)
        guard now + wait - created <= .seconds(policy.ageSecondsMax) else { return .giveUp(.maximumEventAge) }
        return .retry(at: now + wait)
    }

    private func wait(afterAttempt attempt: Int, using random: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(attempt - 1, 10)
        let longest = min(RetryMachine.firstWait.microseconds << doublings, RetryMachine.longestWait.microseconds)
        return .microseconds(Int64.random(in: longest / 2...longest, using: &random))
    }
}
