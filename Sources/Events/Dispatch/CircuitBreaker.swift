internal import Core

/// Keeps a target that fails again and again from being called for nothing.
///
/// After `failuresMax` failures in a row it opens: nothing is called for a while, which doubles each time. Then one
/// attempt may try; its success closes the breaker, its failure opens it again.
struct CircuitBreaker: Sendable, Hashable {
    enum State: Sendable, Hashable {
        case closed(failures: Int)
        /// `trips` counts how often it has opened since it was closed.
        case open(until: Timestamp, trips: Int)
        /// One attempt is trying, since `since`.
        case trying(since: Timestamp, trips: Int)
    }

    enum Admission: Sendable, Hashable {
        case go
        case wait(until: Timestamp)
    }

    enum Change: Sendable, Hashable {
        case opened(until: Timestamp)
        case closed
    }

    private(set) var state = State.closed(failures: 0)

    static let failuresMax = 10
    static let firstPause = Duration.seconds(30)
    static let longestPause = Duration.seconds(600)
    /// How long others wait while one tries; after it another may, should nothing be heard of the first.
    static let trialWait = Duration.seconds(10)

    /// Whether an attempt may be made.
    mutating func admit(now: Timestamp) -> Admission {
        switch state {
        case .closed: return .go
        case .open(let until, let trips):
            if now < until { return .wait(until: until) }
            state = .trying(since: now, trips: trips)
            return .go
        case .trying(let since, let trips):
            let end = since + CircuitBreaker.trialWait
            if now < end { return .wait(until: end) }
            state = .trying(since: now, trips: trips)
            return .go
        }
    }

    /// Notes what became of an attempt.
    /// - Parameter isFailure: Whether the target is to blame, such as for an error of its own or silence.
    /// - Returns: What the breaker does for it; nil where it stays as it is.
    mutating func record(isFailure: Bool, now: Timestamp) -> Change? {
        switch state {
        case .closed(let failures):
            guard isFailure else {
                state = .closed(failures: 0)
                return nil
            }
            return failures + 1 < CircuitBreaker.failuresMax ? count(failures + 1) : open(trips: 1, now: now)
        case .trying(_, let trips):
            if isFailure { return open(trips: trips + 1, now: now) }
            state = .closed(failures: 0)
            return .closed
        case .open:
            // An attempt that began before it opened.
            if isFailure { return nil }
            state = .closed(failures: 0)
            return .closed
        }
    }

    private mutating func count(_ failures: Int) -> Change? {
        state = .closed(failures: failures)
        return nil
    }

    private mutating func open(trips: Int, now: Timestamp) -> Change {
        let doublings = min(trips - 1, 10)
        let pause = min(CircuitBreaker.firstPause * (1 << doublings), CircuitBreaker.longestPause)
        state = .open(until: now + pause, trips: trips)
        return .opened(until: now + pause)
    }
}
