internal import API
internal import Core
internal import Platform
internal import Storage

/// Notices when schedules are due, and makes invocations of them.
///
/// It sleeps until the first of all schedules is due: those that wait cost nothing, however many they are. An
/// invocation and its schedule's next due time are one transaction, so a firing is neither lost nor repeated by a
/// crash.
///
/// Times missed while the server was down: the target is called once at start, for the latest time missed, and an event
/// `Schedule Missed` on the default bus tells how many were passed over. A one-time schedule fires late.
actor SchedulerTimer {
    private let database: Database
    private let planner: SchedulePlanner
    private let clock: any Clock
    private let log: Log
    /// Called once new invocations are durable.
    private let onFired: @Sendable () -> Void
    private var random = BlockRandom()
    private var runner: Task<Void, Never>?
    /// When it will look at the schedules by itself; nil while it does, or when there is nothing to wait for.
    private var alarm: Timestamp?
    /// When it began to fire what it is firing now; nil while nothing is due. What is due then and waits for its turn
    /// is delayed by load, not missed.
    private var noticed: Timestamp?
    private var isStopped = false

    /// Schedules fired in one transaction.
    private static let batchMax = 500

    init(
        database: Database, planner: SchedulePlanner, clock: any Clock, log: Log,
        onFired: @escaping @Sendable () -> Void
    ) {
        self.database = database
        self.planner = planner
        self.clock = clock
        self.log = log
        self.onFired = onFired
    }

    /// Starts, or looks again at the schedules after a change.
    /// - Parameter due: When a changed schedule is due: nothing is to be done where the alarm is set earlier. Nil to
    ///   look in any case.
    func wake(for due: Timestamp? = nil) {
        if let due, let alarm, alarm <= due { return }
        runner?.cancel()
        guard !isStopped else { return }
        alarm = nil
        runner = Task { await self.run() }
    }

    /// Fires nothing more once it has returned.
    func stop() async {
        isStopped = true
        await suspend()
    }

    /// Fires nothing more until it is woken.
    func suspend() async {
        runner?.cancel()
        await runner?.value
        alarm = nil
        noticed = nil
    }

    private func run() async {
        while !Task.isCancelled {
            do {
                let now = clock.now
                let (schedules, next) = try await database.read { transaction in
                    (
                        try SchedulerStore.due(at: now, limit: SchedulerTimer.batchMax, transaction),
                        try SchedulerStore.nextDue(transaction)
                    )
                }
                if !schedules.isEmpty {
                    let noticed = noticed ?? now
                    self.noticed = noticed
                    try await fire(schedules, noticed: noticed, now: now)
                } else if let next {
                    noticed = nil
                    alarm = next
                    try await clock.sleep(until: next)
                    alarm = nil
                } else {
                    noticed = nil
                    alarm = nil
                    return
                }
            } catch is CancellationError {
                return
            } catch {
                log.error("schedules: \(error); trying again in a second")
                // A cancelled sleep ends the loop at its condition.
                try? await clock.sleep(for: .seconds(1))
            }
        }
    }

    /// A schedule and what becomes of its plan.
    fileprivate struct Step: Sendable {
        let schedule: Schedule
        let invocation: Invocation
        let firing: ScheduleMachine.Firing
        let eventID: Identifier
    }

    private func fire(_ schedules: [Schedule], noticed: Timestamp, now: Timestamp) async throws {
        var steps: [Step] = []
        var broken: [Schedule] = []
        for schedule in schedules {
            guard let plan = schedule.plan else { continue }
            do {
                let firing = try planner.machine(of: schedule).fire(plan, now: noticed)
                let invocation = Invocation(of: schedule, for: firing.scheduled, at: now, in: planner.account)
                steps.append(
                    Step(
                        schedule: schedule, invocation: invocation, firing: firing,
                        eventID: Identifier(using: &random)))
            } catch {
                log.error("\(schedule.subject) cannot fire: \(error) It is tried again in a minute.")
                broken.append(schedule)
            }
        }
        try await record(steps, now: now)
        try await postpone(broken, until: now + .seconds(60))
    }

    private func record(_ steps: [Step], now: Timestamp) async throws {
        if steps.isEmpty { return }
        let account = planner.account
        let onFired = onFired
        try await database.write(.system) { transaction in
            for step in steps {
                guard try SchedulerStore.advance(step.schedule, to: step.firing.next, transaction) else { continue }
                try InvocationStore.insert(step.invocation, transaction)
                let context = OperationContext.system.caused(by: step.schedule.subject)
                try transaction.audit(
                    "FireSchedule", on: step.invocation.subject, outcome: .success,
                    detail: [
                        "ScheduledTime": .string(step.firing.scheduled.description),
                        "PassedOverCount": .integer(step.firing.passedOver),
                    ], context: context)
                if step.firing.isMissed {
                    try transaction.put(step.missed(at: now, in: account), context: context)
                }
            }
            transaction.afterCommit(onFired)
        }
        for step in steps where step.firing.isMissed {
            log.warning("\(step.schedule.subject) was due before; \(step.firing.passedOver) times passed over")
        }
    }

    private func postpone(_ schedules: [Schedule], until due: Timestamp) async throws {
        if schedules.isEmpty { return }
        try await database.maintain { transaction in
            for schedule in schedules {
                guard let plan = schedule.plan else { continue }
                _ = try SchedulerStore.advance(
                    schedule, to: Schedule.Plan(scheduled: plan.scheduled, due: due), transaction)
            }
        }
    }
}

extension SchedulerTimer.Step {
    /// Tells that the schedule was not fired when it was due.
    func missed(at now: Timestamp, in account: Account) -> EventEnvelope {
        let first = schedule.plan?.scheduled ?? firing.scheduled
        return EventEnvelope(
            id: eventID, source: "opsbus.schedules", detailType: "Schedule Missed", account: account, time: now,
            resources: [schedule.arn(in: account)],
            detail: [
                "ScheduleName": .string(schedule.name), "GroupName": .string(schedule.group),
                "ScheduleExpression": .string(schedule.expression), "FirstMissedTime": .string(first.description),
                "FiredForTime": .string(firing.scheduled.description),
                "PassedOverCount": .integer(firing.passedOver),
            ])
    }
}
