public import API
public import Core
public import Platform
public import Storage

/// Everything about events, from the moment they are put on a bus to the moment their targets have been called.
///
///     EventIngest ──► Journal ──► Matcher ──► deliveries ──► Dispatcher ──► operations, other buses
///                        ▲                                       │
///                   OutboxRelay ◄── transactions that emit        └──► dead letters
///
/// `EventIngest` makes events durable and answers the publisher. `Matcher` follows the journal and decides which
/// deliveries there are. `Dispatcher` makes them, again and again where it must. `ScheduleRunner` puts scheduled events
/// into the outbox, from where `OutboxRelay` moves them, like all that other engines emit, to the journal.
public final class EventsService: Resettable {
    /// Takes in events from transports.
    public let ingest: EventIngest

    let matcher: Matcher
    private let dispatcher: Dispatcher
    private let relay: OutboxRelay
    let schedules: ScheduleRunner
    private let scheduler: SchedulerService
    private let pipes: PipeService
    let buses: BusDirectory
    private let busOperations: BusOperations
    private let gate: DeliveryGate
    private let logs: BusLog
    let fileResources: FileResources
    private let deadLetters: DeadLetterSender
    private let tokens: OAuthTokens
    private let retention: RetentionTask
    let archives: ArchiveService
    private let journal: any Journal
    private let database: Database
    private let settings: Settings
    private let clock: any Clock

    public struct Settings: Sendable {
        public var account: Account
        /// How long event ids chosen by publishers are remembered.
        public var deduplicationWindow: Duration
        /// How long the journal keeps what has been handled.
        public var retention: Duration
        /// Whether an event for a bus that does not exist is answered as taken, and vanishes, as at AWS.
        public var acceptsUnknownBuses: Bool
        /// How many targets `PutTargets` lets a rule have: 1 to `Limits.targetsPerRuleMax`.
        public var targetsPerRule: Int

        public init(
            account: Account = Account(), deduplicationWindow: Duration = .seconds(600),
            retention: Duration = .seconds(7 * 86_400), acceptsUnknownBuses: Bool = false,
            targetsPerRule: Int = Limits.targetsPerRuleMax
        ) {
            self.targetsPerRule = targetsPerRule
            self.acceptsUnknownBuses = acceptsUnknownBuses
            self.account = account
            self.deduplicationWindow = deduplicationWindow
            self.retention = retention
        }
    }

    /// What the engine keeps its state in.
    public struct Stores: Sendable {
        public let journal: any Journal
        public let database: Database
        /// The file of what archives keep.
        public let archives: ArchiveBlocks
        /// Seals the secrets of connections.
        public let vault: Vault

        public init(journal: any Journal, database: Database, archives: ArchiveBlocks, vault: Vault) {
            self.journal = journal
            self.database = database
            self.archives = archives
            self.vault = vault
        }
    }

    /// What the engine asks and calls.
    public struct Ports: Sendable {
        public let authorizer: any Authorizer
        /// The operation table through which targets are called; it may be completed later, but before `start`.
        public let operations: any OperationCaller
        /// Calls API destinations.
        public let http: any HTTPSender

        public init(authorizer: any Authorizer, operations: any OperationCaller, http: any HTTPSender) {
            self.authorizer = authorizer
            self.operations = operations
            self.http = http
        }
    }

    public init(_ stores: Stores, _ ports: Ports, settings: Settings, clock: any Clock, log: Log) {
        let (journal, database, vault) = (stores.journal, stores.database, stores.vault)
        let (authorizer, caller, http) = (ports.authorizer, ports.operations, ports.http)
        let account = settings.account
        let buses = BusDirectory(account: account)
        let logs = BusLog(buses: buses, caller: caller, clock: clock, log: log.named("bus-logs"))
        let ingest = EventIngest(
            journal: journal, logs: logs, authorizer: authorizer, clock: clock,
            window: settings.deduplicationWindow, acceptsUnknownBuses: settings.acceptsUnknownBuses)
        let rules = RuleLookup()
        let tokens = OAuthTokens(
            database: database, vault: vault, sender: http, clock: clock, log: log.named("connections"))
        let gate = DeliveryGate()
        let concurrency = RuleConcurrency()
        let deadLetters = DeadLetterSender(
            database: database, caller: caller, account: account, logs: logs, clock: clock,
            log: log.named("dead-letters"))
        let destinations = DestinationCaller(
            database: database, vault: vault, sender: http, tokens: tokens, clock: clock)
        let targets = TargetCaller(caller: caller, destinations: destinations)
        let attempt = DeliveryAttempt(
            rule: { await rules.rule($0, $1) }, targets: targets, ingest: ingest, gate: gate,
            causes: CauseChain(log: AuditLog(database)), logs: logs, account: account, clock: clock)
        let dispatcher = Dispatcher(
            database: database, journal: journal, attempt: attempt, concurrency: concurrency, deadLetters: deadLetters,
            clock: clock, log: log.named("dispatcher"))
        let matcher = Matcher(
            journal: journal, database: database, account: account, concurrency: concurrency, logs: logs, clock: clock,
            log: log.named("matcher"), onDeliveries: { deliveries in Task { await dispatcher.add(deliveries) } })
        rules.connect(matcher)
        self.ingest = ingest
        self.buses = buses
        self.gate = gate
        self.logs = logs
        fileResources = FileResources(database: database, caller: caller, account: account, log: log.named("rules"))
        self.deadLetters = deadLetters
        self.tokens = tokens
        self.dispatcher = dispatcher
        self.matcher = matcher
        self.journal = journal
        self.database = database
        self.settings = settings
        self.clock = clock
        relay = OutboxRelay(database: database, journal: journal, clock: clock, log: log.named("outbox"))
        schedules = ScheduleRunner(database: database, account: account, clock: clock, log: log.named("schedules"))
        busOperations = BusOperations(database: database, buses: buses, account: account)
        archives = ArchiveService(
            journal: journal, database: database, blocks: stores.archives, matcher: matcher, buses: buses,
            account: account, clock: clock, log: log)
        let subscribers = Subscribers(journal: journal, database: database, account: account, clock: clock)
        retention = RetentionTask(
            journal: journal, database: database, matcher: matcher, archives: archives, subscribers: subscribers,
            retention: settings.retention, clock: clock, log: log.named("retention"))
        scheduler = SchedulerService(
            database: database, targets: targets, account: account, clock: clock, log: log.named("scheduler"))
        pipes = PipeService(
            database: database, targets: targets, journal: journal, account: account, clock: clock,
            log: log.named("pipes"))
        operations =
            EventOperations(ingest: ingest, matcher: matcher, buses: buses, journal: journal).all
            + EventsService.ruleOperations(matcher, archives, schedules, buses: buses, settings)
            + TagOperations(database: database, matcher: matcher, buses: buses, account: account).all
            + busOperations.all + PermissionOperations(operations: busOperations, buses: buses).all
            + EventsService.destinationOperations(stores, tokens, account) + PartnerOperations().all
            + EventsService.streamOperations(stores, authorizer, subscribers)
            + DeadLetterOperations(
                database: database, clock: clock, onRedrive: { Task { await dispatcher.reload() } }
            ).all
            + archives.operations + scheduler.operations + pipes.operations
    }

    private static func destinationOperations(
        _ stores: Stores, _ tokens: OAuthTokens, _ account: Account
    ) -> [Operation] {
        ConnectionOperations(database: stores.database, vault: stores.vault, tokens: tokens, account: account).all
            + ApiDestinationOperations(database: stores.database, account: account).all
    }

    private static func streamOperations(
        _ stores: Stores, _ authorizer: any Authorizer, _ subscribers: Subscribers
    ) -> [Operation] {
        StreamOperations(
            journal: stores.journal, database: stores.database, authorizer: authorizer, subscribers: subscribers
        ).all
    }

    private static func ruleOperations(
        _ matcher: Matcher, _ archives: ArchiveService, _ schedules: ScheduleRunner, buses: BusDirectory,
        _ settings: Settings
    ) -> [Operation] {
        RuleOperations(
            matcher: matcher, managed: archives.managedRules, buses: buses, account: settings.account,
            targetsPerRule: settings.targetsPerRule, onScheduleChange: { await schedules.wake() }
        ).all + RuleNamesByTarget(matcher: matcher, buses: buses, account: settings.account).all
    }

    /// All operations of this module, for the table.
    public let operations: [Operation]

    /// Loads the state, finishes what an earlier run left, and begins.
    /// - Throws: `StorageError` where the data cannot be read.
    public func start() async throws {
        try await busOperations.start()
        try await rememberIdentifiers()
        try await relay.start()
        try await matcher.start(account: settings.account)
        await dispatcher.start()
        await deadLetters.wake()
        try await tokens.start()
        try await archives.start()
        await schedules.wake()
        try await scheduler.start()
        try await pipes.start()
        retention.start()
    }

    /// What a watchdog asks for signs of life.
    public var parts: [Watchdog.Part] {
        [
            Watchdog.Part("matcher") { [matcher] in await matcher.answer() },
            Watchdog.Part("dispatcher") { [dispatcher] in await dispatcher.answer() },
        ]
    }

    /// Ends in an order that leaves no work half recorded: nothing new fires, what runs is finished.
    public func stop() async {
        retention.stop()
        await schedules.stop()
        await archives.stop()
        await scheduler.stop()
        await pipes.stop()
        await dispatcher.stop()
        await deadLetters.stop()
        await relay.stop()
        await matcher.stop()
        await logs.stop()
    }

    public func suspend() async {
        await archives.suspend()
        await scheduler.suspend()
        await pipes.suspend()
        await relay.suspend()
        await matcher.suspend()
        await dispatcher.suspend(forgettingThrough: journal.lastSequence)
        gate.removeAll()
        await logs.suspend()
        await tokens.forgetAll()
        ingest.forgetIdentifiers()
    }

    public func resume() async throws {
        try await busOperations.start()
        await logs.resume()
        try await matcher.resume(account: settings.account)
        await relay.resume()
        await dispatcher.resume()
        try await archives.resume()
        await schedules.wake()
        try await scheduler.start()
        try await pipes.start()
    }

    /// Refills the deduplication window from the records that are young enough.
    private func rememberIdentifiers() async throws {
        let since = clock.now - settings.deduplicationWindow
        let reset = try await database.read { try JournalCursor.read(JournalCursor.resetName, $0) }
        var sequence = max(try journal.sequence(notBefore: since) - 1, reset)
        while sequence < journal.lastSequence {
            let slice = try journal.read(after: sequence, bytesMax: 1 << 20)
            slice.forEach { record in
                guard let view = StreamEntryView(record.body), let key = DeduplicationWindow.Key(view) else { return }
                ingest.remember(key, at: record.time)
            }
            sequence = slice.lastSequence
        }
    }
}

/// Lets the dispatcher ask the matcher for rules, though the matcher is made after it.
private final class RuleLookup: Sendable {
    private let matcher = Once<Matcher>()

    func connect(_ matcher: Matcher) { self.matcher.set(matcher) }

    func rule(_ bus: String, _ name: String) async -> Rule? { await matcher.value?.catalog.entry(bus, name)?.rule }
}
