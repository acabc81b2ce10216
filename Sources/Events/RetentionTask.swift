internal import Core
internal import Platform
internal import Storage
internal import Synchronization

/// Lets go of journal records older than the retention, once nothing needs them: neither the matcher nor a delivery nor
/// an archive. And of archived events that are past the retention of their archive.
///
/// Named subscribers do not hold the journal back: one that falls behind is told of in time by an event, and one whose
/// place is overtaken learns it as `SequenceExpired`.
final class RetentionTask: Sendable {
    private let journal: any Journal
    private let database: Database
    private let matcher: Matcher
    private let archives: ArchiveService
    private let subscribers: Subscribers
    private let retention: Duration
    private let clock: any Clock
    private let log: Log
    private let task = Mutex<Task<Void, Never>?>(nil)

    private static let interval = Duration.seconds(60)

    init(
        journal: any Journal, database: Database, matcher: Matcher, archives: ArchiveService,
        subscribers: Subscribers, retention: Duration, clock: any Clock, log: Log
    ) {
        self.journal = journal
        self.database = database
        self.matcher = matcher
        self.archives = archives
        self.subscribers = subscribers
        self.retention = retention
        self.clock = clock
        self.log = log
    }

    func start() {
        let running = Task {
            while !Task.isCancelled {
                do {
                    try await self.clock.sleep(for: RetentionTask.interval)
                    try await self.subscribers.noticeLag()
                    try await self.trim()
                    try await self.archives.letGo()
                } catch is CancellationError {
                    return
                } catch {
                    self.log.error("the journal cannot be looked after: \(error)")
                }
            }
        }
        task.withLock { $0 = running }
    }

    func stop() { task.withLock { $0?.cancel() } }

    func trim() async throws {
        let horizon = clock.now - .seconds(Limits.ruleDeduplicationSecondsMax)
        try await database.maintain { try OccurrenceStore.forget(before: horizon, $0) }
        let needed = try await database.read { transaction in
            (
                delivery: try DeliveryStore.oldestSequence(transaction),
                stored: try JournalCursor.read(Matcher.cursorName, transaction)
            )
        }
        let archived = await archives.archiver.neededAfter ?? needed.stored
        let keepAfter = min(needed.stored, archived, needed.delivery.map { $0 - 1 } ?? needed.stored)
        let removed = try journal.trim(
            olderThan: clock.now - retention, keepingBytes: 0, keepingAfter: keepAfter)
        if removed.records > 0 { log.info("retention: \(removed.records) records, \(removed.bytes) bytes removed") }
    }
}
