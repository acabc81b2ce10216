internal import CZeroMQ

/// A client's socket with the monitor of its connection, which is made anew whatever ended it.
struct ClientConnection: ~Copyable {
    /// libzmq gives up an endpoint whose server refused the key; the key may be registered any time.
    private static let refusedRetryNanoseconds: Int64 = 1_000_000_000

    private(set) var socket: Socket
    private var monitor: SocketMonitor
    private let endpoint: String
    /// When to connect again; never while libzmq does so itself.
    private(set) var deadline = Int64.max
    /// Whether what is sent now goes to the server. To be asked before sending: between the news that a connection is
    /// gone and its end inside libzmq, the socket still takes messages, and drops them.
    private(set) var isConnected = false

    /// Starts connecting.
    /// - Parameter socket: With all its options set.
    init(_ socket: consuming Socket, to endpoint: String, in context: Context) throws(BusError) {
        try Endpoint.check(endpoint)
        let monitor = try SocketMonitor(of: socket, in: context)
        try socket.connect(endpoint)
        self.socket = socket
        self.monitor = monitor
        self.endpoint = endpoint
    }

    var handles: [SocketHandle] { [SocketHandle(socket.handle), SocketHandle(monitor.handle)] }

    /// The next change of the connection; nil where nothing has changed. To be asked in every turn.
    mutating func nextChange(now: Int64) -> SocketMonitor.Change? {
        if now >= deadline {
            deadline = .max
            // Fails where libzmq has forgotten the endpoint already, which is what is wanted.
            zmq_disconnect(socket.handle, endpoint)
            zmq_connect(socket.handle, endpoint)
        }
        let change = monitor.next()
        switch change {
        case .connected:
            isConnected = true
            socket.settle()
        case .disconnected: isConnected = false
        case .refused:
            isConnected = false
            deadline = now + ClientConnection.refusedRetryNanoseconds
        case nil: break
        }
        return change
    }

    mutating func close() {
        monitor.close()
        socket.close()
    }
}
