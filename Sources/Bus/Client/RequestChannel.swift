internal import CShims
internal import CZeroMQ
internal import Core
internal import Synchronization

/// The client's end of the requests socket: pipelines calls, matches answers by request id, gives up on time.
///
/// At most `Limits.requestsInFlightPerClientMax` requests are sent and not answered, so that the server does not
/// throttle; the others wait here. When the connection breaks, those that may be repeated are sent again, and the
/// others fail, because whether they were carried out is unknown. A request that was never sent waits for the
/// connection, and is never sent once its caller has given up.
actor RequestChannel: LoopMember {
    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    typealias Continuation = CheckedContinuation<Result<Answer, BusError>, Never>

    private struct Call {
        let operation: String
        let body: [UInt8]
        let deadline: Int64
        let isRepeatable: Bool
        let continuation: Continuation
        var isSent = false
    }

    private struct Inbox {
        var calls: [(identifier: UInt64, call: Call)] = []
        var cancellations: [UInt64] = []
        var isClosed = false
    }

    /// Calls that wait or are in flight; more are refused as `.overloaded`.
    static let callsMax = 100_000

    nonisolated let unownedExecutor: UnownedSerialExecutor
    private nonisolated let loop: BusLoop
    private nonisolated let endpoint: String
    private nonisolated let inbox = Mutex(Inbox())
    private nonisolated let lastIdentifier = Atomic<UInt64>(0)
    private var connection: ClientConnection
    private var reader = ReplyReader()
    private var calls: [UInt64: Call] = [:]
    private var waiting: [UInt64] = []
    private var inFlight = 0
    /// No call's deadline is before it.
    private var nextDeadline = Int64.max

    init(endpoint: String, keys: ClientKeys?, context: Context, loop: BusLoop) throws(BusError) {
        let socket = try Socket(.dealer, in: context)
        try socket.setClientOptions(messagesQueuedMax: 2 * Limits.requestsInFlightPerClientMax)
        // Nothing is queued for a connection that does not exist, so nothing is sent after its caller has given up.
        try socket.set(ZMQ_IMMEDIATE, 1)
        if let keys { try socket.useCurve(keys) }
        connection = try ClientConnection(socket, to: endpoint, in: context)
        self.endpoint = endpoint
        self.loop = loop
        unownedExecutor = loop.asUnownedSerialExecutor()
    }

    nonisolated func start() { loop.add(self) }

    nonisolated var handles: [SocketHandle] { assumeIsolated { $0.connection.handles } }

    /// Fails every call that is not answered, and later ones at once.
    func stop() {
        inbox.withLock { $0.isClosed = true }
        takeSubmissions()
        for identifier in Array(calls.keys) { finish(identifier, .failure(RequestChannel.closed)) }
        loop.remove(self)
        connection.close()
    }

    /// Sends a request and waits for its answer.
    /// - Parameter isRepeatable: Whether carrying it out twice is the same as once.
    nonisolated func call(
        _ operation: String, _ body: [UInt8], isRepeatable: Bool, timeout: Duration
    ) async throws -> Answer {
        let identifier = lastIdentifier.add(1, ordering: .relaxed).newValue
        let deadline = ops_monotonic_nanoseconds() &+ timeout.microseconds * 1000
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: Continuation) in
                let call = Call(
                    operation: operation, body: body, deadline: deadline, isRepeatable: isRepeatable,
                    continuation: continuation)
                let isTaken = inbox.withLock { inbox in
                    // A cancellation that came before would find nothing to cancel.
                    if inbox.isClosed || Task.isCancelled { return false }
                    inbox.calls.append((identifier, call))
                    return true
                }
                if !isTaken { continuation.resume(returning: .failure(RequestChannel.closed)) }
                loop.notify()
            }
        } onCancel: {
            inbox.withLock { $0.cancellations.append(identifier) }
            loop.notify()
        }
        try Task.checkCancellation()
        return try result.get()
    }

    private static let closed = BusError(.closed, "the client is closed")

    nonisolated func turn(now: Int64) -> LoopWait {
        assumeIsolated { channel in
            channel.takeSubmissions()
            channel.followConnection(now: now)
            channel.receive()
            if now >= channel.nextDeadline { channel.expire(now: now) }
            let isBlocked = !channel.sendWaiting()
            return LoopWait(
                deadline: min(channel.nextDeadline, channel.connection.deadline), writable: isBlocked)
        }
    }

    private func takeSubmissions() {
        let (submitted, cancelled) = inbox.withLock { inbox in
            defer {
                inbox.calls.removeAll(keepingCapacity: true)
                inbox.cancellations.removeAll(keepingCapacity: true)
            }
            return (inbox.calls, inbox.cancellations)
        }
        for (identifier, call) in submitted {
            guard calls.count < RequestChannel.callsMax else {
                let error = BusError(.overloaded, "\(RequestChannel.callsMax) calls wait already", endpoint: endpoint)
                call.continuation.resume(returning: .failure(error))
                continue
            }
            calls[identifier] = call
            waiting.append(identifier)
            nextDeadline = min(nextDeadline, call.deadline)
        }
        // The answer is overruled by the check for cancellation in `call`.
        for identifier in cancelled { finish(identifier, .failure(RequestChannel.closed)) }
    }

    private func followConnection(now: Int64) {
        while let change = connection.nextChange(now: now) {
            switch change {
            case .connected: break
            case .disconnected: repeatOrFail()
            case .refused: refuse()
            }
        }
    }

    /// Fails all calls, since waiting helps nobody whose key is not registered. The connection is tried again every
    /// second, so that later calls succeed once it is.
    private func refuse() {
        let error = BusError(
            .keyRefused, "the server does not accept this client's key; register it with 'opsbus keys add', and check"
                + " that the client has the server's public key", endpoint: endpoint)
        for identifier in Array(calls.keys) { finish(identifier, .failure(error)) }
    }

    private func repeatOrFail() {
        var repeated: [UInt64] = []
        for (identifier, call) in calls where call.isSent {
            if call.isRepeatable {
                repeated.append(identifier)
                calls[identifier]?.isSent = false
                inFlight -= 1
            } else {
                let message = "the connection broke; whether \(call.operation) was carried out is unknown"
                finish(identifier, .failure(BusError(.connectionLost, message, endpoint: endpoint)))
            }
        }
        waiting.insert(contentsOf: repeated.sorted(), at: 0)
    }

    private func receive() {
        while let answer = reader.next(from: connection.socket.handle) {
            // An answer to a call that was given up, or a second one to a repeated call, finds nobody.
            finish(answer.identifier, answer.result)
        }
    }

    private func expire(now: Int64) {
        nextDeadline = .max
        for (identifier, call) in calls {
            guard call.deadline <= now else {
                nextDeadline = min(nextDeadline, call.deadline)
                continue
            }
            let message =
                if call.isSent {
                    "no answer to \(call.operation) in time; whether it was carried out is unknown"
                } else {
                    "no connection in time; is the server running?"
                }
            finish(identifier, .failure(BusError(.timedOut, message, endpoint: endpoint)))
        }
    }

    /// Returns false where more waits and the connection does not take it now.
    private func sendWaiting() -> Bool {
        var taken = 0
        defer { waiting.removeFirst(taken) }
        for identifier in waiting {
            if inFlight >= Limits.requestsInFlightPerClientMax { return true }
            if let call = calls[identifier], !call.isSent {
                guard send(identifier, call) else { return false }
                calls[identifier]?.isSent = true
                inFlight += 1
            }
            taken += 1
        }
        return true
    }

    private func send(_ identifier: UInt64, _ call: Call) -> Bool {
        guard connection.isConnected, case .sent = connection.socket.send("OPS1", more: true) else { return false }
        _ = withUnsafeBytes(of: identifier.bigEndian) { connection.socket.send($0, more: true) }
        _ = connection.socket.send(Array(call.operation.utf8), more: true)
        _ = connection.socket.send(call.body, more: false)
        return true
    }

    private func finish(_ identifier: UInt64, _ result: Result<Answer, BusError>) {
        guard let call = calls.removeValue(forKey: identifier) else { return }
        if call.isSent { inFlight -= 1 }
        call.continuation.resume(returning: result)
    }
}

/// Reads answers off the client's socket.
struct ReplyReader: ~Copyable {
    private var frame = Frame()

    /// The next answer with a request id of ours; nil where none is waiting.
    mutating func next(
        from socket: UnsafeMutableRawPointer
    ) -> (identifier: UInt64, result: Result<RequestChannel.Answer, BusError>)? {
        while frame.receive(from: socket) {
            var frames: [[UInt8]] = [Array(frame.bytes)]
            while frame.hasMore, frame.receive(from: socket) {
                // More frames than an answer has are of no interest.
                if frames.count < 5 { frames.append(Array(frame.bytes)) }
            }
            guard frames.count >= 2, frames[1].count == 8 else { continue }
            let identifier = frames[1].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard frames.count == 4, frames[0].elementsEqual("OPS1".utf8),
                let status = Int(String(decoding: frames[2], as: UTF8.self))
            else {
                return (identifier, .failure(BusError(.malformedReply, "the server's answer is not of OPS1's form")))
            }
            return (identifier, .success(RequestChannel.Answer(status: status, body: frames[3])))
        }
        return nil
    }
}
