internal import API
internal import Core
internal import Platform
internal import Storage

/// Calls targets at set times: EventBridge Scheduler.
///
///     SchedulerOperations ──► schedules ──► SchedulerTimer ──► invocations ──► InvocationRunner ──► targets
///                                             (what is due)                        │ retries
///                                                                                  └──► dead-letter queues
///
/// `ScheduleMachine` decides when; `SchedulerTimer` makes invocations of what is due, `InvocationRunner` makes them
/// happen. What either has still to do is in the database.
final class SchedulerService: Sendable {
    /// All operations of the service, for the table.
    let operations: [Operation]

    private let database: Database
    private let timer: SchedulerTimer
    private let runner: InvocationRunner

    init(
        database: Database, targets: TargetCaller, account: Account, clock: any Clock, log: Log,
        zones: TimeZoneDatabase = TimeZoneDatabase()
    ) {
        let planner = SchedulePlanner(zones: zones, account: account)
        let runner = InvocationRunner(
            database: database, attempt: InvocationAttempt(targets: targets, account: account), clock: clock,
            log: log.named("invocations"))
        let timer = SchedulerTimer(
            database: database, planner: planner, clock: clock, log: log.named("schedules"),
            onFired: { Task { await runner.wake() } })
        self.database = database
        self.runner = runner
        self.timer = timer
        operations =
            SchedulerOperations(
                database: database, planner: planner, timer: timer, caller: targets.caller, clock: clock
            ).all
            + ScheduleGroupOperations(database: database, account: account).all
    }

    /// Finishes what an earlier run left, fires what it missed, and begins.
    func start() async throws {
        try await database.maintain { try SchedulerStore.ensureDefaultGroup($0) }
        await runner.resume()
        await timer.wake()
    }

    /// Nothing new fires; what runs is finished.
    func stop() async {
        await timer.stop()
        await runner.stop()
    }

    /// Holds still while the database is emptied beneath it, and forgets what it had begun; `start` goes on.
    func suspend() async {
        await timer.suspend()
        await runner.suspend()
    }
}
