public import API
public import Core
public import Platform
public import Storage

/// Everything about managed nodes and what runs on them.
///
///     documents ──► CommandService ──► NodeService ──► agents
///         └───────► AutomationService ──► operations, scripts
///     FunctionService ──► programs of this machine
///
/// `NodeService` knows the nodes and their connections. `CommandService` sends command documents to them and follows
/// each to its end. `AutomationService` runs runbooks, whose steps call operations, commands among them, and scripts.
/// `FunctionService` runs programs that are registered as functions, at once or for events that wait.
public final class SystemsService: Resettable {
    /// Takes in messages from agents.
    public let nodes: NodeService
    /// All operations of this module, for the table.
    public let operations: [Operation]
    /// Hands out attachments by their links.
    public let attachments: AttachmentLinks

    private let commands: CommandService
    private let sender: OutputSender
    private let automation: AutomationService
    private let functions: FunctionService
    private let parameterUpkeep: ParameterUpkeep
    private let database: Database
    private let clock: any Clock
    private let log: Log
    private let running = Once<[Task<Void, Never>]>()

    /// The tables of this module.
    public static var migrations: [Migration] {
        NodeStore.migrations + CommandStore.migrations + AutomationStore.migrations + DocumentStore.migrations
            + FunctionStore.migrations + ResourceGroupStore.migrations + ParameterStore.migrations
    }

    public struct Settings: Sendable {
        public var account: Account
        /// For throw-away directories of scripts; emptied at the start.
        public var directory: String
        /// Of the HTTP endpoint, for the AWS clients of functions.
        public var address: String
        /// Of the program that reads attachments: `PATH`, the keys of S3, proxies.
        public var downloadEnvironment: [String: String]
        public var commands: CommandService.Settings

        public init(
            account: Account = Account(), directory: String, address: String = "http://127.0.0.1:7400",
            downloadEnvironment: [String: String] = [:], commands: CommandService.Settings
        ) {
            self.account = account
            self.directory = directory
            self.address = address
            self.downloadEnvironment = downloadEnvironment
            self.commands = commands
        }
    }

    /// - Parameters:
    ///   - caller: The operation table, for the steps of runbooks.
    ///   - objects: Where output can be put into buckets; nil where there is no such storage.
    public init(
        database: Database, vault: Vault, caller: any OperationCaller, authorizer: any Authorizer,
        processes: ProcessLoop, objects: (any ObjectStore)?, settings: Settings, clock: any Clock, log: Log
    ) {
        self.database = database
        self.clock = clock
        self.log = log.named("systems")
        let account = settings.account
        let directory = settings.directory
        let documents = DocumentStore(database: database, account: account, clock: clock)
        let commandStore = CommandStore(database)
        let secrets = ParameterSecrets(vault: vault, account: account)
        let parameters = ParameterReader(database: database, secrets: secrets, authorizer: authorizer)
        nodes = NodeService(
            store: NodeStore(database), account: account, authorizer: authorizer, clock: clock, log: log.named("nodes"))
        commands = CommandService(
            store: commandStore, nodes: nodes, documents: documents, parameters: parameters, account: account,
            authorizer: authorizer, settings: settings.commands, objects: objects, clock: clock,
            log: log.named("commands"))
        sender = OutputSender(
            store: commandStore, caller: caller, objects: objects, region: account.region, clock: clock,
            log: log.named("output"))
        automation = AutomationService(
            database: database, documents: documents, parameters: parameters, commands: commandStore, caller: caller,
            processes: processes, directory: directory, account: account, clock: clock, log: log.named("automation"))
        functions = FunctionService(
            database: database, caller: caller,
            runner: FunctionRunner(processes: processes, account: account, address: settings.address, clock: clock),
            clock: clock, log: log.named("functions"))
        let loader = AttachmentLoader(
            store: documents, processes: processes, directory: directory, environment: settings.downloadEnvironment)
        attachments = AttachmentLinks(store: documents)
        let tags = TagOperations(database: database, tables: [.nodes, .documents, .parameters])
        parameterUpkeep = ParameterUpkeep(database: database, account: account)
        operations =
            nodes.operations + commands.operations + automation.operations + tags.all
            + DocumentOperations(store: documents, loader: loader, links: attachments).all
            + FunctionOperations(database: database, service: functions, account: account).all
            + ResourceGroupOperations(nodes: nodes, database: database, account: account).all
            + ParameterOperations(reader: parameters, account: account).all
            + ServiceSettings(database: database, account: account).all
    }

    /// Takes up what an earlier run left.
    /// - Parameters:
    ///   - remote: The way to agents on other machines.
    ///   - embedded: The way to the agent in this process; nil where there is none.
    public func start(remote: any NodeLink, embedded: (any NodeLink)?) async throws {
        await nodes.attach(remote: remote, embedded: embedded)
        try await commands.start()
        try await automation.start()
        await functions.start()
        let nodes = nodes
        let commands = commands
        let sender = sender
        running.set([
            Task { await nodes.run() }, Task { await commands.run() }, Task { await sender.run() },
            Task { await self.keepUp() },
        ])
    }

    /// Once a minute lets go of what nobody needs any more, and acts on the policies of parameters.
    private func keepUp() async {
        while !Task.isCancelled {
            do {
                try await clock.sleep(for: .seconds(60))
                try await database.maintain { try FunctionStore.forgetOldTokens($0) }
                try await parameterUpkeep.run()
            } catch is CancellationError {
                return
            } catch {
                log.error("what is due each minute cannot be done: \(error)")
            }
        }
    }

    /// Nodes stay as they are, registered and connected.
    public func suspend() async {
        await functions.suspend()
        await automation.forgetAll()
        await commands.forgetAll()
    }

    public func resume() async throws {
        try await commands.takeUp()
        try await automation.takeUp()
        await functions.resume()
    }

    public func stop() async {
        await functions.stop()
        await automation.stop()
        for task in running.value ?? [] {
            task.cancel()
            await task.value
        }
    }
}
