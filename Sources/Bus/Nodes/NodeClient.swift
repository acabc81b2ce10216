public import API
internal import Synchronization

/// What an agent hears on its connection to the server, in order.
public enum NodeEvent: Sendable, Hashable {
    /// A connection was made; the agent registers on it before anything else.
    case connected
    /// The connection is gone and with it every message not yet sent. It is made anew in the background.
    case disconnected
    /// The server does not accept this agent's key, or is not the server expected. It is tried again in the background.
    case refused
    case message(NodeMessage)
}

/// The agent's end of the nodes socket.
public final class NodeClient: Sendable {
    struct State {
        var outgoing: [NodeMessage] = []
        var outgoingBytes = 0
        var isConnected = false
    }

    /// Messages that wait for the connection to take them; past it `send` answers false.
    static let messagesMax = 4096
    static let bytesMax = 16 << 20
    /// Events that wait for the agent; past it the socket is not read, so that the server sees it.
    static let eventsMax = 1024

    private let context: Context
    private let loop: BusLoop
    private let wire: NodeWire
    private let isClosed = Atomic<Bool>(false)

    /// Starts connecting.
    /// - Parameter keys: For CURVE; nil for a server on this machine without keys.
    /// - Throws: `BusError` `.invalidEndpoint`, `.socket`.
    public init(endpoint: String = BusConfiguration.defaultNodesEndpoint, keys: ClientKeys? = nil) throws(BusError) {
        context = try Context()
        loop = try BusLoop(name: "ops-node")
        do throws(BusError) {
            wire = try NodeWire(endpoint: endpoint, keys: keys, context: context, loop: loop)
        } catch {
            loop.stop()
            throw error
        }
        loop.add(wire)
    }

    deinit {
        if isClosed.load(ordering: .relaxed) { return }
        let (wire, loop, context) = (wire, loop, context)
        Task { await NodeClient.close(wire, loop, context) }
    }

    /// Ends the connection; `next` then answers nil.
    public func close() async {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        await NodeClient.close(wire, loop, context)
    }

    private static func close(_ wire: NodeWire, _ loop: BusLoop, _ context: Context) async {
        await wire.stop()
        await LoopEnd(loop: loop).terminate(context)
    }

    /// Queues a message without waiting; false where there is no connection or its queue is full.
    public func send(_ message: NodeMessage) -> Bool { wire.send(message) }

    /// Waits for what happens next, and answers all that has happened since; nil after `close`. For one task at a time.
    /// - Throws: `CancellationError`.
    public func next() async throws -> [NodeEvent]? { try await wire.events.next() }
}
