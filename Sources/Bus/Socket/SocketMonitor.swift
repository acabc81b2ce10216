internal import CZeroMQ

/// Tells when a client socket gained or lost its connection.
struct SocketMonitor: ~Copyable {
    enum Change {
        case connected
        case disconnected
        /// The server does not accept this client's key, or the client expected another server.
        case refused
    }

    private var socket: Socket
    private var event = Frame()
    private var address = Frame()

    /// - Parameter socket: A client socket, not yet connected.
    init(of monitored: borrowing Socket, in context: Context) throws(BusError) {
        let endpoint = "inproc://monitor-\(UInt(bitPattern: monitored.handle))"
        let events =
            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
            | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
        let socket = try Socket(.pair, in: context)
        try socket.set(ZMQ_LINGER, 0)
        try Self.check(zmq_socket_monitor(monitored.handle, endpoint, events))
        try socket.connect(endpoint)
        self.socket = socket
    }

    private static func check(_ status: Int32) throws(BusError) {
        guard status == 0 else { throw .last("monitor a socket") }
    }

    var handle: UnsafeMutableRawPointer { socket.handle }

    /// The next change; nil where nothing has changed.
    mutating func next() -> Change? {
        while event.receive(from: socket.handle) {
            if event.hasMore { _ = address.receive(from: socket.handle) }
            guard event.bytes.count >= 2 else { continue }
            switch Int32(event.bytes.loadUnaligned(as: UInt16.self)) {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
            case ZMQ_EVENT_DISCONNECTED: return .disconnected
            default: return .refused
            }
        }
        return nil
    }

    mutating func close() { socket.close() }
}
