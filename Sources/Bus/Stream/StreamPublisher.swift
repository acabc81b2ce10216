internal import API
internal import CZeroMQ
internal import Core
internal import Platform
internal import Synchronization

/// Sends messages to subscribers on an XPUB socket, and says every second how far the stream has come: bus protocol
/// OPS1, section 3.
///
/// Subscriptions are entered by hand (`ZMQ_XPUB_MANUAL`), after the authorizer has allowed them. libzmq enters one for
/// the connection that the message read last came from, and forgets that connection as soon as any other ends; so it
/// must be entered before the next message is read.
actor StreamPublisher: LoopMember {
    static let heartbeatNanoseconds: Int64 = 1_000_000_000
    /// A subscription is one frame: the operation and the prefix.
    static let subscriptionBytesMax = 4096
    private static let batchMax = 512

    nonisolated let unownedExecutor: UnownedSerialExecutor
    private nonisolated let loop: BusLoop
    private let server: StreamServer
    private var socket: Socket
    private let isAuthenticated: Bool
    private let authorizer: any Authorizer
    private let epoch: String
    private let clock: any Clock
    private let log: Log
    private var frame = Frame()
    private var sending = StreamOutbox()
    private var lastSent: UInt64
    private var nextHeartbeat: Int64 = 0
    /// What libzmq holds for all subscribers.
    private let queued: ByteAccount
    private var unsentCount = 0

    init(
        socket: consuming Socket, bytesQueuedMax: Int, isAuthenticated: Bool, loop: BusLoop, server: StreamServer,
        authorizer: any Authorizer, position: StreamPosition, clock: any Clock, log: Log
    ) {
        self.socket = socket
        self.isAuthenticated = isAuthenticated
        self.loop = loop
        self.server = server
        self.authorizer = authorizer
        epoch = position.epoch
        lastSent = position.sequence
        self.clock = clock
        self.log = log
        queued = ByteAccount(bytesMax: bytesQueuedMax)
        unownedExecutor = loop.asUnownedSerialExecutor()
    }

    /// Makes the socket; not yet bound.
    /// - Parameter messagesQueuedMax: For each subscriber; past it messages are dropped for that subscriber.
    static func openSocket(in context: Context, messagesQueuedMax: Int) throws(BusError) -> Socket {
        let socket = try Socket(.xpub, in: context)
        try socket.setServerOptions(messagesQueuedMax: messagesQueuedMax)
        try socket.set(ZMQ_MAXMSGSIZE, wide: Int64(subscriptionBytesMax))
        try socket.set(ZMQ_XPUB_MANUAL, 1)
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
        assumeIsolated { publisher in
            publisher.receiveSubscriptions()
            publisher.sendMessages()
            if now >= publisher.nextHeartbeat { publisher.sendHeartbeat(now: now) }
            return LoopWait(deadline: publisher.nextHeartbeat)
        }
    }

    // MARK: Subscriptions

    private func receiveSubscriptions() {
        for _ in 0..<StreamPublisher.batchMax {
            guard frame.receive(from: socket.handle) else { return }
            // Subscriptions have one frame. What else a peer sends upstream means nothing here.
            let isWhole = !frame.hasMore
            let message = frame.bytes
            if isWhole, let operation = message.first, operation <= 1 {
                let prefix = Array(message.dropFirst())
                if operation == 1 { subscribe(prefix) } else { unsubscribe(prefix) }
            }
            while frame.hasMore && frame.receive(from: socket.handle) {}
        }
    }

    private func subscribe(_ prefix: [UInt8]) {
        if prefix.elementsEqual(StreamTopic.heartbeat.utf8) {
            // It says nothing that a client may not know, and clients cannot do without it. The first one comes at
            // once: it tells the subscriber that it now gets everything it has asked for before.
            enter(prefix)
            nextHeartbeat = 0
            return
        }
        // Counted although it may be refused: when its connection ends, the cancellation does not say whose it was. The
        // set only spares work; libzmq decides who gets what.
        server.state.withLock { $0.subscriptions.insert(prefix) }
        guard let principal, let text = String(validating: prefix, as: UTF8.self) else { return }
        do throws(ServiceError) {
            // All topics that begin with it, as `bus:ReadStream` asks for them.
            try authorizer.authorize(principal, "bus:Subscribe", on: text + "*")
            enter(prefix)
        } catch {
            log.warning("subscription of \(principal) to \"\(text)\" is refused: \(error)")
        }
    }

    private func enter(_ prefix: [UInt8]) {
        do throws(BusError) {
            try socket.set(ZMQ_SUBSCRIBE, prefix)
        } catch {
            log.error("cannot enter a subscription: \(error)")
        }
    }

    /// Also called for each subscription of a connection that ended; libzmq has then removed it itself.
    private func unsubscribe(_ prefix: [UInt8]) {
        do throws(BusError) {
            try socket.set(ZMQ_UNSUBSCRIBE, prefix)
        } catch {
            log.error("cannot cancel a subscription: \(error)")
        }
        guard !prefix.elementsEqual(StreamTopic.heartbeat.utf8) else { return }
        // A peer that cancels what it never asked for could make this count too small. Others then get their messages
        // late, when the heartbeat shows them the gap, but get them.
        server.state.withLock { $0.subscriptions.remove(prefix) }
    }

    private var principal: Principal? {
        guard isAuthenticated else { return .local }
        return frame.property("User-Id").flatMap { $0.isEmpty ? nil : Principal($0) }
    }

    // MARK: Messages

    private func sendMessages() {
        server.state.withLock { state in
            swap(&state.outbox, &sending)
            lastSent = max(lastSent, state.lastSequence)
            state.droppedCount += sending.droppedCount
        }
        if sending.droppedCount > 0 {
            log.warning("\(sending.droppedCount) messages were dropped; subscribers will read them from the journal")
        }
        var unsent = 0
        sending.forEach { topic, sequences, payload in
            let isCounted = payload.count >= ByteAccount.countedBytesMin
            guard !isCounted || queued.reserve(payload.count) else {
                unsent += 1
                return
            }
            _ = socket.send(topic, more: true)
            _ = socket.send(sequences, more: true)
            socket.send(last: payload, account: isCounted ? queued : nil)
        }
        sending.removeAll()
        note(unsent)
    }

    /// Counts messages that subscribers who do not read leave no room for, and says so once a heartbeat.
    private func note(_ unsent: Int) {
        guard unsent > 0 else { return }
        server.state.withLock { $0.droppedCount += unsent }
        unsentCount += unsent
    }

    private func sendHeartbeat(now: Int64) {
        nextHeartbeat = now + StreamPublisher.heartbeatNanoseconds
        if unsentCount > 0 {
            log.warning(
                "\(unsentCount) messages were dropped: subscribers that do not read leave no room for them; the others "
                    + "will read them from the journal")
            unsentCount = 0
        }
        let body: JSON = [
            "Epoch": .string(epoch), "Sequence": .integer(lastSent), "Time": .string(clock.now.millisecondDescription),
        ]
        var sequences: [UInt8] = []
        SequenceFrame(sequence: lastSent, previousSequence: lastSent).write(into: &sequences)
        _ = socket.send([Array(StreamTopic.heartbeat.utf8), sequences, body.bytes])
    }
}
