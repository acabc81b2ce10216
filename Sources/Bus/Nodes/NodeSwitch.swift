internal import API
internal import CZeroMQ
internal import Core
internal import Platform
internal import Synchronization

/// Moves messages between the agents' connections and the rest of the server, on a router socket.
///
/// What is malformed, or is no agent's to send, is answered with `Refused`; whether a node is registered is for the
/// handler to say. A message to an agent that does not read is held until it does, and those after it; past
/// `NodeServer.messagesMax` no more are taken.
actor NodeSwitch: LoopMember {
    private static let batchMax = 256
    private static let messagesQueuedMax = 1000
    private static let retryNanoseconds: Int64 = 5_000_000

    nonisolated let unownedExecutor: UnownedSerialExecutor
    private nonisolated let loop: BusLoop
    private let server: NodeServer
    private let inbox: NodeInbox
    private var socket: Socket
    private let isAuthenticated: Bool
    private let log: Log
    private var frame = Frame()
    private var outgoing: [NodeServer.Outgoing] = []
    private var held: [NodeConnection: [NodeMessage]] = [:]
    private var retryAt = Int64.max

    init(
        socket: consuming Socket, isAuthenticated: Bool, loop: BusLoop, server: NodeServer,
        handler: any NodeMessageHandler, log: Log
    ) {
        self.socket = socket
        self.isAuthenticated = isAuthenticated
        self.loop = loop
        self.server = server
        self.log = log
        inbox = NodeInbox(handler: handler)
        unownedExecutor = loop.asUnownedSerialExecutor()
    }

    /// Makes the socket; not yet bound. Connections are named by libzmq, so none can take another's place.
    static func openSocket(in context: Context) throws(BusError) -> Socket {
        let socket = try Socket(.router, in: context)
        try socket.setServerOptions(messagesQueuedMax: messagesQueuedMax)
        try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        return socket
    }

    nonisolated func start() {
        server.state.withLock { $0.loop = loop }
        loop.add(self)
    }

    func stop() {
        server.state.withLock { $0.loop = nil }
        loop.remove(self)
        socket.close()
    }

    /// A sign of life of the thread.
    func answer() {}

    nonisolated var handles: [SocketHandle] { assumeIsolated { [SocketHandle($0.socket.handle)] } }

    nonisolated func turn(now: Int64) -> LoopWait {
        assumeIsolated { node in
            node.sendOutgoing(now: now)
            node.receiveBatch()
            return LoopWait(deadline: node.retryAt)
        }
    }

    // MARK: From agents

    private func receiveBatch() {
        for _ in 0..<NodeSwitch.batchMax {
            guard frame.receive(from: socket.handle) else { return }
            let routing = Array(frame.bytes)
            var frames: [[UInt8]] = []
            var principal: Principal? = isAuthenticated ? nil : .local
            while frame.hasMore, frame.receive(from: socket.handle) {
                // A fifth frame is one too many, and more are of no interest.
                if frames.count < 5 { frames.append(Array(frame.bytes)) }
                if principal == nil { principal = frame.property("User-Id").map { Principal($0) } }
            }
            guard let principal, !principal.name.isEmpty else { continue }
            take(frames, from: NodeConnection(identifier: routing, principal: principal))
        }
    }

    private func take(_ frames: [[UInt8]], from connection: NodeConnection) {
        do throws(ServiceError) {
            let message = try NodeFrames.decode(frames)
            guard message.kind.isFromAgent else {
                throw ServiceError(.malformedRequest, "\(message.kind.rawValue) is a message of the server's.")
            }
            guard inbox.deliver(message, from: connection) else {
                throw ServiceError(
                    .throttling, "\(NodeInbox.messagesMax) messages of this connection wait; this one is not taken.")
            }
        } catch {
            log.warning("message of \(connection.principal) on the nodes socket is refused: \(error)")
            _ = server.send(.refused(error), to: connection)
        }
    }

    // MARK: To agents

    private func sendOutgoing(now: Int64) {
        if now >= retryAt { sendHeld(now: now) }
        server.state.withLock { swap(&$0.outgoing, &outgoing) }
        for entry in outgoing {
            let isBehind = held[entry.connection] != nil
            if isBehind || !send(entry.message, to: entry.connection) {
                held[entry.connection, default: []].append(entry.message)
                retryAt = min(retryAt, now + NodeSwitch.retryNanoseconds)
            }
        }
        outgoing.removeAll(keepingCapacity: true)
    }

    private func sendHeld(now: Int64) {
        for (connection, messages) in held {
            let sent = messages.prefix { send($0, to: connection) }.count
            held[connection] = sent == messages.count ? nil : Array(messages.dropFirst(sent))
        }
        retryAt = held.isEmpty ? .max : now + NodeSwitch.retryNanoseconds
    }

    /// Returns false where the connection's queue is full.
    private func send(_ message: NodeMessage, to connection: NodeConnection) -> Bool {
        let outcome = socket.send([connection.identifier] + NodeFrames.encode(message))
        if case .blocked = outcome { return false }
        server.state.withLock { state in
            let left = state.waiting[connection, default: 1] - 1
            state.waiting[connection] = left > 0 ? left : nil
            guard case .unreachable = outcome, state.ended.insert(connection).inserted else { return }
            state.endedOldestFirst.append(connection)
            if state.ended.count > NodeServer.endedMax { state.ended.remove(state.endedOldestFirst.removeFirst()) }
        }
        return true
    }
}
