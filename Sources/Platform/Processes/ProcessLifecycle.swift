/// When a child is signalled, reaped and done with: decided here, carried out by the process loop.
///
/// Times are of the monotonic clock. While a child is being stopped it is not reaped before its group has been killed:
/// until then no new process can take its number, so the signal cannot hit a stranger.
struct ProcessLifecycle: Equatable {
    enum State: Equatable {
        case running
        /// Told to end by `SIGTERM`; the group is killed at `killAt`, or once the child and its outputs have ended.
        case stopping(StopReason, killAt: Duration, hasExited: Bool)
        /// `SIGKILL` is sent; nothing but the end of the child is awaited.
        case killed(StopReason)
        /// Ended by itself; what it left in the pipes is being read.
        case draining(until: Duration)
        /// The drain time is over: only what is in the pipes already is still read.
        case readingRest
        case ended
    }

    enum Action: Equatable {
        case terminateGroup
        case killGroup
        case reap
        /// Read no more than what the pipes hold now.
        case limitPipes
        /// Close the pipes and report.
        case finish
    }

    private(set) var state = State.running
    /// Why an ended child was stopped; nil where it ended by itself.
    private(set) var reasonAtEnd: StopReason?
    private var timeoutAt: Duration?
    private var arePipesOpen = true
    private let grace: Duration
    private let drain: Duration

    init(timeoutAt: Duration?, grace: Duration, drain: Duration) {
        self.timeoutAt = timeoutAt
        self.grace = grace
        self.drain = drain
    }

    /// When `timePassed` is to be called next; nil for never.
    var deadline: Duration? {
        switch state {
        case .running: timeoutAt
        case .stopping(_, let killAt, _): killAt
        case .draining(let until): until
        case .killed, .readingRest, .ended: nil
        }
    }

    /// Whether the end of the child is still to be seen.
    var awaitsExit: Bool {
        switch state {
        case .running, .stopping(_, _, false), .killed: true
        default: false
        }
    }

    /// Whether output is for the consumer rather than thrown away.
    var isCapturing: Bool {
        switch state {
        case .running, .draining, .readingRest: true
        default: false
        }
    }

    private var stopReason: StopReason? {
        switch state {
        case .stopping(let reason, _, _), .killed(let reason): reason
        default: nil
        }
    }

    mutating func childExited(at now: Duration) -> [Action] {
        switch state {
        case .running:
            guard arePipesOpen else { return end([.reap]) }
            state = .draining(until: now + drain)
            return [.reap]
        case .stopping(let reason, let killAt, _):
            state = .stopping(reason, killAt: killAt, hasExited: true)
            return arePipesOpen ? [] : end([.killGroup, .reap])
        case .killed: return end([.reap])
        case .draining, .readingRest, .ended: return []
        }
    }

    mutating func pipesEnded() -> [Action] {
        arePipesOpen = false
        switch state {
        case .stopping(_, _, hasExited: true): return end([.killGroup, .reap])
        case .draining, .readingRest: return end([])
        case .running, .stopping, .killed, .ended: return []
        }
    }

    mutating func stop(_ reason: StopReason, at now: Duration) -> [Action] {
        switch state {
        case .running:
            state = .stopping(reason, killAt: now + grace, hasExited: false)
            return [.terminateGroup]
        case .draining:
            // It ended before it was told to: that outcome stands, only the wait is cut short.
            state = .readingRest
            return [.limitPipes]
        case .stopping, .killed, .readingRest, .ended: return []
        }
    }

    mutating func timePassed(to now: Duration) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch state {
        case .running: return stop(.timedOut, at: now)
        case .stopping(_, _, hasExited: true): return end([.killGroup, .reap])
        case .stopping(let reason, _, hasExited: false):
            state = .killed(reason)
            return [.killGroup]
        case .draining:
            state = .readingRest
            return [.limitPipes]
        case .killed, .readingRest, .ended: return []
        }
    }

    private mutating func end(_ actions: [Action]) -> [Action] {
        reasonAtEnd = stopReason
        state = .ended
        return actions + [.finish]
    }
}
