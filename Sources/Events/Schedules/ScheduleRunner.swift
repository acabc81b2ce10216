internal import API
internal import Core
internal import Platform
internal import Storage

/// Fires the schedules of rules when they are due.
///
/// The event and the next due time are one transaction, so a firing is neither lost nor repeated by a crash.
///
/// Times missed while the server was down: a schedule fires once at start, for the latest time missed, and an event
/// `Schedule Missed` on the default bus tells how many were passed over. A one-time schedule fires late.
actor ScheduleRunner {
    private let database: Database
    private let account: Account
    private let clock: any Clock
    private let log: Log
    private var random = BlockRandom()
    private var runner: Task<Void, Never>?
    private var isStopped = false

    /// A firing later than this was missed rather than delayed by load.
    private static let missedAfter = Duration.seconds(60)

    init(database: Database, account: Account, clock: any Clock, log: Log) {
        self.database = database
        self.account = account
        self.clock = clock
        self.log = log
    }

    /// Starts, or looks again at the schedules after a change.
    func wake() {
        runner?.cancel()
        guard !isStopped else { return }
        runner = Task { await self.run() }
    }

    func stop() {
        isStopped = true
        runner?.cancel()
    }

    private func run() async {
        while !Task.isCancelled {
            do {
                let upcoming = try await database.read { try ScheduleStore.upcoming($0) }
                let now = clock.now
                guard let next = upcoming.first?.due else { return }
                // What has fired is due again at a time that only the next look shows.
                for schedule in upcoming where schedule.due <= now { try await fire(schedule, now: now) }
                try await clock.sleep(until: next)
            } catch is CancellationError {
                return
            } catch {
                log.error("schedules: \(error); trying again in a second")
                try? await clock.sleep(for: .seconds(1))
            }
        }
    }

    private func fire(_ schedule: ScheduleStore.Due, now: Timestamp) async throws {
        let expression = try ScheduleExpression(parsing: schedule.expression)
        var due = schedule.due
        var missedCount = 0
        var next = expression.next(after: due, anchor: schedule.anchor)
        while let later = next, later <= now {
            missedCount += 1
            due = later
            next = expression.next(after: later, anchor: schedule.anchor)
        }
        try await record(schedule, firedFor: due, next: next, missedCount: missedCount, now: now)
    }

    private func record(
        _ schedule: ScheduleStore.Due, firedFor due: Timestamp, next: Timestamp?, missedCount: Int, now: Timestamp
    ) async throws {
        let rule = Rule(name: schedule.rule, bus: schedule.bus)
        let arn = rule.arn(in: account).description
        let event = EventEnvelope(
            id: Identifier(using: &random), source: "aws.events", detailType: "Scheduled Event", account: account,
            time: due, resources: [arn], detail: [:])
        let missed = EventEnvelope(
            id: Identifier(using: &random), source: "opsbus.schedules", detailType: "Schedule Missed",
            account: account, time: now, resources: [arn],
            detail: [
                "RuleName": .string(schedule.rule), "ScheduleExpression": .string(schedule.expression),
                "FirstMissedTime": .string(schedule.due.description), "FiredForTime": .string(due.description),
                "PassedOverCount": .integer(missedCount),
            ])
        let isLate = now - schedule.due > ScheduleRunner.missedAfter
        let context = OperationContext(principal: .system, cause: rule.subject)
        let hasFired = try await database.write(context) { transaction in
            guard try ScheduleStore.setDue(next, of: schedule, transaction) else { return false }
            try transaction.put(event, bus: schedule.bus, onlyRule: schedule.rule)
            if isLate { try transaction.put(missed) }
            return true
        }
        if hasFired && isLate {
            log.warning("schedule of rule \(schedule.rule) was due \(schedule.due); \(missedCount) passed over")
        }
    }
}
