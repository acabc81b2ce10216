internal import Core

/// When the agent registers, pings, gives a connection up and tries again. Decides only; times are monotonic.
struct LinkMachine: Equatable {
    enum State: Equatable {
        /// `Register` is sent; an answer is due.
        case registering(until: Duration)
        case registered(silentAt: Duration, nextHeartbeat: Duration)
        /// Between two attempts.
        case waiting(until: Duration)
    }

    enum Effect: Equatable {
        /// A new connection; always followed by `sendRegister`.
        case reconnect
        case sendRegister
        case sendHeartbeat
        /// The server knows the node: send again what it has not acknowledged.
        case resend
        /// The server is out of reach from here on.
        case disconnected
    }

    /// How long an answer to `Register` may take.
    static let answerTime = Duration.seconds(10)
    /// Heartbeats that may be missing before the connection is given up.
    static let heartbeatsMissedMax = 3
    static let firstPause = Duration.seconds(1)
    static let longestPause = Duration.seconds(60)

    private(set) var state: State
    private var heartbeat = Duration.seconds(30)
    /// Attempts since the last success.
    private var failures = 0

    /// The machine of an agent that has just sent its first `Register`.
    init(now: Duration) { state = .registering(until: now + LinkMachine.answerTime) }

    var isRegistered: Bool { if case .registered = state { true } else { false } }

    /// When `timePassed` is to be called next.
    var deadline: Duration {
        switch state {
        case .registering(let until), .waiting(let until): until
        case .registered(let silentAt, let nextHeartbeat): min(silentAt, nextHeartbeat)
        }
    }

    /// - Parameter heartbeat: How often either side says that it is there.
    mutating func registered(heartbeat: Duration, now: Duration) -> [Effect] {
        self.heartbeat = heartbeat
        failures = 0
        state = .registered(silentAt: now + silence, nextHeartbeat: now + heartbeat)
        return [.resend]
    }

    /// Any other message of the server.
    mutating func heard(now: Duration) {
        guard case .registered(_, let nextHeartbeat) = state else { return }
        state = .registered(silentAt: now + silence, nextHeartbeat: nextHeartbeat)
    }

    /// - Parameters:
    ///   - mayRegister: Whether the server only asks for `Register`, rather than having refused it.
    ///   - jitter: From 0 to 1.
    mutating func refused(mayRegister: Bool, now: Duration, jitter: Double) -> [Effect] {
        let wasRegistered = isRegistered
        if mayRegister && wasRegistered {
            state = .registering(until: now + LinkMachine.answerTime)
            return [.disconnected, .sendRegister]
        }
        // While an answer is awaited, a refusal of something sent earlier means nothing.
        if mayRegister { return [] }
        pause(now: now, jitter: jitter)
        return wasRegistered ? [.disconnected] : []
    }

    mutating func timePassed(to now: Duration, jitter: Double) -> [Effect] {
        guard now >= deadline else { return [] }
        switch state {
        case .registering:
            pause(now: now, jitter: jitter)
            return []
        case .waiting:
            state = .registering(until: now + LinkMachine.answerTime)
            return [.reconnect, .sendRegister]
        case .registered(let silentAt, _) where now >= silentAt:
            pause(now: now, jitter: jitter)
            return [.disconnected]
        case .registered(let silentAt, _):
            state = .registered(silentAt: silentAt, nextHeartbeat: now + heartbeat)
            return [.sendHeartbeat]
        }
    }

    private var silence: Duration { heartbeat * (LinkMachine.heartbeatsMissedMax + 1) }

    /// Doubles with every failure; the jitter, up to half of it, keeps a fleet from coming back all at once.
    private mutating func pause(now: Duration, jitter: Double) {
        let full = min(LinkMachine.firstPause * (1 << min(failures, 10)), LinkMachine.longestPause)
        failures += 1
        state = .waiting(until: now + full * (1 - min(max(jitter, 0), 1) / 2))
    }
}
