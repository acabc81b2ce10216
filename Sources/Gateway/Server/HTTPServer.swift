internal import CMicroHTTPD
internal import CShims
internal import Core
internal import Glibc
internal import Platform
internal import Synchronization

/// An HTTP/1.1 server: libmicrohttpd on one thread, which parses, and hands whole requests to a handler.
///
/// What came at a time is handed over together: after each round of reading the handler is told that it has all.
/// A connection waits suspended while its request is worked on, so one thread serves all. There are at most
/// `connectionsMax` connections; others wait in the kernel's queue until idle ones are closed for them. Bodies being
/// received or worked on have a bound together, past which requests are refused. Clients too slow to send a request or
/// to read an answer are cut off.
final class HTTPServer: Sendable {
    /// The bounds of a server.
    struct Limits: Sendable {
        var bodyBytesMax = Core.Limits.requestBytesMax
        var bytesInFlightMax = Core.Limits.requestBytesInFlightMax
        var connectionsMax = 512
        /// Of one client's address; nil for no limit, as where all clients are on this machine.
        var connectionsPerAddressMax: Int?
        /// After which a connection on which nothing moves is closed.
        var idleTimeout = Duration.seconds(60)
        /// The same while there are as many connections as there may be, so that others get their turn.
        var crowdedIdleTimeout = Duration.seconds(5)
        /// In which a request must have come, and an answer must have gone.
        var transferTimeout = Duration.seconds(30)
        /// How long work under way may take to end when the server stops.
        var stopTimeout = Duration.seconds(5)
    }

    /// `@unchecked`: the library allows its calls on a daemon from any thread.
    private struct Daemon: @unchecked Sendable { let pointer: OpaquePointer }

    /// Room for a request's head and a piece of its body; a longer head is answered 431. The library wipes it after
    /// every request.
    private static let memoryPerConnection = 32 << 10
    /// How long the thread waits for something to happen before it looks at the time.
    private static let roundMilliseconds: Int32 = 1000
    /// A refused body is read to its end so that the client gets the answer, unless it is this much too long.
    private static let discardedBytesMax = 16 << 20

    private let handler: any HTTPHandler
    private let limits: Limits
    private let clock: any Clock
    private let connections: Mutex<ConnectionTable>
    private let unanswered = Mutex<[ObjectIdentifier: Exchange]>([:])
    private let bytesInFlight = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private let daemon = Once<Daemon>()
    private let sweeper = Once<Task<Void, Never>>()
    private let thread = WorkerThread(name: "http")
    private let isEnding = Atomic<Bool>(false)
    private let wakeDescriptor = ops_http_make_wake()
    /// Whether the thread has been told that there is something to do, and has not looked since.
    private let isWoken = Atomic<Bool>(false)
    private let rounds = Once<Task<Void, Never>>()

    init(handler: any HTTPHandler, limits: Limits = Limits(), clock: any Clock) {
        self.handler = handler
        self.limits = limits
        self.clock = clock
        connections = Mutex(ConnectionTable(limits))
    }

    deinit { close(wakeDescriptor) }

    /// Begins to serve; once only.
    /// - Parameters:
    ///   - socket: A listening one, owned by the server from here on.
    ///   - identity: Nil for plain HTTP.
    /// - Throws: `GatewayError` `.tls` or `.server`.
    func start(on socket: Int32, identity: TLSIdentity?) throws(GatewayError) {
        var options = ops_http_options()
        options.listen_socket = socket
        options.connections_max = UInt32(limits.connectionsMax)
        options.connections_per_address_max = UInt32(limits.connectionsPerAddressMax ?? 0)
        options.idle_timeout_seconds = UInt32(max(1, limits.idleTimeout.components.seconds))
        options.memory_per_connection = HTTPServer.memoryPerConnection
        // The library calls back until the end of `stop`; the server lives so long by the reference given back there.
        options.context = Unmanaged.passRetained(self).toOpaque()
        HTTPServer.setCallbacks(&options)
        let pointer: OpaquePointer?
        if let identity {
            pointer = identity.certificate.withCString { certificate in
                identity.key.withCString { key in
                    options.certificate = certificate
                    options.key = key
                    return ops_http_start(&options)
                }
            }
        } else {
            pointer = ops_http_start(&options)
        }
        guard let pointer else {
            Unmanaged.passUnretained(self).release()
            close(socket)
            throw identity == nil
                ? GatewayError(.server, "the HTTP server cannot be started")
                : GatewayError(.tls, "the certificate and the key are not a pair in PEM that GnuTLS takes")
        }
        let daemon = Daemon(pointer: pointer)
        self.daemon.set(daemon)
        rounds.set(Task(executorPreference: thread) { self.serve(daemon) })
        sweeper.set(Task { await self.sweep() })
    }

    /// Accepts nothing more, lets what is under way end, and closes all connections.
    func stop() async {
        guard daemon.value != nil else { return }
        isStopping.store(true, ordering: .releasing)
        wake()
        await waitUntilIdle(for: limits.stopTimeout)
        // What still works answers nobody.
        for exchange in unanswered.withLock({ Array($0.values) }) {
            exchange.reply(handler.refuse(exchange.incoming.request, because: .stopping))
        }
        wake()
        await waitUntilIdle(for: .seconds(1))
        sweeper.value?.cancel()
        isEnding.store(true, ordering: .releasing)
        wake()
        await rounds.value?.value
        thread.stop()
        Unmanaged.passUnretained(self).release()
    }

    /// Open connections; for metrics and tests.
    var connectionCount: Int { connections.withLock { $0.count } }

    private func waitUntilIdle(for time: Duration) async {
        let deadline = clock.monotonic + time
        while connections.withLock({ $0.busyCount }) > 0, clock.monotonic < deadline {
            do { try await clock.sleep(for: .milliseconds(5)) } catch { return }
        }
    }

    /// Serves until the server stops; the thread does nothing else.
    private func serve(_ daemon: Daemon) {
        var isListening = true
        while !isEnding.load(ordering: .acquiring) {
            ops_http_wait(daemon.pointer, wakeDescriptor, HTTPServer.roundMilliseconds)
            // Before the round: what comes to be done from here on may have to wake the thread again.
            isWoken.store(false, ordering: .sequentiallyConsistent)
            if isListening, isStopping.load(ordering: .acquiring) {
                isListening = false
                // Between two rounds: the library ends the process if a round stops listening at the same time, as one
                // does at the limit of connections.
                let socket = MHD_quiesce_daemon(daemon.pointer)
                if socket >= 0 { close(socket) }
            }
            MHD_run(daemon.pointer)
            handler.finishRound()
        }
        MHD_stop_daemon(daemon.pointer)
    }

    /// Has the thread look for connections that go on. From any thread; many at a time cost one call of the system.
    private func wake() {
        if !isWoken.exchange(true, ordering: .sequentiallyConsistent) { ops_http_wake(wakeDescriptor) }
    }

    /// Cuts off slow clients, and those that are gone.
    private func sweep() async {
        let interval = min(.seconds(1), limits.transferTimeout / 4)
        while true {
            do { try await clock.sleep(for: interval) } catch { return }
            let now = clock.monotonic
            // Under the lock: a connection leaves the table before its socket is closed and its number used again.
            connections.withLock { connections in
                for socket in connections.overdue(now: now, hasEnded: HTTPServer.hasEnded) {
                    shutdown(socket, Int32(SHUT_RDWR))
                }
            }
        }
    }

    /// Whether the client has finished sending and all that it sent has been read.
    private static func hasEnded(_ socket: Int32) -> Bool {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 0
    }

    private func enter(_ phase: ConnectionTable.Phase, _ connection: ConnectionHandle) {
        let now = clock.monotonic
        connections.withLock { $0.enter(phase, connection.identity, now: now) }
    }
}

// MARK: On the server's thread

extension HTTPServer {
    private static func setCallbacks(_ options: inout ops_http_options) {
        options.begin = { context, target, connection in
            let server = Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue()
            server.enter(.receiving, ConnectionHandle(pointer: connection!))
            let exchange = Exchange(HTTPRequest(target: String(cString: target!)))
            return Unmanaged.passRetained(exchange).toOpaque()
        }
        options.handle = { context, connection, _, method, version, upload, uploadSize, exchange in
            let server = Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue()
            let exchange = Unmanaged<Exchange>.fromOpaque(exchange!.pointee!).takeUnretainedValue()
            let handle = ConnectionHandle(pointer: connection!)
            if !exchange.incoming.hasHead {
                exchange.incoming.request.method = String(cString: method!)
                return server.takeHead(exchange, handle, needsHost: strcmp(version!, "HTTP/1.0") != 0)
            }
            if uploadSize!.pointee > 0 {
                let piece = UnsafeRawBufferPointer(start: upload, count: uploadSize!.pointee)
                uploadSize!.pointee = 0
                return server.take(piece, exchange) ? .YES : .NO
            }
            return server.answer(exchange, handle)
        }
        options.end = { context, connection, exchange, _ in
            guard let pointer = exchange?.pointee else { return }
            let server = Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue()
            let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue()
            server.bytesInFlight.subtract(exchange.incoming.bytesCounted, ordering: .relaxed)
            server.enter(.idle, ConnectionHandle(pointer: connection!))
        }
        options.notify_connection = { context, connection, _, change in
            let server = Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue()
            let handle = ConnectionHandle(pointer: connection!)
            let now = server.clock.monotonic
            if change == .CONNECTION_NOTIFY_STARTED {
                let socket = ops_http_socket(connection)
                server.connections.withLock { $0.open(handle.identity, socket: socket, now: now) }
            } else {
                server.connections.withLock { $0.close(handle.identity) }
            }
        }
    }

    private func takeHead(_ exchange: Exchange, _ connection: ConnectionHandle, needsHost: Bool) -> MHD_Result {
        exchange.incoming.hasHead = true
        let count = MHD_get_connection_values(connection.pointer, .HEADER_KIND, nil, nil)
        exchange.incoming.request.headers.reserveCapacity(Int(count))
        let pointer = Unmanaged.passUnretained(exchange).toOpaque()
        MHD_get_connection_values(
            connection.pointer, .HEADER_KIND,
            { exchange, _, name, value in
                let exchange = Unmanaged<Exchange>.fromOpaque(exchange!).takeUnretainedValue()
                exchange.incoming.request.headers.append(
                    (String(cString: name!).lowercased(), value.map { String(cString: $0) } ?? ""))
                return .YES
            }, pointer)
        let request = exchange.incoming.request
        // The library takes longer numbers than there are.
        let length = request.header("content-length").map { Int($0) ?? .max } ?? 0
        if let refusal = request.fault(needsHost: needsHost) ?? (length > limits.bodyBytesMax ? .tooLarge : nil) {
            // Answered before the body has come, the connection is closed.
            return queue(handler.refuse(request, because: refusal), connection)
        }
        exchange.incoming.request.body.reserveCapacity(min(length, 64 << 10))
        return .YES
    }

    /// - Returns: False where the connection must be closed.
    private func take(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> Bool {
        if exchange.incoming.refusal == nil {
            let inFlight = bytesInFlight.add(piece.count, ordering: .relaxed).newValue
            exchange.incoming.bytesCounted += piece.count
            if exchange.incoming.request.body.count + piece.count > limits.bodyBytesMax {
                exchange.incoming.refusal = .tooLarge
            } else if inFlight > limits.bytesInFlightMax {
                exchange.incoming.refusal = .overloaded
            }
        }
        guard exchange.incoming.refusal != nil else {
            exchange.incoming.request.body.append(contentsOf: piece)
            return true
        }
        exchange.incoming.request.body = []
        exchange.incoming.bytesDiscarded += piece.count
        return exchange.incoming.bytesDiscarded <= HTTPServer.discardedBytesMax
    }

    private func answer(_ exchange: Exchange, _ connection: ConnectionHandle) -> MHD_Result {
        if !exchange.incoming.isSubmitted {
            exchange.incoming.isSubmitted = true
            submit(exchange, connection)
        }
        guard let response = exchange.takeAnswer(orSuspend: connection) else { return .YES }
        enter(.answering, connection)
        return queue(response, connection)
    }

    private func submit(_ exchange: Exchange, _ connection: ConnectionHandle) {
        enter(.working, connection)
        let request = exchange.incoming.request
        exchange.incoming.request.body = []
        let refusal = exchange.incoming.refusal ?? (isStopping.load(ordering: .acquiring) ? .stopping : nil)
        if let refusal { return exchange.reply(handler.refuse(request, because: refusal)) }
        unanswered.withLock { $0[ObjectIdentifier(exchange)] = exchange }
        handler.handle(request) { response in
            self.unanswered.withLock { $0[ObjectIdentifier(exchange)] = nil }
            exchange.reply(response)
            self.wake()
        }
    }

    private func queue(_ response: HTTPResponse, _ connection: ConnectionHandle) -> MHD_Result {
        let body = response.body.withUnsafeBytes { bytes in
            MHD_create_response_from_buffer(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard let body else { return .NO }
        defer { MHD_destroy_response(body) }
        for header in response.headers { MHD_add_response_header(body, header.name, header.value) }
        if isStopping.load(ordering: .acquiring) { MHD_add_response_header(body, "Connection", "close") }
        return MHD_queue_response(connection.pointer, UInt32(response.status), body)
    }
}
