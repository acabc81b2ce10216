public import API
internal import Core
internal import Synchronization

/// The link to the agents of managed nodes: takes messages for them at any time, from any thread.
public final class NodeServer: NodeLink {
    struct Outgoing: Sendable {
        let connection: NodeConnection
        let message: NodeMessage
    }

    struct State {
        var outgoing: [Outgoing] = []
        /// How many messages of each connection have not yet been taken by its socket.
        var waiting: [NodeConnection: Int] = [:]
        /// Connections that are known to have ended, the latest of them.
        var ended: Set<NodeConnection> = []
        var endedOldestFirst: [NodeConnection] = []
        var loop: BusLoop?
    }

    /// For each connection; past it `send` answers false.
    static let messagesMax = 1024
    static let endedMax = 1024

    let state = Mutex(State())

    init() {}

    public func send(_ message: NodeMessage, to connection: NodeConnection) -> Bool {
        let loop = state.withLock { state -> BusLoop? in
            guard let loop = state.loop, !state.ended.contains(connection),
                state.waiting[connection, default: 0] < NodeServer.messagesMax
            else { return nil }
            state.waiting[connection, default: 0] += 1
            state.outgoing.append(Outgoing(connection: connection, message: message))
            return loop
        }
        loop?.notify()
        return loop != nil
    }
}
