internal import API
internal import Core
internal import Platform
internal import Storage

/// `scheduler:ListUpcomingTimes`, an operation of our own: when a schedule, or an expression, will be due.
struct UpcomingTimes: Sendable {
    let database: Database
    let planner: SchedulePlanner
    let clock: any Clock

    private static let countMax = 1000

    var all: [Operation] {
        [
            Operation(
                "scheduler:ListUpcomingTimes",
                "Lists the next times of a schedule, or of an expression in a time zone.", .reads,
                input: [
                    .optional("Name", SchedulerOperations.name), .optional("GroupName", SchedulerOperations.name),
                    .optional("ScheduleExpression", .string(length: 1...256)),
                    .optional("ScheduleExpressionTimezone", .string(length: 1...50)),
                    .optional("StartDate", .timestamp), .optional("EndDate", .timestamp),
                    .optional("Count", .integer(1...UpcomingTimes.countMax)),
                ], handler: list)
        ]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let now = clock.now
        guard (input["Name"] == nil) != (input["ScheduleExpression"] == nil) else {
            throw ServiceError(.validation, "Give the Name of a schedule, or a ScheduleExpression.")
        }
        let schedule = try await self.schedule(input, now)
        let zone = try ScheduleDefinition.zone(schedule.zone, planner)
        _ = try ScheduleDefinition.expression(schedule.expression)
        let machine = try planner.machine(of: schedule)
        var times: [JSON] = []
        var next = schedule.isEnabled ? machine.first(from: now) : nil
        while let plan = next, times.count < input["Count"]?.int ?? 10 {
            var time: JSON = [
                "ScheduledTime": .string(plan.scheduled.description),
                "LocalTime": .string(zone.rfc3339(plan.scheduled)),
            ]
            if plan.due != plan.scheduled { time["InvocationTime"] = .string(plan.due.description) }
            times.append(time)
            next = machine.first(from: plan.scheduled + .microseconds(1))
        }
        return ["Times": .array(times), "ScheduleExpressionTimezone": .string(schedule.zone)]
    }

    private func schedule(_ input: JSON, _ now: Timestamp) async throws -> Schedule {
        guard let name = input["Name"]?.string else {
            var definition = input
            definition["State"] = "ENABLED"
            return Schedule(
                group: "", name: "", definition: definition, created: now, modified: now, anchor: now, plan: nil)
        }
        let group = input["GroupName"]?.string ?? Schedule.defaultGroup
        return try await database.read { transaction in
            guard let schedule = try SchedulerStore.find(group, name, transaction) else {
                throw try SchedulerOperations.absent(group, name, transaction)
            }
            return schedule
        }
    }
}
