internal import API
internal import Core
internal import Patterns
internal import Platform
internal import Storage
internal import Synchronization

/// Follows the journal and decides, event by event, which deliveries are to be made.
///
/// Deliveries and the cursor are written in one transaction, so that a crash neither loses nor repeats a decision.
/// Changes to rules pass through here too and take effect between two events; the cursor is part of their
/// transaction, so that the journal position at which a rule changed is exact, also after a crash.
actor Matcher {
    private let journal: any Journal
    private let database: Database
    private let log: Log
    private let clock: any Clock
    let account: Account
    /// What the rules allow at a time, for the dispatcher.
    nonisolated let concurrency: RuleConcurrency
    private let logs: BusLog
    private let onDeliveries: @Sendable ([Delivery]) -> Void
    private nonisolated let thread = WorkerThread(name: "matcher")
    private nonisolated let inbox = Mutex(Inbox())

    private(set) var catalog = RuleCatalog()
    /// The last record whose deliveries are decided.
    private(set) var position: UInt64 = 0
    /// The position as the database has it; behind `position` only by records without deliveries.
    private var storedPosition: UInt64 = 0
    private var matching: PatternMatching
    /// Deciding and changing exclude each other across their suspensions.
    private let turn = Turn()

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Slices that came from the journal and have not been looked at. When more wait than `bytesMax` they are let go
    /// and read from the journal later: memory stays bounded, nothing is lost.
    private struct Inbox {
        var slices: [JournalSlice] = []
        var bytes = 0
        var isDraining = false
        static let bytesMax = 8 << 20
    }

    /// How many records without deliveries may lie between the position and its stored value: the work that a
    /// restart repeats.
    private static let unstoredMax: UInt64 = 100_000
    /// The same where a bus keeps a log, which a restart has tell of them twice.
    private static let unstoredLoggedMax: UInt64 = 1000

    static let cursorName = "matcher"

    init(
        journal: any Journal, database: Database, account: Account, concurrency: RuleConcurrency, logs: BusLog,
        clock: any Clock, log: Log, onDeliveries: @escaping @Sendable ([Delivery]) -> Void
    ) {
        self.journal = journal
        self.database = database
        self.account = account
        self.concurrency = concurrency
        self.logs = logs
        self.clock = clock
        self.log = log
        self.onDeliveries = onDeliveries
        matching = PatternMatching()
    }

    /// Loads the rules, catches up with the journal and goes on following it.
    func start(account: Account) async throws {
        let (rules, cursor) = try await state(account)
        try catalog.put(rules)
        concurrency.replace(with: catalog.concurrencyLimits)
        position = cursor
        if cursor > journal.lastSequence { try await giveUpLostRecords() }
        if position + 1 < journal.oldestSequence {
            log.error(
                "records \(position + 1) to \(journal.oldestSequence - 1) were never matched and are gone: the database "
                    + "is older than the journal; run 'opsbus doctor'")
            position = journal.oldestSequence - 1
        }
        storedPosition = position
        journal.observe { [weak self] slice in self?.arrived(slice) }
        wake()
    }

    private func state(_ account: Account) async throws -> (rules: [Rule], cursor: UInt64) {
        try await database.read { transaction in
            (try RuleStore.all(account: account, transaction), try JournalCursor.read(Matcher.cursorName, transaction))
        }
    }

    /// The journal has lost its end, which will be given to other events: what refers to it must not meet them.
    private func giveUpLostRecords() async throws {
        let last = journal.lastSequence
        log.error(
            "the journal ends at \(last), but records up to \(position) had been handled: the end of the journal was "
                + "lost; run 'opsbus doctor'")
        let now = clock.now
        let handled = position
        try await database.write(.system) { transaction in
            try JournalCursor.write(last, Matcher.cursorName, transaction)
            let count = try DeliveryStore.giveUpLost(after: last, at: now, transaction)
            try transaction.audit(
                "GiveUpLostRecords", on: Subject(.log, "journal"), outcome: .failure("NO_EVENT"),
                detail: [
                    "LastSequence": .integer(last), "HandledThrough": .integer(handled), "Deliveries": .integer(count),
                ])
        }
        position = last
    }

    func stop() async {
        await turn.take()
        do {
            try await storePosition()
        } catch {
            log.error("cannot store the position in the journal: \(error)")
        }
        thread.stop()
    }

    // MARK: Following the journal

    private nonisolated func arrived(_ slice: JournalSlice) {
        let mustWake = inbox.withLock { inbox in
            if inbox.bytes < Inbox.bytesMax {
                inbox.slices.append(slice)
                inbox.bytes += slice.byteCount
            }
            defer { inbox.isDraining = true }
            return !inbox.isDraining
        }
        // On its own thread from the start: this comes with every commit.
        if mustWake { Task(executorPreference: thread) { await self.drain() } }
    }

    private nonisolated func wake() {
        inbox.withLock { $0.isDraining = true }
        Task { await self.drain() }
    }

    private func drain() async {
        while true {
            let slices = inbox.withLock { inbox in
                defer {
                    inbox.slices = []
                    inbox.bytes = 0
                }
                return inbox.slices
            }
            await turn.take()
            do {
                for slice in slices where slice.firstSequence == position + 1 { try await decide(slice) }
                while position < journal.lastSequence {
                    try await decide(try journal.read(after: position, bytesMax: 1 << 20))
                }
                turn.leave()
            } catch {
                turn.leave()
                log.error("matching has stopped at record \(position): \(error); trying again in a second")
                try? await clock.sleep(for: .seconds(1))
                continue
            }
            let isDone = inbox.withLock { inbox in
                if inbox.slices.isEmpty && position >= journal.lastSequence { inbox.isDraining = false }
                return !inbox.isDraining
            }
            if isDone { return }
        }
    }

    /// Finds the deliveries of the records of a slice and makes them durable together with the position.
    private func decide(_ slice: JournalSlice) async throws {
        guard !slice.isEmpty else { return }
        let buses = logs.buses.snapshot
        let isLogged = buses.hasLogs
        var matches: [BusLog.Match] = []
        let deliveries = matching.deliveries(of: slice, catalog) { sequence, rule in
            if isLogged { matches.append(BusLog.Match(sequence: sequence, rule: rule)) }
        }
        if deliveries.isEmpty {
            position = slice.lastSequence
            if isLogged { logs.noteEvents(of: slice, matches, [], buses, now: clock.now) }
            let unstoredMax = isLogged ? Matcher.unstoredLoggedMax : Matcher.unstoredMax
            if position - storedPosition > unstoredMax { try await storePosition() }
            return
        }
        let position = slice.lastSequence
        let made = try await database.maintain { transaction in
            let made = try Matcher.withoutRepeats(deliveries, transaction)
            for delivery in made { try DeliveryStore.insert(delivery, transaction) }
            try JournalCursor.write(position, Matcher.cursorName, transaction)
            return made
        }
        self.position = position
        storedPosition = position
        if isLogged { logs.noteEvents(of: slice, matches, made, buses, now: clock.now) }
        onDeliveries(made)
    }

    /// Leaves out the deliveries of events that are repeats to their rules, and records that.
    private static func withoutRepeats(
        _ deliveries: [Delivery], _ transaction: borrowing Transaction
    ) throws -> [Delivery] {
        var made: [Delivery] = []
        // The deliveries of one event to the targets of one rule come one after the other.
        var last: (sequence: UInt64, rule: RuleCatalog.Key, isRepeat: Bool)?
        for delivery in deliveries {
            guard let occurrence = delivery.occurrence else {
                made.append(delivery)
                continue
            }
            let rule = delivery.ruleKey
            if last?.sequence != delivery.sequence || last?.rule != rule {
                let isRepeat = try !OccurrenceStore.note(occurrence, of: delivery, transaction)
                last = (delivery.sequence, rule, isRepeat)
                if isRepeat {
                    try transaction.audit(
                        "SuppressRepeat", on: Subject(.rule, "\(rule.bus)/\(rule.name)"), outcome: .success,
                        detail: ["EventId": .string(delivery.eventID.description)],
                        context: OperationContext(principal: .system, cause: delivery.eventSubject))
                }
            }
            if last?.isRepeat == false { made.append(delivery) }
        }
        return made
    }

    private func storePosition() async throws {
        let position = position
        try await database.maintain { try JournalCursor.write(position, Matcher.cursorName, $0) }
        storedPosition = position
    }

    // MARK: Changing rules

    /// Changes rules between two events.
    /// - Parameters:
    ///   - prepare: Looks at the rules as they are, checks, and answers what to write.
    ///   - write: Writes it; the journal position is stored in the same transaction.
    ///   - apply: Brings the catalog in line once the change is durable.
    func change<Plan: Sendable, Answer: Sendable>(
        _ context: OperationContext,
        prepare: @Sendable (RuleCatalog) throws -> Plan,
        write: @escaping @Sendable (Plan, UInt64, borrowing Transaction) throws -> Answer,
        apply: @Sendable (Plan, inout RuleCatalog) throws -> Void
    ) async throws -> Answer {
        await turn.take()
        defer { turn.leave() }
        let plan = try prepare(catalog)
        let position = position
        let answer = try await database.write(context) { transaction in
            try JournalCursor.write(position, Matcher.cursorName, transaction)
            return try write(plan, position, transaction)
        }
        storedPosition = position
        try apply(plan, &catalog)
        concurrency.replace(with: catalog.concurrencyLimits)
        return answer
    }

    /// A sign of life: returns between two decisions.
    func answer() async {
        await turn.take()
        turn.leave()
    }

    // MARK: Starting over

    /// Decides and changes nothing until `resume`.
    func suspend() async { await turn.take() }

    /// Goes on with the rules and from the position that the database has now.
    func resume(account: Account) async throws {
        defer { turn.leave() }
        let (rules, cursor) = try await state(account)
        catalog = RuleCatalog()
        matching = PatternMatching()
        try catalog.put(rules)
        concurrency.replace(with: catalog.concurrencyLimits)
        position = cursor
        storedPosition = cursor
        wake()
    }
}
