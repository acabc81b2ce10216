public import API
public import Core
public import Platform
internal import Storage

/// What is told of nodes coming, going and speaking. Implemented by `CommandService`.
public protocol NodeObserver: Sendable {
    /// - Parameter commands: All commands on the node's disk whose end has not been acknowledged to it.
    func nodeConnected(_ node: String, commands: [Identifier]) async
    func nodeLost(_ node: String) async
    /// Every message of a registered node but `Register` and `Heartbeat`, in order.
    func receive(_ message: NodeMessage, from node: String) async
}

/// Managed nodes: who they are, and which connection leads to each.
public actor NodeService: NodeMessageHandler {
    public struct Options: Sendable {
        /// How often either side says that it is there.
        public var heartbeat = Duration.seconds(30)
        /// How long a node may be silent before it counts as lost.
        public var silence = Duration.seconds(100)
        /// Output of one command that a node may send ahead of the server's taking it in.
        public var outputWindowBytes = 256 << 10

        public init() {}
    }

    nonisolated let store: NodeStore
    nonisolated let account: Account
    nonisolated let clock: any Clock
    nonisolated let options: Options
    private let authorizer: any Authorizer
    private let log: Log
    private var remoteLink: (any NodeLink)?
    private var embeddedLink: (any NodeLink)?
    private var observer: (any NodeObserver)?
    private var sessions: [NodeConnection: String] = [:]
    private var connected: [String: Session] = [:]
    private var nextHeartbeat = Duration.zero
    private var nextFlush = Duration.zero
    /// Nodes that were online when the server stopped have until then to come back before they count as lost.
    private var recoveryEnd: Duration?

    private struct Session {
        let connection: NodeConnection
        var heardAt: Duration
        var lastPingAt: Timestamp
    }

    /// How often the times of the last pings are written to the database.
    private static let flushInterval = Duration.seconds(60)

    /// - Parameter authorizer: Asked whether a key's principal may register a node without activation, as
    ///   `ssm:RegisterManagedInstance`.
    public init(
        store: NodeStore, account: Account, authorizer: any Authorizer, clock: any Clock, log: Log,
        options: Options = Options()
    ) {
        self.store = store
        self.account = account
        self.authorizer = authorizer
        self.clock = clock
        self.log = log
        self.options = options
        recoveryEnd = clock.monotonic + options.silence
    }

    /// Connects the service with the ways to its nodes and with what is told of them. Call once for each, before `run`.
    /// - Parameters:
    ///   - remote: The nodes socket.
    ///   - embedded: The agent in this process.
    public func attach(
        remote: (any NodeLink)? = nil, embedded: (any NodeLink)? = nil, observer: (any NodeObserver)? = nil
    ) {
        remoteLink = remote ?? remoteLink
        embeddedLink = embedded ?? embeddedLink
        self.observer = observer ?? self.observer
    }

    /// Sends heartbeats and notices silence, until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            await tick()
            do { try await clock.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// What `run` does each second.
    func tick() async {
        let now = clock.monotonic
        if now >= nextHeartbeat {
            nextHeartbeat = now + options.heartbeat
            for session in connected.values { _ = post(NodeMessage(.heartbeat), to: session.connection) }
        }
        for (node, session) in connected where now - session.heardAt >= options.silence { await lose(node) }
        if let end = recoveryEnd, now >= end {
            recoveryEnd = nil
            await loseAbsent()
        }
        if now >= nextFlush {
            nextFlush = now + NodeService.flushInterval
            await flushPings()
        }
    }

    // MARK: Messages

    /// Hands a message to the connection of a node.
    /// - Returns: False where the node is not connected or its queue is full.
    func send(_ message: NodeMessage, to node: String) -> Bool {
        guard let session = connected[node] else { return false }
        return post(message, to: session.connection)
    }

    func isConnected(_ node: String) -> Bool { connected[node] != nil }

    private func post(_ message: NodeMessage, to connection: NodeConnection) -> Bool {
        (connection.isEmbedded ? embeddedLink : remoteLink)?.send(message, to: connection) ?? false
    }

    public func receive(_ message: NodeMessage, from connection: NodeConnection) async {
        if message.kind == .register { return await register(message.body, connection) }
        guard let node = sessions[connection] else {
            return refuse(connection, NodeMessage.notRegistered, "This connection has not registered.")
        }
        connected[node]?.heardAt = clock.monotonic
        connected[node]?.lastPingAt = clock.now
        if message.kind != .heartbeat { await observer?.receive(message, from: node) }
    }

    private func refuse(_ connection: NodeConnection, _ code: String, _ message: String) {
        _ = post(NodeMessage(.refused, ["Code": .string(code), "Message": .string(message)]), to: connection)
    }

    // MARK: Coming and going

    private func register(_ body: JSON, _ connection: NodeConnection) async {
        guard let registration = NodeRegistration(body) else {
            return refuse(connection, "ValidationException", "Register needs a Fingerprint.")
        }
        do {
            let node = try await enter(registration, connection)
            if let old = connected[node.id]?.connection { sessions[old] = nil }
            sessions[connection] = node.id
            connected[node.id] = Session(
                connection: connection, heardAt: clock.monotonic, lastPingAt: node.lastPingAt)
            _ = post(
                NodeMessage(
                    .registered,
                    [
                        "NodeId": .string(node.id),
                        "HeartbeatSeconds": .number(JSONNumber(Double(options.heartbeat.microseconds) / 1_000_000)),
                        "OutputWindowBytes": .integer(options.outputWindowBytes),
                    ]), to: connection)
            await observer?.nodeConnected(node.id, commands: registration.commands)
        } catch let refusal as NodeRegistrar.Refusal {
            log.warning("node \(registration.computerName) is refused: \(refusal.message)")
            refuse(connection, refusal.code, refusal.message)
        } catch {
            // Without an answer the agent asks again.
            log.error("node \(registration.computerName) cannot be registered: \(error)")
        }
    }

    private func enter(_ registration: NodeRegistration, _ connection: NodeConnection) async throws -> ManagedNode {
        var generator = SystemRandomNumberGenerator()
        let registrar = NodeRegistrar(
            registration: registration, connection: connection, isVouchedFor: isVouchedFor(connection.principal),
            newID: ManagedNode.newID(using: &generator))
        let context = OperationContext(principal: connection.principal)
        let result = try await store.database.write(context) { transaction in
            do {
                return Result<ManagedNode, NodeRegistrar.Refusal>.success(try registrar.register(in: transaction))
            } catch let refusal as NodeRegistrar.Refusal {
                try transaction.audit(
                    "RegisterManagedInstance", on: Subject(.node, registration.node ?? registration.fingerprint),
                    outcome: .failure(refusal.code), detail: ["Message": .string(refusal.message)])
                return .failure(refusal)
            }
        }
        return try result.get()
    }

    private func isVouchedFor(_ principal: Principal) -> Bool {
        guard principal != .local else { return false }
        do throws(ServiceError) {
            try authorizer.authorize(principal, "ssm:RegisterManagedInstance", on: "*")
            return true
        } catch {
            return false
        }
    }

    private func lose(_ node: String) async {
        guard let session = connected.removeValue(forKey: node) else { return }
        sessions[session.connection] = nil
        await observer?.nodeLost(node)
        // It may have come back meanwhile.
        if connected[node] == nil { await record(node, .connectionLost, lastPingAt: session.lastPingAt) }
    }

    /// Marks the nodes that did not come back after the server's own absence.
    private func loseAbsent() async {
        do {
            for node in try await store.nodes() where node.pingStatus == .online && connected[node.id] == nil {
                await record(node.id, .connectionLost, lastPingAt: node.lastPingAt)
            }
        } catch {
            log.error("cannot look for absent nodes: \(error)")
        }
    }

    private func record(_ node: String, _ status: ManagedNode.PingStatus, lastPingAt: Timestamp) async {
        do {
            try await store.database.write(.system) { transaction in
                try transaction.execute(
                    "UPDATE nodes SET ping_status = ?, last_ping_at = ? WHERE id = ?", status, lastPingAt, node)
                try transaction.audit(
                    "UpdatePingStatus", on: Subject(.node, node), outcome: .success,
                    detail: ["PingStatus": .string(status.rawValue)])
            }
        } catch {
            log.error("cannot record that \(node) is \(status.rawValue): \(error)")
        }
    }

    private func flushPings() async {
        let pings = connected.mapValues(\.lastPingAt)
        guard !pings.isEmpty else { return }
        do {
            try await store.database.maintain { transaction in
                for (node, time) in pings {
                    try transaction.execute("UPDATE nodes SET last_ping_at = ? WHERE id = ?", time, node)
                }
            }
        } catch {
            log.error("cannot record the nodes' pings: \(error)")
        }
    }

    /// All nodes, with what is newer in memory than in the database.
    func nodes() async throws -> [ManagedNode] {
        try await store.nodes().map { node in
            guard let session = connected[node.id] else { return node }
            var node = node
            node.lastPingAt = session.lastPingAt
            node.pingStatus = .online
            return node
        }
    }

    /// Cuts the connection of a node that has just been deregistered.
    func expel(_ node: String) async {
        guard let session = connected.removeValue(forKey: node) else { return }
        sessions[session.connection] = nil
        refuse(session.connection, "InvalidInstanceId", "\(node) was deregistered.")
        await observer?.nodeLost(node)
    }
}
