internal import Core

/// What every connection is doing and since when, which tells slow clients from idle ones. A plain value.
///
/// libmicrohttpd closes connections on which nothing moves. A client that sends a byte now and then is none of these:
/// it is known by a request that has not come to its end, or an answer that was not read, within the time for it. And
/// the end of a client that comes together with its last bytes goes unnoticed there.
struct ConnectionTable {
    enum Phase: Hashable {
        /// Between requests; a request's first line may have begun.
        case idle
        case receiving
        /// The answer is being found, which takes what it takes.
        case working
        case answering
    }

    private struct Entry {
        let socket: Int32
        var phase = Phase.idle
        var since: Duration
        /// Whether the last look found that nothing more can come in this phase.
        var hasEnded = false
    }

    private let limits: HTTPServer.Limits
    private var entries: [UInt: Entry] = [:]

    init(_ limits: HTTPServer.Limits) { self.limits = limits }

    /// Connections with a request that is not answered to its end.
    var busyCount: Int { entries.values.count { $0.phase != .idle } }

    var count: Int { entries.count }

    mutating func open(_ connection: UInt, socket: Int32, now: Duration) {
        entries[connection] = Entry(socket: socket, since: now)
    }

    mutating func enter(_ phase: Phase, _ connection: UInt, now: Duration) {
        entries[connection]?.phase = phase
        entries[connection]?.since = now
        entries[connection]?.hasEnded = false
    }

    mutating func close(_ connection: UInt) { entries[connection] = nil }

    /// The sockets of connections that take longer than they may, and of those whose clients were found gone the last
    /// time, too: what had come by then has been read since.
    /// - Parameter hasEnded: Whether the client of a socket has finished sending, and all of it was read.
    mutating func overdue(now: Duration, hasEnded: (Int32) -> Bool) -> [Int32] {
        var sockets: [Int32] = []
        let idleTimeout =
            count < limits.connectionsMax ? limits.idleTimeout + limits.transferTimeout : limits.crowdedIdleTimeout
        for (connection, entry) in entries {
            let limit: Duration
            switch entry.phase {
            case .idle: limit = idleTimeout
            case .receiving, .answering: limit = limits.transferTimeout
            case .working: continue
            }
            let isGone = entry.phase != .answering && hasEnded(entry.socket)
            if now - entry.since > limit || isGone && entry.hasEnded { sockets.append(entry.socket) }
            entries[connection]?.hasEnded = isGone
        }
        return sockets
    }
}
