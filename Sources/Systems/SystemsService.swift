public import API
public import Core
public import Platform
public import Storage

/// Everything about managed nodes and what runs on them.
///
///     documents ──► CommandService ──► NodeService ──► agents
///         └───────► AutomationService ──► operations, scripts
///
/// `NodeService` knows the nodes and their connections. `CommandService` sends command documents to them and follows
/// each to its end. `AutomationService` runs runbooks, whose steps call operations, commands among them, and scripts.
public final class SystemsService: Resettable {
    /// Takes in messages from agents.
    public let nodes: NodeService
    /// All operations of this module, for the table.
    public let operations: [Operation]

    private let commands: CommandService
    private let automation: AutomationService
    private let running = Once<[Task<Void, Never>]>()

    /// The tables of this module.
    public static var migrations: [Migration] {
        NodeStore.migrations + CommandStore.migrations + AutomationStore.migrations
    }

    /// - Parameters:
    ///   - caller: The operation table, for the steps of runbooks.
    ///   - directory: For throw-away directories of scripts; emptied at the start.
    public init(
        database: Database, caller: any OperationCaller, authorizer: any Authorizer, processes: ProcessLoop,
        directory: String, account: Account, clock: any Clock, log: Log
    ) {
        let documents = DocumentStore(database: database, account: account, clock: clock)
        let commandStore = CommandStore(database)
        nodes = NodeService(
            store: NodeStore(database), account: account, authorizer: authorizer, clock: clock, log: log.named("nodes"))
        commands = CommandService(
            store: commandStore, nodes: nodes, documents: documents, account: account, authorizer: authorizer,
            clock: clock, log: log.named("commands"))
        automation = AutomationService(
            database: database, documents: documents, commands: commandStore, caller: caller, processes: processes,
            directory: directory, account: account, clock: clock, log: log.named("automation"))
        operations =
            nodes.operations + commands.operations + automation.operations + DocumentOperations(store: documents).all
    }

    /// Takes up what an earlier run left.
    /// - Parameters:
    ///   - remote: The way to agents on other machines.
    ///   - embedded: The way to the agent in this process; nil where there is none.
    public func start(remote: any NodeLink, embedded: (any NodeLink)?) async throws {
        await nodes.attach(remote: remote, embedded: embedded)
        try await commands.start()
        try await automation.start()
        let nodes = nodes
        let commands = commands
        running.set([Task { await nodes.run() }, Task { await commands.run() }])
    }

    /// Nodes stay as they are, registered and connected.
    public func suspend() async {
        await automation.forgetAll()
        await commands.forgetAll()
    }

    public func resume() async throws {
        try await commands.takeUp()
        try await automation.takeUp()
    }

    public func stop() async {
        await automation.stop()
        for task in running.value ?? [] {
            task.cancel()
            await task.value
        }
    }
}
