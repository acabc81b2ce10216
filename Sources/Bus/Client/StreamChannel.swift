internal import API
internal import CShims
internal import CZeroMQ
internal import Core
internal import Synchronization

/// What comes on a subscriber's socket.
enum StreamEvent: Sendable, Equatable {
    case message(topic: String, sequence: UInt64, previousSequence: UInt64, body: [UInt8])
    case heartbeat(epoch: String, sequence: UInt64)
    /// Messages may be missing here: the connection was made anew, or nobody took what had come.
    case lost
    /// No heartbeat came in the time allowed for the first one.
    case silent
}

/// The socket of one subscription. What its reader does not take in time is dropped, for the reader to find in the
/// journal.
actor StreamChannel: LoopMember {
    /// Messages that wait for the reader.
    static let messagesMax = 10_000
    private static let batchMax = 512

    nonisolated let unownedExecutor: UnownedSerialExecutor
    nonisolated let events: BoundedQueue<StreamEvent>
    private nonisolated let loop: BusLoop
    private nonisolated let stopped = Atomic<Bool>(false)
    private var connection: ClientConnection
    private var frame = Frame()
    private var hasLost = false
    private var hasConnected = false
    /// Whether the connection is a new one whose first heartbeat has not come.
    private var isReconnected = false
    /// Until when the first heartbeat must have come.
    private var silentAt: Int64

    init(
        endpoint: String, prefixes: [String], keys: ClientKeys?, timeout: Duration, messagesMax: Int,
        context: Context, loop: BusLoop
    ) throws(BusError) {
        let socket = try Socket(.sub, in: context)
        try socket.setClientOptions(messagesQueuedMax: messagesMax)
        if let keys { try socket.useCurve(keys) }
        for prefix in prefixes { try socket.set(ZMQ_SUBSCRIBE, prefix) }
        connection = try ClientConnection(socket, to: endpoint, in: context)
        self.loop = loop
        silentAt = ops_monotonic_nanoseconds() &+ timeout.microseconds * 1000
        unownedExecutor = loop.asUnownedSerialExecutor()
        events = BoundedQueue(limit: messagesMax) { loop.notify() }
    }

    nonisolated func start() { loop.add(self) }

    /// Whether the loop no longer runs this channel, and perhaps not even itself.
    nonisolated var isStopped: Bool { stopped.load(ordering: .relaxed) }

    func stop() {
        stopped.store(true, ordering: .relaxed)
        loop.remove(self)
        connection.close()
        events.finish()
    }

    nonisolated var handles: [SocketHandle] { assumeIsolated { $0.connection.handles } }

    nonisolated func turn(now: Int64) -> LoopWait {
        assumeIsolated { channel in
            channel.followConnection(now: now)
            channel.receiveBatch()
            if now >= channel.silentAt {
                channel.silentAt = .max
                channel.events.append(CollectionOfOne(.silent))
            }
            return LoopWait(deadline: min(channel.silentAt, channel.connection.deadline))
        }
    }

    /// Subscribes to heartbeats on each connection anew. The socket sends its other subscriptions by itself, when the
    /// connection is made; so the heartbeat that follows shows that they are in effect.
    private func followConnection(now: Int64) {
        while let change = connection.nextChange(now: now) {
            switch change {
            case .connected:
                isReconnected = hasConnected
                hasConnected = true
                setHeartbeat(ZMQ_SUBSCRIBE)
            case .disconnected: setHeartbeat(ZMQ_UNSUBSCRIBE)
            case .refused: break
            }
        }
    }

    private func setHeartbeat(_ option: Int32) {
        do throws(BusError) {
            try connection.socket.set(option, StreamTopic.heartbeat)
        } catch {
            // Only a socket that is closed fails here, and this one is not; without heartbeats the reader is told.
            silentAt = 0
        }
    }

    private func receiveBatch() {
        let isFull = events.isFull
        var received: [StreamEvent] = []
        if hasLost, !isFull {
            received.append(.lost)
            hasLost = false
        }
        for _ in 0..<StreamChannel.batchMax {
            guard let event = next() else { break }
            if isFull { hasLost = true } else { received.append(event) }
            guard case .heartbeat = event else { continue }
            silentAt = .max
            // Now the new connection's subscriptions are in effect; what was sent before that is missing.
            if isReconnected, !isFull { received.append(.lost) }
            isReconnected = false
        }
        if !received.isEmpty { events.append(received) }
    }

    /// The next message of the right form; others are passed over. Nil where none waits.
    private func next() -> StreamEvent? {
        while frame.receive(from: connection.socket.handle) {
            let topic = String(decoding: frame.bytes, as: UTF8.self)
            var sequences: SequenceFrame?
            var body: [UInt8]?
            var count = 1
            while frame.hasMore, frame.receive(from: connection.socket.handle) {
                count += 1
                if count == 2 { sequences = SequenceFrame(frame.bytes) }
                if count == 3 { body = Array(frame.bytes) }
            }
            guard count == 3, let sequences, let body else { continue }
            guard topic == StreamTopic.heartbeat else {
                return .message(
                    topic: topic, sequence: sequences.sequence, previousSequence: sequences.previousSequence,
                    body: body)
            }
            if let epoch = (try? JSON(parsing: body))?["Epoch"]?.string {
                return .heartbeat(epoch: epoch, sequence: sequences.sequence)
            }
        }
        return nil
    }
}
