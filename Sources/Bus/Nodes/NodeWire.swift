internal import API
internal import CZeroMQ
internal import Core
internal import Synchronization

/// The socket of a `NodeClient`.
actor NodeWire: LoopMember {
    private static let batchMax = 256

    nonisolated let unownedExecutor: UnownedSerialExecutor
    nonisolated let events: BoundedQueue<NodeEvent>
    private nonisolated let loop: BusLoop
    private nonisolated let state = Mutex(NodeClient.State())
    private var connection: ClientConnection
    private var frame = Frame()
    /// Taken from the queue, and not yet by the socket.
    private var sending: ArraySlice<NodeMessage> = []

    init(endpoint: String, keys: ClientKeys?, context: Context, loop: BusLoop) throws(BusError) {
        let socket = try Socket(.dealer, in: context)
        try socket.setClientOptions(messagesQueuedMax: 1000)
        // Messages belong to one connection, which begins with `Register`: none may be kept for the next.
        try socket.set(ZMQ_IMMEDIATE, 1)
        if let keys { try socket.useCurve(keys) }
        connection = try ClientConnection(socket, to: endpoint, in: context)
        self.loop = loop
        unownedExecutor = loop.asUnownedSerialExecutor()
        events = BoundedQueue(limit: NodeClient.eventsMax) { loop.notify() }
    }

    func stop() {
        loop.remove(self)
        connection.close()
        state.withLock { $0 = NodeClient.State() }
        events.finish()
    }

    nonisolated func send(_ message: NodeMessage) -> Bool {
        let isTaken = state.withLock { state in
            let bytes = message.payload.count
            guard state.isConnected, state.outgoing.count < NodeClient.messagesMax,
                state.outgoingBytes + bytes <= NodeClient.bytesMax
            else { return false }
            state.outgoing.append(message)
            state.outgoingBytes += bytes
            return true
        }
        if isTaken { loop.notify() }
        return isTaken
    }

    nonisolated var handles: [SocketHandle] { assumeIsolated { $0.connection.handles } }

    nonisolated func turn(now: Int64) -> LoopWait {
        assumeIsolated { wire in
            wire.followConnection(now: now)
            let isFull = wire.events.isFull
            if !isFull { wire.receiveBatch() }
            return LoopWait(
                deadline: wire.connection.deadline, readable: !isFull, writable: !wire.sendOutgoing())
        }
    }

    private func followConnection(now: Int64) {
        while let change = connection.nextChange(now: now) {
            let event: NodeEvent =
                switch change {
                case .connected: .connected
                case .disconnected: .disconnected
                case .refused: .refused
                }
            // What was queued for the connection before is not for this one.
            sending = []
            state.withLock { $0 = NodeClient.State(isConnected: event == .connected) }
            events.append(CollectionOfOne(event))
        }
    }

    private func receiveBatch() {
        var received: [NodeEvent] = []
        while received.count < NodeWire.batchMax, frame.receive(from: connection.socket.handle) {
            var frames = [Array(frame.bytes)]
            while frame.hasMore, frame.receive(from: connection.socket.handle) { frames.append(Array(frame.bytes)) }
            // A server that breaks the protocol is not answered: it would not understand the complaint either.
            do throws(ServiceError) {
                let message = try NodeFrames.decode(frames)
                received.append(
                    .message(message.kind.isFromServer ? message : .refused(NodeWire.strange(message.kind))))
            } catch {
                received.append(.message(.refused(error)))
            }
        }
        if !received.isEmpty { events.append(received) }
    }

    private static func strange(_ kind: NodeMessage.Kind) -> ServiceError {
        ServiceError(.malformedRequest, "The server sent \(kind.rawValue), which is a message of agents.")
    }

    /// Returns false where more waits and the connection does not take it now.
    private func sendOutgoing() -> Bool {
        while true {
            if sending.isEmpty {
                sending = state.withLock { state in
                    defer {
                        state.outgoing = []
                        state.outgoingBytes = 0
                    }
                    return state.outgoing[...]
                }
                if sending.isEmpty { return true }
            }
            while let message = sending.first {
                guard case .sent = connection.socket.send(NodeFrames.encode(message)) else { return false }
                sending.removeFirst()
            }
        }
    }
}
