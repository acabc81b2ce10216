internal import Core

/// A named time at which a target is called, once or again and again.
/// - Source: `CreateSchedule` of the EventBridge Scheduler API, member by member.
struct Schedule: Sendable, Hashable {
    let group: String
    let name: String
    /// What `CreateSchedule` was given but names and token, the defaults filled in.
    let definition: JSON
    let created: Timestamp
    let modified: Timestamp
    /// What `rate()` counts from where there is no StartDate.
    let anchor: Timestamp
    /// When it is next due; nil where it is never due again, or disabled.
    var plan: Plan?

    /// One time at which a schedule is due.
    struct Plan: Sendable, Hashable {
        /// What the expression says, and the target is told.
        var scheduled: Timestamp
        /// When the target is called: later by something where a flexible window allows it.
        var due: Timestamp
    }

    static let defaultGroup = "default"

    func arn(in account: Account) -> String { account.arn("scheduler", "schedule/\(group)/\(name)").description }

    /// What the audit log calls it.
    var subject: Subject { Subject(.schedule, "\(group)/\(name)") }

    var expression: String { definition["ScheduleExpression"]?.string ?? "" }
    var zone: String { definition["ScheduleExpressionTimezone"]?.string ?? "UTC" }
    var isEnabled: Bool { definition["State"] == "ENABLED" }
    /// Whether it goes away once it has been due for the last time.
    var isDeletedAtEnd: Bool { definition["ActionAfterCompletion"] == "DELETE" }
    var target: JSON { definition["Target"] ?? [:] }

    /// Zero where the target is called at once.
    var window: Duration {
        let window = definition["FlexibleTimeWindow"]
        guard window?["Mode"] == "FLEXIBLE" else { return .zero }
        return .seconds(60 * (window?["MaximumWindowInMinutes"]?.int ?? 0))
    }

    /// Whether both are due at the same times; a change of anything else restarts nothing.
    func hasSameTimes(as other: Schedule) -> Bool {
        ["ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "FlexibleTimeWindow", "State"]
            .allSatisfy { definition[$0] == other.definition[$0] }
    }

    /// What `GetSchedule` answers.
    func json(in account: Account) -> JSON {
        var json: JSON = [
            "Arn": .string(arn(in: account)), "GroupName": .string(group), "Name": .string(name),
            "CreationDate": .string(created.millisecondDescription),
            "LastModificationDate": .string(modified.millisecondDescription),
        ]
        for member in definition.object ?? JSONObject() { json[member.key] = member.value }
        return json
    }

    /// What `ListSchedules` answers.
    func summary(in account: Account) -> JSON {
        var summary = json(in: account)
        for member in summary.object?.keys ?? [] where !Schedule.summaryMembers.contains(member) {
            summary[member] = nil
        }
        summary["Target"] = ["Arn": target["Arn"] ?? .null]
        return summary
    }

    private static let summaryMembers: Set = [
        "Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate", "Target",
    ]
}

/// A named set of schedules, which is tagged and deleted as one.
struct ScheduleGroup: Sendable, Hashable {
    let name: String
    let created: Timestamp
    let modified: Timestamp

    /// What `GetScheduleGroup` answers.
    func json(in account: Account) -> JSON {
        [
            "Arn": .string(ScheduleGroup.arn(name, in: account)), "Name": .string(name), "State": "ACTIVE",
            "CreationDate": .string(created.millisecondDescription),
            "LastModificationDate": .string(modified.millisecondDescription),
        ]
    }

    static func arn(_ name: String, in account: Account) -> String {
        account.arn("scheduler", "schedule-group/\(name)").description
    }

    /// What the audit log calls it.
    static func subject(_ name: String) -> Subject { Subject(.schedule, name) }
}
