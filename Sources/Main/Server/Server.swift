internal import API
internal import Agent
internal import Bus
internal import Core
internal import Events
internal import Gateway
internal import Governance
internal import Messaging
internal import Platform
internal import Storage
internal import Systems

/// The server: opens the data directory, wires the engines through the operation table, and serves the bus.
final class Server: Sendable {
    private let directory: Storage.DataDirectory
    private let database: Database
    private let archives: Database
    private let journal: SegmentJournal
    private let governance: GovernanceService
    private let events: EventsService
    private let messaging: MessagingService
    private let systems: SystemsService
    /// Nil where this machine is not to be a node.
    private let agent: EmbeddedAgent?
    private let bus: BusServer
    /// The file of the server's key pair; nil where the bus is not encrypted.
    private let keyPath: String?
    private let http: HTTPClient
    /// Nil where it is switched off.
    private let gateway: Gateway?
    private let account: Account
    private let table: OperationTable
    /// Nil where no directory of rules is configured.
    private let rules: RuleLoader?
    private let reset: StateReset
    private let auditRetention: Duration
    private let maintenance = Once<Task<Void, Never>>()
    private let watchdog = Once<Watchdog>()
    private let clock: any Clock
    private let log: Log

    /// Opens everything; serves nothing yet.
    /// - Throws: `StorageError`, with `.locked` where another server holds the directory; `BusError`
    ///   `.securityRequired`; `GatewayError` `.securityRequired`, `.tls`.
    init(_ configuration: Configuration, clock: any Clock = SystemClock()) throws {
        let log = Log(
            component: "server", minimum: configuration[Settings.logLevel], format: configuration[Settings.logFormat])
        let account = Account(id: configuration[Settings.account], region: configuration[Settings.region])
        // Before this process has grown: see Spawner.
        let processes = ProcessLoop()
        let directory = try Storage.DataDirectory(configuration[Settings.data])
        let database = try Database(
            path: directory.databasePath, migrations: Server.migrations, clock: clock, log: log.named("database"))
        let archives = try Database(
            path: directory.archivesPath, migrations: ArchiveBlocks.migrations, canShrink: true, clock: clock,
            log: log.named("archives"))
        let journal = try SegmentJournal(
            directory: directory.journalPath, segmentBytes: configuration[Settings.segmentSize], clock: clock,
            log: log.named("journal"))
        let vault = try Vault(file: directory.vaultKeyPath)
        let governance = GovernanceService(
            database: database, journal: journal, vault: vault, account: account, clock: clock, log: log,
            verify: { try Verification.run(journal: directory.journalPath, database: directory.databasePath) })
        let calls = DeferredCaller()
        let http = HTTPClient()
        let events = EventsService(
            EventsService.Stores(
                journal: journal, database: database, archives: ArchiveBlocks(archives), vault: vault),
            EventsService.Ports(authorizer: governance.authorizer, operations: calls, http: http),
            settings: Server.eventSettings(configuration, account), clock: clock, log: log)
        let address = (configuration[Settings.http] ?? ListenAddress.standard)?.description ?? ""
        let messaging = MessagingService(
            database: database, account: account, operations: calls, http: http, address: address, clock: clock,
            log: log.named("messaging"))
        let systems = SystemsService(
            database: database, vault: vault, caller: calls, authorizer: governance.authorizer, processes: processes,
            objects: try BucketStore(configuration, http: http, clock: clock),
            settings: Server.systemSettings(configuration, account, in: directory, address: address),
            clock: clock, log: log)
        let table = OperationTable(
            governance.operations + events.operations + messaging.operations + systems.operations,
            authorizer: governance.authorizer, policies: messaging.policies,
            recorder: governance.recorder, translate: { ($0 as? StorageError).map(ServiceError.init(storage:)) })
        calls.connect(table)
        self.directory = directory
        self.database = database
        self.archives = archives
        self.journal = journal
        self.governance = governance
        self.http = http
        self.events = events
        self.messaging = messaging
        self.systems = systems
        agent =
            configuration[Settings.embeddedAgent]
            ? try EmbeddedAgent(
                configuration, in: directory, handler: systems.nodes, processes: processes, clock: clock,
                log: log.named("agent")) : nil
        auditRetention = configuration[Settings.auditRetention]
        self.account = account
        self.table = table
        self.clock = clock
        self.log = log
        let rules = configuration[Settings.rules].map { path in
            RuleLoader(path, account: account, events: events, operations: table, clock: clock, log: log.named("rules"))
        }
        self.rules = rules
        reset = StateReset(
            database: database, journal: journal, engines: [events, messaging, systems], rules: rules, clock: clock,
            log: log.named("reset"))
        keyPath = Server.keyPath(configuration[Settings.curve], directory)
        bus = try Server.bus(configuration, keyPath: keyPath, clock: clock, log: log.named("bus"))
        gateway = try Server.gateway(configuration, clock: clock, log: log.named("http"))
    }

    /// Of all engines.
    private static var migrations: [Migration] {
        eventsMigrations + governanceMigrations + MessagingService.migrations + SystemsService.migrations
    }

    private static func eventSettings(_ configuration: Configuration, _ account: Account) -> EventsService.Settings {
        EventsService.Settings(
            account: account, deduplicationWindow: configuration[Settings.deduplicationWindow],
            retention: configuration[Settings.retention],
            acceptsUnknownBuses: configuration[Settings.acceptUnknownBuses],
            targetsPerRule: configuration[Settings.targetsPerRule])
    }

    private static func systemSettings(
        _ configuration: Configuration, _ account: Account, in directory: Storage.DataDirectory, address: String
    ) -> SystemsService.Settings {
        var commands = CommandService.Settings()
        commands.outputBytesMax = configuration[Settings.outputSize]
        commands.outputsBytesMax = configuration[Settings.outputTotal]
        return SystemsService.Settings(
            account: account, directory: directory.path + "/scripts", address: address,
            downloadEnvironment: AgentEnvironment.inherited.merging(AgentEnvironment.downloads) { own, _ in own },
            commands: commands)
    }

    private static func bus(
        _ configuration: Configuration, keyPath: String?, clock: any Clock, log: Log
    ) throws -> BusServer {
        try BusServer(
            BusConfiguration(
                requestsEndpoint: configuration[Settings.requests], streamEndpoint: configuration[Settings.stream],
                nodesEndpoint: configuration[Settings.nodes],
                keys: try keyPath.map { path in try CurveKeyPair(file: path) }),
            clock: clock, log: log)
    }

    private static func gateway(
        _ configuration: Configuration, clock: any Clock, log: Log
    ) throws(GatewayError) -> Gateway? {
        guard let address = configuration[Settings.http] else { return nil }
        var settings = GatewayConfiguration(
            address: address, authentication: configuration[Settings.httpAuthentication],
            resetToken: configuration[Settings.resetToken])
        if let certificate = configuration[Settings.httpCertificate], let key = configuration[Settings.httpKey] {
            settings.identity = try TLSIdentity(certificateFile: certificate, keyFile: key)
        }
        return try Gateway(settings, clock: clock, log: log)
    }

    /// The pair with which a fresh encrypted server is first called.
    private func makeAdministratorKey(serverKey: String) throws -> String {
        let path = directory.keysPath + "/admin.key"
        let pair = try CurveKeyPair(file: path)
        log.info(
            "no key is registered yet, so admin's is: call with --client-key \(path) --server-key \(serverKey), "
                + "and register others with 'opsbus keys add'")
        return pair.publicKey
    }

    /// Looks after the data directory once a minute.
    private func maintain() async {
        let audit = AuditLog(database)
        while !Task.isCancelled {
            do {
                try directory.refreshReserve()
                try await audit.prune(before: clock.now - auditRetention, context: .system)
            } catch {
                log.warning("\(error)")
            }
            // A cancelled sleep ends the loop at its condition.
            try? await clock.sleep(for: .seconds(60))
        }
    }

    func start() async throws {
        try await governance.start(
            administratorKey: keyPath.map { path in { try self.makeAdministratorKey(serverKey: path) } })
        try await systems.start(remote: bus.nodes, embedded: agent?.link)
        messaging.start()
        try await events.start()
        agent?.start()
        try await rules?.start()
        maintenance.set(Task { await self.maintain() })
        StreamFeed.connect(journal, to: bus.stream)
        try bus.start(
            BusServer.Ports(
                operations: table, publisher: events.ingest, authorizer: governance.authorizer,
                nodes: systems.nodes, keys: KeyLookup(authorizer: governance.authorizer)),
            at: StreamPosition(epoch: journal.epoch.description, sequence: journal.lastSequence))
        try gateway?.start(
            Gateway.Ports(
                operations: table, account: account, publisher: events.ingest, credentials: governance.accessKeys,
                attachments: systems.attachments, reset: { [reset] in try await reset.run($0) }))
        let watchdog = Watchdog(database: database, events: events, bus: bus, clock: clock, log: log.named("watchdog"))
        watchdog.start()
        self.watchdog.set(watchdog)
    }

    /// The file of the server's key pair; nil where the bus is not encrypted.
    private static func keyPath(_ curve: Curve, _ directory: Storage.DataDirectory) -> String? {
        switch curve {
        case .off: nil
        case .on: directory.keysPath + "/server.key"
        case .keyFile(let path): path
        }
    }

    /// Refuses new work, finishes what runs, and closes the data directory.
    func stop() async {
        watchdog.value?.stop()
        maintenance.value?.cancel()
        messaging.endWaiting()
        await gateway?.stop()
        await bus.stop()
        await rules?.stop()
        // A slow endpoint must not hold up the end: what it is sent is a delivery of the next start, too.
        async let requests: Void = http.stop(after: .seconds(1))
        await events.stop()
        await requests
        await messaging.stop()
        await systems.stop()
        await agent?.stop()
        journal.close()
        await database.close()
        await archives.close()
    }
}

/// Lets engines call the table that is made of their own operations.
private final class DeferredCaller: OperationCaller {
    private let table = Once<OperationTable>()

    func connect(_ table: OperationTable) { self.table.set(table) }

    func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        guard let table = table.value else { throw ServiceError(.serviceUnavailable, "The server is starting.") }
        return try await table.call(name, input, context)
    }

    func find(_ name: String) -> Operation? { table.value?.find(name) }
}

/// Answers the bus's question who owns a key from the registered ones.
private struct KeyLookup: KeyDirectory {
    let authorizer: KeyAuthorizer

    func principal(forKey publicKey: String) -> Principal? { authorizer.principal(forKey: publicKey) }
}
