/// When a child is signalled, killed and done with: decided here, carried out by the process loop.
///
/// Times are of the monotonic clock.
struct ProcessLifecycle: Equatable {
    enum State: Equatable {
        case running
        /// Told to end by `SIGTERM`; all of it is killed at `killAt`, or once the child and its outputs have ended.
        case stopping(StopReason, killAt: Duration, hasExited: Bool)
        /// The supervisor kills the child and all its descendants; its own end, which says that they are gone, is
        /// awaited.
        case killed(StopReason)
        /// Ended by itself; what it left in the pipes is being read.
        case draining(until: Duration)
        /// The drain time is over: only what is in the pipes already is still read.
        case readingRest
        case ended
    }

    enum Action: Equatable {
        /// `SIGTERM` for the child's group.
        case terminate
        /// Have the supervisor kill all there is.
        case kill
        /// Have the supervisor end, and leave alone what the child left behind.
        case release
        /// The supervisor is gone before its time: kill what can still be found.
        case killGroup
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
            guard arePipesOpen else { return end([.release]) }
            state = .draining(until: now + drain)
            return []
        case .stopping(let reason, let killAt, _):
            state = .stopping(reason, killAt: killAt, hasExited: true)
            return arePipesOpen ? [] : kill(reason)
        case .killed, .draining, .readingRest, .ended: return []
        }
    }

    /// The supervisor is no more: as it was told, or because someone killed it.
    mutating func supervisorEnded() -> [Action] {
        switch state {
        case .killed: end([])
        case .running, .stopping: end([.killGroup])
        case .draining, .readingRest, .ended: []
        }
    }

    mutating func pipesEnded() -> [Action] {
        arePipesOpen = false
        switch state {
        case .stopping(let reason, _, hasExited: true): return kill(reason)
        case .draining, .readingRest: return end([.release])
        case .running, .stopping, .killed, .ended: return []
        }
    }

    mutating func stop(_ reason: StopReason, at now: Duration) -> [Action] {
        switch state {
        case .running:
            state = .stopping(reason, killAt: now + grace, hasExited: false)
            return [.terminate]
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
        case .stopping(let reason, _, _): return kill(reason)
        case .draining:
            state = .readingRest
            return [.limitPipes]
        case .killed, .readingRest, .ended: return []
        }
    }

    private mutating func kill(_ reason: StopReason) -> [Action] {
        state = .killed(reason)
        return [.kill]
    }

    private mutating func end(_ actions: [Action]) -> [Action] {
        reasonAtEnd = stopReason
        state = .ended
        return actions + [.finish]
    }
}
