internal import API
internal import Core
internal import Platform

/// Decides when a schedule's target is called next, and what a call that is due stands for.
struct ScheduleMachine: Sendable, Hashable {
    let times: ScheduleTimes
    /// How much later than scheduled a call may be; zero for not at all.
    let window: Duration
    /// The schedule's ARN: calls of different schedules spread over their windows differently, and those of one
    /// the same way whenever they are computed.
    let seed: String

    /// What becomes of a plan whose time has come.
    struct Firing: Sendable, Hashable {
        /// The scheduled time that the call is for.
        var scheduled: Timestamp
        /// Times before it that nothing was called for.
        var passedOver = 0
        /// Whether it is late because nobody was there to call, rather than for a moment's load.
        var isMissed = false
        /// Nil where the schedule is never due again.
        var next: Schedule.Plan?
    }

    /// A call later than this was missed.
    static let missedAfter = Duration.seconds(60)

    /// The first plan from an instant on; nil where there is none.
    func first(from instant: Timestamp) -> Schedule.Plan? { times.first(from: instant).map(plan) }

    /// What to do about a plan that is due.
    ///
    /// Where its time was missed, the target is called once for the latest time missed; the others are passed over.
    func fire(_ plan: Schedule.Plan, now: Timestamp) -> Firing {
        guard now - plan.due > ScheduleMachine.missedAfter else {
            return Firing(scheduled: plan.scheduled, next: next(after: plan.scheduled))
        }
        let latest = times.latest(from: plan.scheduled, through: now)
        return Firing(
            scheduled: latest.time, passedOver: latest.passedOver, isMissed: true, next: next(after: latest.time))
    }

    private func next(after instant: Timestamp) -> Schedule.Plan? { times.next(after: instant).map(plan) }

    private func plan(_ scheduled: Timestamp) -> Schedule.Plan {
        Schedule.Plan(scheduled: scheduled, due: scheduled + delay(of: scheduled))
    }

    /// In whole seconds, evenly spread over the window, or as much of it as there is before the next time: a call that
    /// waited longer would hold up those after it.
    private func delay(of scheduled: Timestamp) -> Duration {
        guard window > .zero else { return .zero }
        let room = times.next(after: scheduled).map { min(window, $0 - scheduled) } ?? window
        let draw = TargetCall.token(of: "\(seed) \(scheduled)").low & (1 << 62 - 1)
        return .seconds(Int64(draw % UInt64(room.components.seconds)))
    }
}

/// Makes machines of schedules.
struct SchedulePlanner: Sendable {
    let zones: TimeZoneDatabase
    let account: Account

    /// - Throws: `ScheduleError`, `TimeZoneError`.
    func machine(of schedule: Schedule) throws -> ScheduleMachine {
        let definition = schedule.definition
        let times = ScheduleTimes(
            try ScheduleExpression(parsing: schedule.expression), in: try zones.rules(of: schedule.zone),
            start: definition["StartDate"]?.timestamp, end: definition["EndDate"]?.timestamp, anchor: schedule.anchor)
        return ScheduleMachine(times: times, window: schedule.window, seed: schedule.arn(in: account))
    }
}
