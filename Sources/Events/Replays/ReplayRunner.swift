internal import API
internal import Core
internal import Platform
internal import Storage

/// Runs the replays that have not ended.
///
/// The events of a step go into the outbox in the transaction that notes how far the replay has come: after a crash it
/// goes on exactly there, and the relay brings each event to the journal once. From there on they are matched and
/// delivered like any others.
actor ReplayRunner {
    private let database: Database
    private let archiver: Archiver
    private let blocks: ArchiveBlocks
    private let matcher: Matcher
    private let clock: any Clock
    private let log: Log
    private let scratch = MatcherScratch()
    private var runs: [String: Run] = [:]
    private var isStopped = false

    /// A replay that goes on; what is kept of it is in the database.
    private final class Run {
        var replay: Replay
        var task: Task<Void, Never>?
        var pause: Task<Void, Never>?
        var isForgotten = false
        /// Who waits for the end of the step.
        var waiting: [CheckedContinuation<Void, Never>] = []

        init(_ replay: Replay) { self.replay = replay }
    }

    private static let retryWait = Duration.seconds(1)

    init(
        database: Database, archiver: Archiver, blocks: ArchiveBlocks, matcher: Matcher, clock: any Clock, log: Log
    ) {
        self.database = database
        self.archiver = archiver
        self.blocks = blocks
        self.matcher = matcher
        self.clock = clock
        self.log = log
    }

    /// Goes on with what an earlier run left.
    func start() async throws {
        for replay in try await database.read({ try ReplayStore.active($0) }) { add(replay) }
    }

    /// Returns when the steps under way have ended; the next start goes on after them.
    func stop() async {
        isStopped = true
        let tasks = runs.values.compactMap(\.task)
        for run in runs.values { run.pause?.cancel() }
        for task in tasks { await task.value }
    }

    /// Lets go of all replays, because their rows are about to be. A step under way finds no row and does nothing.
    func forget() {
        for run in runs.values {
            run.isForgotten = true
            run.pause?.cancel()
            resume(run)
        }
        runs = [:]
    }

    /// Takes over a replay that has just become durable.
    func add(_ replay: Replay) {
        guard !isStopped, runs[replay.name] == nil else { return }
        let run = Run(replay)
        runs[replay.name] = run
        run.task = Task { await self.follow(run) }
    }

    /// A replay was changed in the database.
    func changed(_ replay: Replay) {
        guard let run = runs[replay.name] else { return }
        run.replay = replay
        run.pause?.cancel()
    }

    /// Returns when a replay that is about to start has made its first step, and one that is being cancelled has
    /// ended: who asks how it is gets an answer that will hold for a while.
    func settle(_ name: String) async {
        guard let run = runs[name], run.replay.machine.state != .running else { return }
        run.replay.machine.hurry()
        run.pause?.cancel()
        await withCheckedContinuation { run.waiting.append($0) }
    }

    func settleAll() async { for name in runs.keys.sorted() { await settle(name) } }

    private func follow(_ run: Run) async {
        while !isStopped, !run.isForgotten {
            do {
                switch run.replay.machine.next(now: clock.now) {
                case .wait(let time): await pause(run, until: time)
                case .take(let count):
                    try await step(run, count)
                    resume(run)
                case .finish:
                    try await finish(run)
                    resume(run)
                case .stop:
                    end(run)
                    return
                }
            } catch {
                log.error("replay \(run.replay.name): \(error); trying again in a second")
                resume(run)
                await pause(run, until: clock.now + ReplayRunner.retryWait)
            }
        }
        end(run)
    }

    private func end(_ run: Run) {
        if runs[run.replay.name] === run { runs[run.replay.name] = nil }
        resume(run)
    }

    private func resume(_ run: Run) {
        for continuation in run.waiting { continuation.resume() }
        run.waiting = []
    }

    private func pause(_ run: Run, until time: Timestamp) async {
        let pause = Task { [clock] in
            // Woken early is as good as having slept: the machine is asked again.
            do { try await clock.sleep(until: time) } catch { return }
        }
        run.pause = pause
        if isStopped { pause.cancel() }
        await pause.value
        run.pause = nil
    }

    // MARK: Steps

    private func step(_ run: Run, _ count: Int) async throws {
        let replay = run.replay
        guard await archiver.archives[replay.archiveName]?.id == replay.archive else {
            return try await fail(run, "Archive \(replay.archiveName) does not exist any more.")
        }
        let page: ArchiveBlocks.Page
        do {
            page = try await blocks.read(replay.window, after: replay.machine.position, limit: count)
        } catch let error as StorageError where error.code == .corrupt {
            return try await fail(run, "Archive \(replay.archiveName) cannot be read: \(error)")
        }
        let matches = replay.isDryRun ? await matches(of: page.events, replay) : [:]
        let batch = ReplayMachine.Batch(
            count: page.events.count, position: page.events.last?.position,
            lastEventTime: page.events.map(\.time).max(), isLast: page.isLast)
        run.replay = try await change(replay) { replay, transaction in
            guard replay.machine.state != .cancelling else { return }
            replay.machine.took(batch, now: transaction.now)
            replay.matches.merge(matches, uniquingKeysWith: +)
            if !replay.isDryRun { for event in page.events { try replay.emit(event, transaction) } }
            if replay.machine.state == .completed { try replay.audit("CompleteReplay", .success, transaction) }
        }
    }

    private func finish(_ run: Run) async throws {
        run.replay = try await change(run.replay) { replay, transaction in
            replay.machine.finish(now: transaction.now)
            try replay.audit("EndReplay", .success, transaction)
        }
    }

    private func fail(_ run: Run, _ reason: String) async throws {
        log.error("replay \(run.replay.name) has failed: \(reason)")
        run.replay = try await change(run.replay) { replay, transaction in
            replay.machine.fail(reason, now: transaction.now)
            try replay.audit("FailReplay", .failure("FAILED"), transaction)
        }
    }

    /// Changes a replay as the database has it; an operation may have changed it meanwhile.
    private func change(
        _ replay: Replay, _ edit: @escaping @Sendable (inout Replay, borrowing Transaction) throws -> Void
    ) async throws -> Replay {
        let pace = replay.machine
        return try await database.maintain { transaction in
            guard var stored = try ReplayStore.find(replay.name, transaction), stored.archive == replay.archive else {
                // All state was wiped; another of the same name may have been started since.
                var gone = replay
                gone.machine.fail("The replay is not known any more.", now: transaction.now)
                return gone
            }
            if stored.machine.record == pace.record { stored.machine = pace }
            try edit(&stored, transaction)
            try ReplayStore.update(stored, transaction)
            return stored
        }
    }

    /// How many of the events each rule would match.
    private func matches(of events: [ArchivedEvent], _ replay: Replay) async -> [String: Int] {
        let catalog = await matcher.catalog
        guard let snapshot = catalog.snapshot(of: replay.bus) else { return [:] }
        var matches: [String: Int] = [:]
        for event in events {
            guard let entry = replay.entry(of: event) else { continue }
            entry.payload.withUnsafeBytes { payload in
                scratch.match(payload, mayStopEarly: entry.mayStopEarly, with: snapshot) { number in
                    guard let rule = catalog.entry(number)?.rule else { return }
                    if replay.rules.isEmpty || replay.rules.contains(rule.name) { matches[rule.name, default: 0] += 1 }
                }
            }
        }
        return matches
    }
}

extension Replay {
    /// Puts an event on its bus once the transaction is durable.
    fileprivate func emit(_ event: ArchivedEvent, _ transaction: borrowing Transaction) throws(StorageError) {
        guard let entry = entry(of: event) else { return }
        try transaction.emit(
            topic: String(decoding: event.topic, as: UTF8.self), eventID: entry.eventID, body: entry.encoded)
        try transaction.audit(
            "ReplayEvent", on: Replay.subject(name, entry.eventID), outcome: .success,
            detail: ["ReplayName": .string(name), "EventBusName": .string(bus)],
            context: OperationContext(principal: principal, cause: Subject(.event, entry.eventID.description)))
    }

    /// Records how it has ended.
    fileprivate func audit(
        _ action: String, _ outcome: AuditOutcome, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        var detail: JSON = ["State": .string(machine.state.rawValue), "EventCount": .integer(machine.eventCount)]
        detail["StateReason"] = machine.reason.map { .string($0) }
        try transaction.audit(
            action, on: subject, outcome: outcome, detail: detail, context: OperationContext(principal: principal))
    }
}
