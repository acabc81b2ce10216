internal import API
internal import Core
internal import Platform

/// Checks what a schedule is to be, beyond the shapes of its members.
enum ScheduleDefinition {
    /// How long before now a StartDate may be.
    private static let startAgeMax = Duration.seconds(300)

    /// The members that make a schedule, with the defaults filled in.
    /// - Parameter input: Of `CreateSchedule` or `UpdateSchedule`, of the right shape.
    /// - Throws: `ServiceError` `.validation` in the service's words.
    static func checked(
        _ input: JSON, now: Timestamp, _ planner: SchedulePlanner, _ caller: any OperationCaller
    ) throws -> JSON {
        var definition = input
        for member in ["Name", "GroupName", "ClientToken"] { definition[member] = nil }
        for member in definition.object?.members ?? [] where member.value.isNull { definition[member.key] = nil }
        for (member, value) in [
            ("ScheduleExpressionTimezone", "UTC"), ("State", "ENABLED"), ("ActionAfterCompletion", "NONE"),
        ] where definition[member] == nil { definition[member] = .string(value) }
        for member in ["StartDate", "EndDate"] {
            // Whole seconds, as the service keeps them.
            definition[member] = definition[member]?.timestamp.map { .string($0.description) }
        }
        definition["Target"] = target(definition["Target"] ?? [:])
        try checkDates(definition, now)
        try checkWindow(definition)
        try checkTimes(definition, now, planner)
        _ = try SchedulerTarget(definition["Target"] ?? [:], account: planner.account, operations: caller.find)
        return definition
    }

    private static func target(_ given: JSON) -> JSON {
        var target = given
        target["RetryPolicy"] = [
            "MaximumEventAgeInSeconds": given["RetryPolicy"]?["MaximumEventAgeInSeconds"]
                ?? .integer(Limits.retryAgeSecondsMax),
            "MaximumRetryAttempts": given["RetryPolicy"]?["MaximumRetryAttempts"] ?? .integer(Limits.retryAttemptsMax),
        ]
        return target
    }

    private static func checkDates(_ definition: JSON, _ now: Timestamp) throws(ServiceError) {
        let start = definition["StartDate"]?.timestamp
        let end = definition["EndDate"]?.timestamp
        if let start, start < now - startAgeMax {
            throw ServiceError(.validation, "The StartDate you specify cannot be earlier than 5 minutes ago.")
        }
        if let end, end < now {
            throw ServiceError(.validation, "The EndDate you specify cannot be in the past.")
        }
        if let start, let end, end <= start {
            throw ServiceError(.validation, "The EndDate you specify must be later than the StartDate.")
        }
    }

    private static func checkWindow(_ definition: JSON) throws(ServiceError) {
        let window = definition["FlexibleTimeWindow"]
        if window?["Mode"] == "FLEXIBLE" && window?["MaximumWindowInMinutes"]?.int == nil {
            throw ServiceError(.validation, "FlexibleTimeWindow of Mode FLEXIBLE needs MaximumWindowInMinutes.")
        }
    }

    private static func checkTimes(_ definition: JSON, _ now: Timestamp, _ planner: SchedulePlanner) throws {
        let text = definition["ScheduleExpression"]?.string ?? ""
        let expression = try expression(text)
        let zone = try zone(definition["ScheduleExpressionTimezone"]?.string ?? "UTC", planner)
        if case .at(let local) = expression, zone.firstInstant(showing: local) == nil {
            throw ServiceError(
                .validation,
                "Invalid Schedule Expression \(text). Reason: the clocks of "
                    + "\(definition["ScheduleExpressionTimezone"]?.string ?? "UTC") skip that time.")
        }
    }

    static func expression(_ text: String) throws(ServiceError) -> ScheduleExpression {
        do throws(ScheduleError) {
            return try ScheduleExpression(parsing: text)
        } catch {
            throw ServiceError(.validation, "Invalid Schedule Expression \(text). Reason: \(error.message).")
        }
    }

    static func zone(_ name: String, _ planner: SchedulePlanner) throws(ServiceError) -> TimeZoneRules {
        do throws(TimeZoneError) {
            return try planner.zones.rules(of: name)
        } catch {
            throw ServiceError(.validation, "Invalid Schedule Expression Timezone \(name). Reason: \(error.message)")
        }
    }
}
