internal import API
internal import CZeroMQ
internal import Core
internal import Synchronization

/// Answers requests on a router socket: bus protocol OPS1, section 2.
///
/// `events:PutEvents` goes past the operation table to the `PublishHandler`, a batch at a time: whether a body is JSON,
/// whether the principal may publish, and the audit record are that handler's affair. Every other operation is a task
/// that calls the table. Answers are sent in the order they become ready. The loop's thread never waits for either.
///
/// A client that does not read its answers: libzmq queues `answersQueuedMax` of them; up to
/// `Limits.requestsInFlightPerClientMax` more are held here for at most `answerHoldNanoseconds`, still counted as in
/// flight, so that the client's further requests are throttled; after that they are discarded and counted. Once
/// `Limits.answerBytesQueuedPerClientMax` bytes of answers wait for it, its further requests are refused before they
/// are carried out, and of those being carried out it gets word in place of the answer (`ByteAccount`). A client that
/// was so slow must ask again, which is why publishing is idempotent by `OpsBusEventId`.
actor RequestServer: LoopMember {
    /// Messages read before answers and other members get their turn.
    private static let batchMax = 512
    private static let answersQueuedMax = 1024
    private static let answerHoldNanoseconds: Int64 = 10_000_000_000
    private static let retryNanoseconds: Int64 = 5_000_000

    private struct HeldReply {
        let reply: Reply
        let discardAt: Int64
    }

    nonisolated let unownedExecutor: UnownedSerialExecutor
    nonisolated let counters = RequestCounters()
    private nonisolated let loop: BusLoop
    private nonisolated let replies: ReplyQueue
    private var socket: Socket
    private let operations: any OperationCaller
    private let publisher: any PublishHandler
    private var reader: RequestReader
    private var ledger: RequestLedger
    private var sending: [Reply] = []
    private var held: [HeldReply] = []
    private var retryAt = Int64.max
    private var published: [PublishRequest] = []

    init(
        socket: consuming Socket, isAuthenticated: Bool, loop: BusLoop, operations: any OperationCaller,
        publisher: any PublishHandler, bounds: RequestLedger.Bounds = .init()
    ) {
        self.socket = socket
        self.loop = loop
        self.operations = operations
        self.publisher = publisher
        unownedExecutor = loop.asUnownedSerialExecutor()
        replies = ReplyQueue(loop: loop)
        reader = RequestReader(isAuthenticated: isAuthenticated)
        ledger = RequestLedger(bounds)
    }

    /// Makes the socket that requests come in on; not yet bound.
    /// - Parameter isShared: Whether clients are of several principals.
    static func openSocket(in context: Context, isShared: Bool) throws(BusError) -> Socket {
        let socket = try Socket(.router, in: context)
        try socket.setServerOptions(messagesQueuedMax: answersQueuedMax)
        // Answers that cannot be delivered are seen, not lost silently.
        try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        // A client that chose its routing id and lost its connection gets it back at once. Not between principals: one
        // could take over another's connection, and with it the answers.
        try socket.set(ZMQ_ROUTER_HANDOVER, isShared ? 0 : 1)
        return socket
    }

    nonisolated func start() { loop.add(self) }

    /// A sign of life of the thread.
    func answer() {}

    nonisolated var handles: [SocketHandle] { assumeIsolated { [SocketHandle($0.socket.handle)] } }

    func stop() {
        loop.remove(self)
        socket.close()
    }

    nonisolated func turn(now: Int64) -> LoopWait {
        assumeIsolated { server in
            server.sendReplies(now: now)
            server.receiveBatch()
            return LoopWait(deadline: server.retryAt)
        }
    }

    // MARK: Requests

    private func receiveBatch() {
        for _ in 0..<RequestServer.batchMax {
            switch reader.next(from: socket.handle) {
            case .none:
                publishBatch()
                return
            case .malformed(let error): refuse(error)
            case .publish(let body):
                guard let token = open(bytes: body.count) else { continue }
                let account = ledger.account(token)
                published.append(
                    PublishRequest(body: body, principal: reader.principal) { [replies] status, body in
                        replies.append(token, status, body, account)
                    })
            case .call(let operation, let body):
                guard let token = open(bytes: body.count, isRead: operation == "bus:ReadStream") else { continue }
                call(operation, body, OperationContext(principal: reader.principal), token, ledger.account(token))
            }
        }
        publishBatch()
    }

    private func publishBatch() {
        guard !published.isEmpty else { return }
        publisher.publish(published)
        published.removeAll(keepingCapacity: true)
    }

    private func open(bytes: Int, isRead: Bool = false) -> RequestToken? {
        if let refusal = ledger.refusal(of: reader.envelope, bytes: bytes, isRead: isRead) {
            refuse(ServiceError(.throttling, refusal.message))
            return nil
        }
        counters.received.add(1, ordering: .relaxed)
        return ledger.open(reader.envelope, bytes: bytes, isRead: isRead)
    }

    /// Answers the request read last at once.
    private func refuse(_ error: ServiceError) {
        counters.refused.add(1, ordering: .relaxed)
        guard case .sent = send(status: error.code.status, body: error.json.bytes, to: reader.envelope) else {
            counters.discarded.add(1, ordering: .relaxed)
            return
        }
    }

    private nonisolated func call(
        _ operation: String, _ body: [UInt8], _ context: OperationContext, _ token: RequestToken,
        _ account: ByteAccount
    ) {
        let (operations, replies) = (operations, replies)
        Task { @concurrent in
            // Many requests come at a time; the answers of the first may already be too much.
            if account.isFull {
                replies.append(.unread(token, "This request was not carried out."))
                return
            }
            do throws(ServiceError) {
                let output = try await operations.call(operation, JSON(objectIn: body), context)
                replies.append(token, 200, output.bytes, account)
            } catch {
                replies.append(token, error.code.status, error.json.bytes, account)
            }
        }
    }

    // MARK: Replies

    private func sendReplies(now: Int64) {
        if now >= retryAt { sendHeld(now: now) }
        replies.swap(&sending)
        for reply in sending where !deliver(reply) {
            held.append(HeldReply(reply: reply, discardAt: now + RequestServer.answerHoldNanoseconds))
            retryAt = min(retryAt, now + RequestServer.retryNanoseconds)
        }
        sending.removeAll(keepingCapacity: true)
    }

    private func sendHeld(now: Int64) {
        held.removeAll { held in
            if deliver(held.reply) { return true }
            guard now >= held.discardAt else { return false }
            counters.discarded.add(1, ordering: .relaxed)
            held.reply.release()
            ledger.close(held.reply.token)
            return true
        }
        retryAt = held.isEmpty ? .max : now + RequestServer.retryNanoseconds
    }

    /// Returns false where the client's queue is full and the answer must be held.
    private func deliver(_ reply: Reply) -> Bool {
        let outcome = ledger.withEnvelope(reply.token) {
            send(status: reply.status, body: reply.body, to: $0, account: reply.account)
        }
        switch outcome {
        case .blocked: return false
        case .sent: counters.answered.add(1, ordering: .relaxed)
        case .unreachable:
            counters.discarded.add(1, ordering: .relaxed)
            reply.release()
        case nil:
            reply.release()
            return true
        }
        ledger.close(reply.token)
        return true
    }

    /// - Parameter account: What the body is on, until it has been sent.
    private func send(
        status: Int, body: [UInt8], to envelope: borrowing Envelope, account: ByteAccount? = nil
    ) -> Socket.Sent {
        // Whether the message can go is decided with its first frame.
        let outcome = socket.send(envelope.routing, more: true)
        guard case .sent = outcome else { return outcome }
        if envelope.hasDelimiter { _ = socket.send("", more: true) }
        _ = socket.send("OPS1", more: true)
        _ = socket.send(envelope.identifier, more: true)
        _ = status == 200 ? socket.send("200", more: true) : socket.send(Array(String(status).utf8), more: true)
        body.withUnsafeBytes { socket.send(last: $0, account: account) }
        return .sent
    }
}

extension RequestLedger.Refusal {
    var message: String {
        switch self {
        case .tooManyRequests: "Too many requests are in flight; wait for answers, then try again."
        case .tooManyOfClient:
            "This connection has \(Limits.requestsInFlightPerClientMax) requests in flight; wait for answers."
        case .tooManyReads:
            "This connection has \(Limits.streamReadsInFlightPerClientMax) requests ReadStream in flight; wait for "
                + "answers."
        case .unreadAnswers:
            "Answers that this connection has not read fill its share of memory; read them, then try again."
        case .tooManyBytes: "The requests in flight are too large together; wait for answers, then try again."
        }
    }
}
