internal import API
internal import Core
internal import Platform
internal import Storage

/// Archives and replays: what was published is kept, and sent once more.
///
///     Journal ──► Archiver ──► ArchiveBlocks ──► ReplayRunner ──► outbox ──► Journal
final class ArchiveService: Sendable {
    let archiver: Archiver
    private let runner: ReplayRunner
    private let database: Database
    private let clock: any Clock

    /// The rules as which archives are shown.
    let managedRules: ManagedRules

    /// - Parameter blocks: The file of what archives keep.
    init(
        journal: any Journal, database: Database, blocks: ArchiveBlocks, matcher: Matcher, buses: BusDirectory,
        account: Account, clock: any Clock, log: Log
    ) {
        archiver = Archiver(
            journal: journal, database: database, blocks: blocks, clock: clock, log: log.named("archiver"))
        runner = ReplayRunner(
            database: database, archiver: archiver, blocks: blocks, matcher: matcher, clock: clock,
            log: log.named("replays"))
        managedRules = ManagedRules(archiver: archiver, account: account)
        self.database = database
        self.clock = clock
        operations =
            ArchiveOperations(
                archiver: archiver, blocks: blocks, buses: buses, account: account, clock: { clock.now }
            ).all
            + ReplayOperations(
                database: database, archiver: archiver, blocks: blocks, runner: runner, matcher: matcher, buses: buses,
                account: account, clock: clock
            ).all
            + [BacktestOperation(archiver: archiver, blocks: blocks, matcher: matcher, buses: buses).operation]
    }

    let operations: [Operation]

    func start() async throws {
        try await archiver.start()
        try await runner.start()
    }

    func stop() async {
        await runner.stop()
        await archiver.stop()
    }

    func suspend() async {
        await runner.forget()
        await archiver.suspend()
    }

    func resume() async throws {
        try await archiver.resume()
        try await runner.start()
    }

    /// Lets go of what is past its time: archived events, and replays that are listed no more.
    func letGo() async throws {
        try await archiver.letGo()
        let time = clock.now - ReplayOperations.listed
        try await database.maintain { try ReplayStore.delete(startedBefore: time, $0) }
    }
}
