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

    private let matcher: Matcher
    private let dispatcher: Dispatcher
    private let relay: OutboxRelay
    private let schedules: ScheduleRunner
    private let scheduler: SchedulerService
    private let pipes: PipeService
    private let buses: BusDirectory
    private let busOperations: BusOperations
    private let gate: DeliveryGate
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

        public init(
            account: Account = Account(), deduplicationWindow: Duration = .seconds(600),
            retention: Duration = .seconds(7 * 86_400), acceptsUnknownBuses: Bool = false
        ) {
            self.acceptsUnknownBuses = acceptsUnknownBuses
            self.account = account
            self.deduplicationWindow = deduplicationWindow
            self.retention = retention
        }
    }

    /// - Parameters:
    ///   - blocks: The file of what archives keep.
    ///   - caller: The operation table through which targets are called; it may be completed later, but before `start`.
    ///   - http: Calls API destinations.
    ///   - vault: Seals the secrets of connections.
    public init(
        journal: any Journal, database: Database, blocks: ArchiveBlocks, authorizer: any Authorizer,
        caller: any OperationCaller, http: any HTTPSender, vault: Vault, settings: Settings, clock: any Clock, log: Log
    ) {
        let account = settings.account
        let buses = BusDirectory(account: account)
        let ingest = EventIngest(
            journal: journal, buses: buses, account: account, authorizer: authorizer, clock: clock,
            window: settings.deduplicationWindow, acceptsUnknownBuses: settings.acceptsUnknownBuses)
        let rules = RuleLookup()
        let tokens = OAuthTokens(
            database: database, vault: vault, sender: http, clock: clock, log: log.named("connections"))
        let destinations = DestinationCaller(
            database: database, vault: vault, sender: http, tokens: tokens, clock: clock)
        let gate = DeliveryGate()
        let concurrency = RuleConcurrency()
        let deadLetters = DeadLetterSender(
            database: database, caller: caller, account: account, clock: clock, log: log.named("dead-letters"))
        let targets = TargetCaller(caller: caller, destinations: destinations)
        let attempt = DeliveryAttempt(
            rule: { await rules.rule($0, $1) }, targets: targets, ingest: ingest, gate: gate,
            causes: CauseChain(log: AuditLog(database)), account: account, clock: clock)
        let dispatcher = Dispatcher(
            database: database, journal: journal, attempt: attempt, concurrency: concurrency, deadLetters: deadLetters,
            clock: clock, log: log.named("dispatcher"))
        let matcher = Matcher(
            journal: journal, database: database, account: account, concurrency: concurrency, clock: clock,
            log: log.named("matcher"), onDeliveries: { deliveries in Task { await dispatcher.add(deliveries) } })
        rules.connect(matcher)
        self.ingest = ingest
        self.buses = buses
        self.gate = gate
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
            journal: journal, database: database, blocks: blocks, matcher: matcher, buses: buses, account: account,
            clock: clock, log: log)
        let subscribers = Subscribers(journal: journal, database: database, account: account, clock: clock)
        retention = RetentionTask(
            journal: journal, database: database, matcher: matcher, archives: archives, subscribers: subscribers,
            retention: settings.retention, clock: clock, log: log.named("retention"))
        let schedules = schedules
        scheduler = SchedulerService(
            database: database, targets: targets, account: account, clock: clock, log: log.named("scheduler"))
        pipes = PipeService(
            database: database, targets: targets, journal: journal, account: account, clock: clock,
            log: log.named("pipes"))
        operations =
            EventOperations(ingest: ingest, matcher: matcher, buses: buses, journal: journal).all
            + RuleOperations(
                matcher: matcher, managed: archives.managedRules, buses: buses, account: account,
                onScheduleChange: { await schedules.wake() }
            ).all
            + RuleNamesByTarget(matcher: matcher, buses: buses, account: account).all
            + TagOperations(database: database, matcher: matcher, buses: buses, account: account).all
            + busOperations.all + PermissionOperations(operations: busOperations, buses: buses).all
            + ConnectionOperations(database: database, vault: vault, tokens: tokens, account: account).all
            + ApiDestinationOperations(database: database, account: account).all + PartnerOperations().all
            + DeadLetterOperations(
                database: database, clock: clock, onRedrive: { Task { await dispatcher.reload() } }
            ).all
            + StreamOperations(
                journal: journal, database: database, authorizer: authorizer, subscribers: subscribers
            ).all
            + archives.operations
            + scheduler.operations + pipes.operations
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
    }

    public func suspend() async {
        await archives.suspend()
        await scheduler.suspend()
        await pipes.suspend()
        await relay.suspend()
        await matcher.suspend()
        await dispatcher.suspend(forgettingThrough: journal.lastSequence)
        gate.removeAll()
        await tokens.forgetAll()
        ingest.forgetIdentifiers()
    }

    public func resume() async throws {
        try await busOperations.start()
        try await matcher.resume(account: settings.account)
        await relay.resume()
        await dispatcher.resume()
        try await archives.resume()
        await schedules.wake()
        try await scheduler.start()
        try await pipes.start()
    }

    /// Whether there is an event bus of that name.
    public func hasBus(_ name: String) -> Bool { buses.snapshot.name(of: name) != nil }

    /// Brings the rules that come from files in line with what the files say now, in one step.
    /// - Parameters:
    ///   - rules: All rules of all files that could be read; each names its file.
    ///   - brokenFiles: Files whose rules stay as they are, because the files cannot be read now.
    ///   - topics: Names of topics that must exist because rules send to them.
    /// - Returns: How many rules were written and how many deleted.
    /// - Throws: `ServiceError` where a rule of another origin has the same name; nothing was changed then.
    @discardableResult
    public func replaceFileRules(
        _ rules: [Rule], brokenFiles: Set<String>, _ context: OperationContext
    ) async throws -> (written: Int, deleted: Int) {
        let named = Set(rules.map { RuleCatalog.Key(bus: $0.bus, name: $0.name) })
        for rule in rules { try RuleOperations.check(rule) }
        let buses = buses.snapshot
        for rule in rules where buses.name(of: rule.bus) == nil {
            throw ServiceError(
                .resourceNotFound, "\(rule.file ?? ""): event bus \(rule.bus) of rule \(rule.name) does not exist.")
        }
        let change = try await matcher.change(context) { catalog in
            var change = RuleChange(action: "LoadRule")
            for rule in rules {
                let existing = catalog.entry(rule.bus, rule.name)?.rule
                if let existing, existing.file == nil {
                    throw ServiceError(
                        .resourceAlreadyExists,
                        "\(rule.file ?? ""): a rule \(rule.name) was made with PutRule; delete it or rename this one.")
                }
                if existing != rule { change.puts.append(rule) }
            }
            change.deletions = catalog.rules.filter { rule in
                guard let file = rule.file, !brokenFiles.contains(file) else { return false }
                return !named.contains(RuleCatalog.Key(bus: rule.bus, name: rule.name))
            }
            return change
        }
        if !change.puts.isEmpty || !change.deletions.isEmpty { await schedules.wake() }
        return (change.puts.count, change.deletions.count)
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
