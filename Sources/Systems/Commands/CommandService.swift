public import API
public import Core
public import Platform
internal import Storage

/// Run Command: takes commands, gets them to their nodes, and follows them to their end.
///
/// The state of a command changes in memory first and is written at once, in the order of the changes; only what is
/// durable is acted upon. A command is offered to a node until the node has it, also over restarts of the server.
public actor CommandService: NodeObserver {
    public struct Settings: Sendable {
        /// Of each output of a step, what is kept.
        public var outputBytesMax = NodeCommand.outputBytesDefault
        /// Of all outputs together; past it those of the oldest commands are dropped.
        public var outputsBytesMax = 4 << 30
        /// Invocations that may be waiting or running at a time; past it `ThrottlingException`, or `RateExceeded`
        /// where tags chose the nodes.
        public var invocationsActiveMax = 100_000

        public init() {}
    }

    /// A command that is not done.
    final class ActiveCommand {
        var record: CommandRecord
        var machine: CommandMachine
        /// Changes on their way to the disk. Until they are there, nothing is sent.
        var pendingWrites = 0

        init(_ record: CommandRecord, _ machine: CommandMachine) {
            self.record = record
            self.machine = machine
        }
    }

    private struct Delivery: Hashable {
        let command: Identifier
        let node: String
    }

    /// How often a message that needs an answer is sent again.
    private static let resendInterval = Duration.seconds(5)
    private static let historyLife = Duration.seconds(30 * 24 * 3600)
    private static let pruneInterval = Duration.seconds(3600)
    private static let pruneBatch = 1000

    nonisolated let store: CommandStore
    nonisolated let nodes: NodeService
    nonisolated let documents: any DocumentResolver
    nonisolated let parameters: any ParameterSource
    nonisolated let account: Account
    nonisolated let authorizer: any Authorizer
    nonisolated let settings: Settings
    nonisolated let objects: (any ObjectStore)?
    nonisolated let clock: any Clock
    nonisolated let log: Log
    private var active: [Identifier: ActiveCommand] = [:]
    private var connected: Set<String> = []
    /// The commands that hold a slot on each node.
    private var held: [String: Set<Identifier>] = [:]
    private var sentAt: [Delivery: Duration] = [:]
    private var nextPrune = Duration.zero
    /// Bytes of output since the last pruning.
    private var outputBytes = 0

    /// - Parameter objects: Where output can be put into buckets; nil where there is no such storage.
    public init(
        store: CommandStore, nodes: NodeService, documents: any DocumentResolver, parameters: any ParameterSource,
        account: Account, authorizer: any Authorizer, settings: Settings = Settings(),
        objects: (any ObjectStore)? = nil, clock: any Clock, log: Log
    ) {
        self.store = store
        self.nodes = nodes
        self.documents = documents
        self.parameters = parameters
        self.account = account
        self.authorizer = authorizer
        self.settings = settings
        self.objects = objects
        self.clock = clock
        self.log = log
    }

    // MARK: Life

    /// Takes up the commands that were not done when the server stopped. Call before nodes can connect.
    /// - Throws: `StorageError`
    public func start() async throws {
        await nodes.attach(observer: self)
        try await takeUp()
    }

    /// Takes up the commands that the database holds and that are not done.
    func takeUp() async throws {
        for (record, invocations) in try await store.active() {
            add(record, invocations)
            await change(record.id) { $0.resume() }
        }
    }

    /// Has the nodes end all commands, and keeps nothing of them.
    func forgetAll() async {
        let running = held
        active = [:]
        held = [:]
        sentAt = [:]
        for (node, commands) in running where connected.contains(node) {
            for id in commands { _ = await nodes.send(NodeMessage(.cancel, command: id), to: node) }
        }
    }

    /// Repeats what has not been answered and ends what has expired, until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            await tick()
            do { try await clock.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// What `run` does each second.
    func tick() async {
        let now = clock.now
        for (id, command) in active where now >= command.record.expiresAt { await change(id) { $0.expire() } }
        for node in connected { await deliver(to: node, olderThan: CommandService.resendInterval) }
        if clock.monotonic >= nextPrune {
            nextPrune = clock.monotonic + CommandService.pruneInterval
            await prune()
        }
    }

    private func prune() async {
        do {
            let limit = CommandService.pruneBatch
            while try await store.prune(before: clock.now - CommandService.historyLife, limit: limit) == limit {}
            let bytesMax = settings.outputsBytesMax
            let dropped = try await store.database.maintain { try OutputStore.prune(bytesMax: bytesMax, in: $0) }
            if dropped > 0 {
                log.info("output of the \(dropped) oldest commands is dropped, to stay within \(bytesMax) bytes")
            }
        } catch {
            log.warning("old commands cannot be removed: \(error)")
        }
    }

    /// Has pruning brought forward where much has come.
    func outputAppended(_ count: Int) {
        outputBytes += count
        guard outputBytes >= settings.outputsBytesMax / 16 else { return }
        outputBytes = 0
        nextPrune = .zero
    }

    private func add(_ record: CommandRecord, _ invocations: [CommandMachine.Invocation]) {
        let machine = CommandMachine(
            invocations, rates: record.rates, status: record.status, isCancelled: record.isCancelled)
        active[record.id] = ActiveCommand(record, machine)
        for invocation in invocations { index(record.id, invocation) }
    }

    private func index(_ id: Identifier, _ invocation: CommandMachine.Invocation) {
        if invocation.holdsSlot {
            held[invocation.node, default: []].insert(id)
            return
        }
        held[invocation.node]?.remove(id)
        if held[invocation.node]?.isEmpty == true { held[invocation.node] = nil }
        sentAt[Delivery(command: id, node: invocation.node)] = nil
    }

    // MARK: Changes

    /// Changes a command, makes the change durable, and then does what it demands.
    /// - Parameters:
    ///   - node: The node concerned, whose row may change without its status.
    ///   - extra: More to write in the same transaction, with audit records of its own or a status change beside it.
    ///   - step: The change itself.
    /// - Returns: Whether the change is durable; else it is undone.
    @discardableResult
    func change(
        _ id: Identifier, node: String? = nil,
        writing extra: (@Sendable (borrowing Transaction) throws -> Void)? = nil,
        _ step: (inout CommandMachine) -> [CommandMachine.Effect]
    ) async -> Bool {
        guard let command = active[id] else { return false }
        let before = node.flatMap { command.machine.invocation(of: $0) }
        var effects = step(&command.machine)
        let changes = settle(command, &effects, concerning: node)
        let isMoved = before != node.flatMap { command.machine.invocation(of: $0) }
        if changes.isAudited || isMoved || extra != nil {
            command.pendingWrites += 1
            let isWritten = await write(changes, extra)
            command.pendingWrites -= 1
            guard isWritten else { return false }
        }
        await perform(effects, command)
        return true
    }

    /// Decides which of the new dispatches can be sent now, and brings record and index up to date.
    private func settle(
        _ command: ActiveCommand, _ effects: inout [CommandMachine.Effect], concerning node: String?
    ) -> CommandChanges {
        var touched: Set<String> = []
        if let node { touched.insert(node) }
        let mayStart = clock.now < command.record.deliveryExpiresAt
        var next = 0
        while next < effects.count {
            switch effects[next] {
            case .run(let node):
                touched.insert(node)
                if connected.contains(node) && mayStart {
                    command.machine.sent(to: node)
                } else {
                    effects += command.machine.unreachable(node)
                }
            case .invocationChanged(let node, _): touched.insert(node)
            case .cancel, .commandChanged: break
            }
            next += 1
        }
        command.record.update(from: command.machine)
        let invocations = touched.sorted().compactMap { command.machine.invocation(of: $0) }
        for invocation in invocations { index(command.record.id, invocation) }
        if command.record.status.isTerminal { active[command.record.id] = nil }
        return CommandChanges(
            record: command.record, invocations: invocations, effects: effects, account: account)
    }

    private func write(
        _ changes: CommandChanges, _ extra: (@Sendable (borrowing Transaction) throws -> Void)?
    ) async -> Bool {
        let body: @Sendable (borrowing Transaction) throws -> Void = { transaction in
            try extra?(transaction)
            try changes.write(in: transaction)
        }
        do {
            if changes.isAudited {
                try await store.database.write(changes.record.context, body)
            } else {
                try await store.database.maintain(body)
            }
            return true
        } catch {
            log.error("a change of the command \(changes.record.id) is lost: \(error)")
            await reload(changes.record.id)
            return false
        }
    }

    /// Goes back to what the database says, after a write that failed.
    private func reload(_ id: Identifier) async {
        do {
            let found = try await store.database.read { transaction in
                try CommandStore.commands(where: "id = ? AND is_terminal = 0", [id], in: transaction).first.map {
                    ($0, try CommandStore.machineInvocations(of: id, in: transaction))
                }
            }
            forget(id)
            if let (record, invocations) = found { add(record, invocations) }
        } catch {
            log.error("the command \(id) cannot be read again; it goes on when the server is restarted: \(error)")
        }
    }

    /// Sends what a durable change demands.
    private func perform(_ effects: [CommandMachine.Effect], _ command: ActiveCommand) async {
        for effect in effects {
            switch effect {
            case .run(let node)
            where command.machine.invocation(of: node)?.stage == .sent && active[command.record.id] === command:
                await send(run(command.record), of: command, to: node)
            case .cancel(let node):
                await send(NodeMessage(.cancel, command: command.record.id), of: command, to: node)
            case .run, .invocationChanged, .commandChanged: break
            }
        }
    }

    private func run(_ record: CommandRecord) -> NodeMessage {
        NodeMessage(.run, record.nodeCommand(outputBytesMax: settings.outputBytesMax).json)
    }

    private func send(_ message: NodeMessage, of command: ActiveCommand, to node: String) async {
        sentAt[Delivery(command: command.record.id, node: node)] = clock.monotonic
        // Where the queue is full or the connection gone it is sent again later.
        _ = await nodes.send(message, to: node)
    }

    // MARK: New commands

    /// Stores a new command and begins it, in one transaction.
    /// - Returns: The command; an earlier one where the same request was sent before with the same token.
    /// - Throws: `ServiceError`, `StorageError`; nothing of the command is kept then.
    func begin(_ record: CommandRecord, _ targets: CommandTargets, input: JSON) async throws -> CommandRecord {
        var targets = targets
        let heldCount = held.reduce(0) { $0 + $1.value.count }
        if heldCount + targets.invocations.count > settings.invocationsActiveMax {
            guard targets.isDynamic else {
                throw ServiceError(
                    .throttling,
                    "\(settings.invocationsActiveMax) invocations are active already; try again later.")
            }
            targets = CommandTargets(refusal: .rateExceeded)
        }
        let (invocations, nodeNames) = (targets.invocations, targets.names)
        add(record, invocations)
        guard let command = active[record.id] else { return record }
        var effects = targets.refusal.map { command.machine.refuse($0) } ?? command.machine.resume()
        let changes = settle(command, &effects, concerning: nil)
        command.pendingWrites += 1
        defer { command.pendingWrites -= 1 }
        do {
            let earlier = try await store.database.write(record.context) { transaction -> CommandRecord? in
                if let token = record.clientToken,
                    let earlier = try CommandStore.command(
                        clientToken: token, of: record.context.principal, in: transaction)
                {
                    return earlier
                }
                try CommandStore.add(record, in: transaction)
                for (position, invocation) in invocations.enumerated() {
                    try CommandStore.add(
                        invocation, of: record.id, position: position, nodeName: nodeNames[invocation.node] ?? "",
                        in: transaction)
                }
                try transaction.audit(
                    "SendCommand", on: record.subject, outcome: .started, detail: record.auditDetail(input))
                try changes.write(in: transaction)
                return nil
            }
            if let earlier {
                forget(record.id)
                return earlier
            }
        } catch {
            forget(record.id)
            throw error
        }
        await perform(effects, command)
        // As it was asked for: what has been begun since is for the lists to tell.
        return changes.record.status.isTerminal ? changes.record : record
    }

    private func forget(_ id: Identifier) {
        active[id] = nil
        for node in held.keys { held[node]?.remove(id) }
    }

    /// The command as it stands, where it is not done.
    func activeRecord(_ id: Identifier) -> CommandRecord? { active[id]?.record }

    // MARK: Nodes

    public func nodeConnected(_ node: String, commands: [Identifier]) async {
        connected.insert(node)
        for id in held[node] ?? [] where !commands.contains(id) {
            guard let invocation = active[id]?.machine.invocation(of: node), invocation.stage == .accepted,
                invocation.status != .cancelling
            else { continue }
            let message = "The node accepted the command and no longer knows it: the agent's state was lost."
            await change(id, node: node) { transaction in
                try CommandStore.setMessage(message, of: id, on: node, in: transaction)
            } _: {
                $0.finished(by: node, .failed)
            }
        }
        await deliver(to: node, olderThan: .zero)
    }

    public func nodeLost(_ node: String) async {
        connected.remove(node)
        for id in held[node] ?? [] where !connected.contains(node) {
            await change(id, node: node) { $0.unreachable(node) }
        }
    }

    /// Sends the node what it has not answered.
    private func deliver(to node: String, olderThan age: Duration) async {
        let now = clock.monotonic
        for id in held[node] ?? [] {
            if let last = sentAt[Delivery(command: id, node: node)], now - last < age { continue }
            guard let command = active[id], command.pendingWrites == 0,
                let invocation = command.machine.invocation(of: node)
            else { continue }
            if invocation.status == .cancelling {
                await send(NodeMessage(.cancel, command: id), of: command, to: node)
            } else if invocation.stage == .sent {
                // A node that does not answer, be it dead or only busy, does not hold up the others.
                if age > .zero { await change(id, node: node) { $0.unreachable(node) } }
                await send(run(command.record), of: command, to: node)
            } else if invocation.stage == .dispatched && clock.now < command.record.deliveryExpiresAt {
                await change(id, node: node) {
                    $0.sent(to: node)
                    return [.run(node: node)]
                }
            }
        }
    }

    /// The record, where the node still owes an answer to the command.
    func record(_ id: Identifier, on node: String) -> CommandRecord? {
        held[node]?.contains(id) == true ? active[id]?.record : nil
    }
}

/// Whom a new command goes to.
struct CommandTargets: Sendable {
    /// In the order of dispatch, with those that are ruled out already.
    var invocations: [CommandMachine.Invocation] = []
    /// Of those nodes that have one.
    var names: [String: String] = [:]
    /// Whether tags chose them.
    var isDynamic = true
    /// Why it goes to nobody at all; nil where it does.
    var refusal: CommandStatus?
}

extension CommandRecord {
    fileprivate func auditDetail(_ input: JSON) -> JSON {
        [
            "DocumentName": .string(documentName), "DocumentVersion": .string(documentVersion),
            "TargetCount": .integer(targetCount), "Parameters": input["Parameters"] ?? [:],
        ]
    }
}
