public import API
public import Platform
internal import Synchronization

/// The server's side of the bus: three ZeroMQ sockets that speak OPS1.
///
/// `start` binds them. Then, each on a thread of its own:
/// - requests (`RequestServer`): frames become calls of the `PublishHandler` or of operations, and answers go back;
/// - stream (`StreamPublisher`): what the journal hands to `stream` goes to subscribers;
/// - nodes (`NodeSwitch`): messages go between `nodes`, agents, and the `NodeMessageHandler`.
///
/// With a key pair all three demand CURVE, and `ZAPHandler` asks the `KeyDirectory` who a key belongs to.
public final class BusServer: Sendable {
    /// What the bus asks and tells.
    public struct Ports: Sendable {
        public var operations: any OperationCaller
        public var publisher: any PublishHandler
        public var authorizer: any Authorizer
        public var nodes: any NodeMessageHandler
        public var keys: any KeyDirectory

        public init(
            operations: any OperationCaller, publisher: any PublishHandler, authorizer: any Authorizer,
            nodes: any NodeMessageHandler, keys: any KeyDirectory
        ) {
            self.operations = operations
            self.publisher = publisher
            self.authorizer = authorizer
            self.nodes = nodes
            self.keys = keys
        }
    }

    private struct Running {
        var context: Context
        var requests: RequestServer
        var stream: StreamPublisher
        var nodes: NodeSwitch
        var zap: ZAPHandler?
        var loops: BusLoops
    }

    /// Takes messages for subscribers; before `start` they go nowhere.
    public let stream = StreamServer()
    /// Takes messages for agents; before `start` it refuses them.
    public let nodes = NodeServer()

    private let configuration: BusConfiguration
    private let clock: any Clock
    private let log: Log
    private let running = Mutex<Running?>(nil)

    /// - Throws: `BusError` `.invalidEndpoint`; `.securityRequired`: others can reach an endpoint, and there
    ///   are no keys.
    public init(
        _ configuration: BusConfiguration, clock: any Clock = SystemClock(), log: Log = Log(component: "bus")
    ) throws(BusError) {
        try configuration.validate()
        self.configuration = configuration
        self.clock = clock
        self.log = log
    }

    /// Binds the sockets and serves until `stop`.
    /// - Parameter position: Where the journal stands; the first heartbeat says so.
    /// - Throws: `BusError` `.addressInUse`, `.invalidEndpoint`, `.socket`; nothing is then bound.
    public func start(_ ports: Ports, at position: StreamPosition) throws(BusError) {
        let context = try Context()
        let loops = try BusLoops(isAuthenticated: configuration.keys != nil)
        do throws(BusError) {
            let started = try open(ports, at: position, context, loops)
            started.zap?.start()
            started.requests.start()
            started.stream.start()
            started.nodes.start()
            running.withLock { $0 = started }
        } catch {
            loops.stop()
            throw error
        }
    }

    private func open(
        _ ports: Ports, at position: StreamPosition, _ context: Context, _ loops: BusLoops
    ) throws(BusError) -> Running {
        let keys = configuration.keys
        let isAuthenticated = keys != nil
        var zap: ZAPHandler?
        if let loop = loops.zap { zap = try ZAPHandler(in: context, loop: loop, keys: ports.keys) }
        let requests = try RequestServer.openSocket(in: context, isShared: isAuthenticated)
        let stream = try StreamPublisher.openSocket(
            in: context, messagesQueuedMax: configuration.streamMessagesQueuedMax)
        let nodes = try NodeSwitch.openSocket(in: context)
        try requests.serve(configuration.requestsEndpoint, keys: keys)
        try stream.serve(configuration.streamEndpoint, keys: keys)
        try nodes.serve(configuration.nodesEndpoint, keys: keys)
        return Running(
            context: context,
            requests: RequestServer(
                socket: requests, isAuthenticated: isAuthenticated, loop: loops.requests, operations: ports.operations,
                publisher: ports.publisher),
            stream: StreamPublisher(
                socket: stream, bytesQueuedMax: configuration.streamBytesQueuedMax,
                isAuthenticated: isAuthenticated, loop: loops.stream, server: self.stream,
                authorizer: ports.authorizer, position: position, clock: clock, log: log),
            nodes: NodeSwitch(
                socket: nodes, isAuthenticated: isAuthenticated, loop: loops.nodes, server: self.nodes,
                handler: ports.nodes, log: log),
            zap: zap, loops: loops)
    }

    /// What a watchdog asks for signs of life, from `start` to `stop`.
    public var parts: [Watchdog.Part] {
        guard let (requests, stream, nodes) = running.withLock({ $0.map { ($0.requests, $0.stream, $0.nodes) } }) else {
            return []
        }
        return [
            Watchdog.Part("requests socket") { await requests.answer() },
            Watchdog.Part("stream socket") { await stream.answer() },
            Watchdog.Part("nodes socket") { await nodes.answer() },
        ]
    }

    /// Unbinds the sockets; their addresses are free afterwards. Answers already given are still sent, for a second at
    /// most.
    public func stop() async {
        let running = running.withLock { $0.take() }
        guard let running else { return }
        await running.requests.stop()
        await running.stream.stop()
        await running.nodes.stop()
        await running.zap?.stop()
        await LoopEnd(loop: running.loops.requests).terminate(running.context)
        running.loops.stop()
    }

    public var counters: BusCounters {
        let requests = running.withLock { $0?.requests.counters.current } ?? BusCounters()
        var counters = requests
        counters.streamMessagesDropped = stream.droppedCount
        return counters
    }
}

/// The threads of a server.
struct BusLoops {
    let requests: BusLoop
    let stream: BusLoop
    let nodes: BusLoop
    /// For `ZAPHandler`; only where there are keys.
    let zap: BusLoop?

    init(isAuthenticated: Bool) throws(BusError) {
        requests = try BusLoop(name: "ops-requests")
        stream = try BusLoop(name: "ops-stream")
        nodes = try BusLoop(name: "ops-nodes")
        zap = isAuthenticated ? try BusLoop(name: "ops-zap") : nil
    }

    func stop() {
        for loop in [requests, stream, nodes, zap] { loop?.stop() }
    }
}
