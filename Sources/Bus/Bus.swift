public import API
internal import Synchronization

/// The server's side of the bus: three ZeroMQ sockets that speak OPS1.
///
/// `start` binds them. Then, each on a thread of its own:
/// - requests (`RequestServer`): frames become calls of the `PublishHandler` or of operations, and answers go back;
/// - stream (`StreamServer`): what the journal holds is published to subscribers;
/// - nodes (`NodeServer`): messages go between the agents of managed nodes and a `NodeMessageHandler`.
///
/// With a key pair, all three demand CURVE, and `ZAPHandler` asks the `KeyDirectory` who a key belongs to.
public final class BusServer: Sendable {
    private struct Running {
        var context: Context
        var loop: BusLoop
        var requests: RequestServer
    }

    private let configuration: BusConfiguration
    private let running = Mutex<Running?>(nil)

    /// - Throws: `BusError` `.securityRequired`: an endpoint can be reached from elsewhere, and there are no keys.
    public init(_ configuration: BusConfiguration) throws(BusError) {
        try configuration.validate()
        self.configuration = configuration
    }

    /// Binds the sockets and serves until `stop`.
    /// - Throws: `BusError` `.addressInUse`, `.invalidEndpoint`, `.socket`; nothing is then bound.
    public func start(operations: any OperationCaller, publisher: any PublishHandler) async throws(BusError) {
        let context = try Context()
        let loop = try BusLoop(name: "ops-requests")
        let socket = try RequestServer.openSocket(in: context, isShared: configuration.keys != nil)
        try socket.serve(configuration.requestsEndpoint, keys: configuration.keys)
        let requests = RequestServer(
            socket: socket, isAuthenticated: configuration.keys != nil, loop: loop, operations: operations,
            publisher: publisher)
        requests.start()
        running.withLock { $0 = Running(context: context, loop: loop, requests: requests) }
    }

    /// Unbinds the sockets. Answers already given are still sent, for a second at most.
    public func stop() async {
        let running = running.withLock { $0.take() }
        guard let running else { return }
        await running.requests.stop()
        await LoopEnd(loop: running.loop).terminate(running.context)
    }
}
