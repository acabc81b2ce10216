internal import API
internal import Core
internal import Platform
internal import Storage

/// Takes messages from one place to another: EventBridge Pipes.
///
///     PipeOperations ──► pipes ──► PipeDirector ──► PipeRun, one for each pipe that runs
///                                                     │
///              PipeSource ──► PipePlan (filter) ──► PipeExecution: enrichment, target ──► PipeSource (done)
///
/// A record leaves its source when the target has taken it, and not before.
final class PipeService: Sendable {
    /// All operations of the service, for the table.
    let operations: [Operation]

    private let director: PipeDirector

    init(
        database: Database, targets: TargetCaller, journal: any Journal, account: Account, clock: any Clock, log: Log
    ) {
        let director = PipeDirector(
            database: database, targets: targets, journal: journal, account: account, clock: clock, log: log)
        self.director = director
        operations =
            PipeOperations(database: database, director: director, journal: journal, account: account, clock: clock).all
    }

    /// Runs the pipes that are to run.
    func start() async throws { try await director.start() }

    /// Every pipe finishes what it has in its hands.
    func stop() async { await director.stop() }

    /// Holds still while the database is emptied beneath it; `start` goes on.
    func suspend() async { await director.suspend() }
}
