internal import API
internal import Core
internal import Platform
internal import Storage
internal import Synchronization

/// Follows the journal and keeps the events that archives want.
///
/// It walks the journal on its own, behind the matcher and off its way: neither ingest nor delivery waits for it, and
/// nothing that it has yet to see leaves the journal. It lets events gather for a second and writes them together;
/// whoever asks what an archive holds makes it catch up first, so that every answer is exact.
actor Archiver {
    private let journal: any Journal
    private let database: Database
    private let blocks: ArchiveBlocks
    private let clock: any Clock
    private let log: Log
    private nonisolated let thread = WorkerThread(name: "archiver")
    private nonisolated let signal = Mutex(Signal())

    private struct Signal {
        /// Whether a round is planned or under way.
        var isAwake = false
        /// Whether there are archives.
        var isWanted = false
    }

    /// By name.
    private(set) var archives: [String: Archive] = [:] {
        didSet { signal.withLock { $0.isWanted = !archives.isEmpty } }
    }
    private var matching = ArchiveMatching()
    /// The last record that was looked at.
    private var position: UInt64 = 0
    /// The position as the file has it; behind `position` only by records that no archive keeps.
    private var storedPosition: UInt64 = 0
    private var round: Task<Void, Never>?
    /// Archiving and changing exclude each other across their suspensions.
    private let turn = Turn()
    private var random = BlockRandom()

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// How long events gather before they are written.
    private static let gathering = Duration.seconds(1)
    /// Bytes written in one transaction, but for the last slice of it.
    private static let batchBytes = 4 << 20
    /// How many records that no archive keeps may lie between the position and its stored value.
    private static let unstoredMax: UInt64 = 100_000

    init(journal: any Journal, database: Database, blocks: ArchiveBlocks, clock: any Clock, log: Log) {
        self.journal = journal
        self.database = database
        self.blocks = blocks
        self.clock = clock
        self.log = log
    }

    /// Loads the archives, and follows the journal from where an earlier run ended.
    func start() async throws {
        try await load()
        storedPosition = try await blocks.cursor()
        // What came before the oldest archive is no one's.
        position = max(storedPosition, archives.values.map(\.startSequence).min() ?? 0)
        if position > journal.lastSequence {
            log.error(
                "the journal ends at \(journal.lastSequence), but \(position) had been archived: its end was lost")
            position = journal.lastSequence
            // What comes there next is not what was there.
            try await blocks.store([:], through: position)
            storedPosition = position
        }
        journal.observe { [weak self] _ in self?.wake() }
        wake()
    }

    /// Archives what is there and ends.
    func stop() async {
        round?.cancel()
        await round?.value
        do {
            try await catchUp()
        } catch {
            log.warning("the archives are behind; the next start goes on with them: \(error)")
        }
        thread.stop()
    }

    /// What the journal must keep, because it is not in the archives yet: records after this one. Nil where there is
    /// no archive.
    var neededAfter: UInt64? { archives.values.map(\.startSequence).min().map { max($0, storedPosition) } }

    // MARK: Following the journal

    private nonisolated func wake() {
        let mustWake = signal.withLock { signal in
            guard signal.isWanted, !signal.isAwake else { return false }
            signal.isAwake = true
            return true
        }
        if mustWake { Task { await self.plan() } }
    }

    private func plan() { round = Task { await self.run() } }

    private func run() async {
        do {
            try await clock.sleep(for: Archiver.gathering)
            // What comes from now on is for the next round.
            signal.withLock { $0.isAwake = false }
            try await catchUp()
        } catch is CancellationError {
            return
        } catch {
            log.error("archiving has stopped at record \(position): \(error); trying again")
            wake()
        }
    }

    /// Returns when everything that the journal held at the call is archived.
    /// - Throws: `StorageError`; what was archived until then stays.
    func catchUp() async throws {
        await turn.take()
        defer { turn.leave() }
        try await archive(through: journal.lastSequence)
    }

    private func archive(through last: UInt64) async throws {
        if archives.isEmpty { position = max(position, last) }
        skipLost()
        while position < last {
            var batch: [ArchiveMatching.Key: ArchiveBlock] = [:]
            var bytes = 0
            var next = position
            while next < last, bytes < Archiver.batchBytes {
                let slice = try journal.read(after: next, bytesMax: 1 << 20)
                matching.collect(slice, into: &batch)
                bytes = batch.values.reduce(0) { $0 + $1.bytes.count }
                next = slice.lastSequence
                if batch.isEmpty, next - storedPosition > Archiver.unstoredMax { break }
            }
            if !batch.isEmpty || next - storedPosition > Archiver.unstoredMax {
                try await blocks.store(batch, through: next)
                storedPosition = next
            }
            position = next
        }
    }

    private func skipLost() {
        guard position + 1 < journal.oldestSequence else { return }
        log.error("records \(position + 1) to \(journal.oldestSequence - 1) are gone and were never archived")
        position = journal.oldestSequence - 1
    }

    // MARK: Changing archives

    /// Creates, changes or deletes an archive between two events.
    /// - Parameters:
    ///   - action: The operation's name for the audit log.
    ///   - edit: Answers the archive as it shall be, nil for none; from the one that is there, and the place in the
    ///     journal after which the change holds.
    /// - Returns: What `edit` answered, once it is durable.
    func change(
        _ name: String, _ action: String, _ context: OperationContext,
        _ edit: @Sendable (_ existing: Archive?, _ sequence: UInt64, _ identifier: Identifier) throws -> Archive?
    ) async throws -> Archive? {
        await turn.take()
        defer { turn.leave() }
        // Events that came before the change are kept by what held then.
        try await archive(through: journal.lastSequence)
        let existing = archives[name]
        let position = position
        let archive = try edit(existing, position, Identifier(using: &random))
        if existing == nil, archives.count >= Limits.archivesMax {
            throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
        }
        var changed = archives
        changed[name] = archive
        let matching = try ArchiveMatching(Array(changed.values))
        try await database.write(context) { transaction in
            if let archive { try ArchiveStore.put(archive, transaction) }
            if archive == nil, let existing { try ArchiveStore.delete(existing, transaction) }
            var detail: JSON = ["AfterSequence": .integer(position)]
            detail["EventPattern"] = archive?.eventPattern.map { .string($0) }
            detail["RetentionDays"] = archive.map { .integer($0.retentionDays) }
            try transaction.audit(action, on: Subject(.archive, name), outcome: .success, detail: detail)
        }
        archives = changed
        self.matching = matching
        // For what came while there was no archive to wake for.
        wake()
        return archive
    }

    // MARK: Letting go

    /// Lets go of events older than their archive's retention, and of what deleted archives have left.
    func letGo() async throws {
        let now = clock.now
        for archive in archives.values {
            guard let expiry = archive.expiry(at: now) else { continue }
            let removed = try await blocks.expire(archive.id, before: expiry)
            if removed > 0 { log.info("archive \(archive.name): \(counted(removed)) older than its retention let go") }
        }
        try await blocks.removeAll(but: Array(archives.values))
    }

    private func counted(_ events: Int) -> String { events == 1 ? "1 event" : "\(events) events" }

    // MARK: Reset

    /// Archives and changes nothing until `resume`.
    func suspend() async { await turn.take() }

    /// Goes on with the archives that the database has now. What came before is none of theirs.
    func resume() async throws {
        defer { turn.leave() }
        try await load()
        position = journal.lastSequence
    }

    private func load() async throws {
        let found = try await database.read { try ArchiveStore.all($0) }
        matching = try ArchiveMatching(found)
        archives = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0) })
    }
}
