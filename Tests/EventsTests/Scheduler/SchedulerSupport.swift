import Core
import Storage
import TestSupport
import Testing

@testable import Events

extension TestEvents {
    static let role = "arn:aws:iam::123456789012:role/r"
    static let queue = "arn:aws:sqs:us-east-1:123456789012:q"

    static func scheduleTarget(_ arn: String = queue, _ more: JSON = [:]) -> JSON {
        var target: JSON = ["Arn": .string(arn), "RoleArn": .string(role), "Input": "hello"]
        for member in more.object ?? JSONObject() { target[member.key] = member.value }
        return target
    }

    /// The input of `CreateSchedule`; members of `more` replace those of their names, and null removes them.
    static func schedule(_ expression: String, name: String = "s", _ more: JSON = [:]) -> JSON {
        var input: JSON = [
            "Name": .string(name), "ScheduleExpression": .string(expression), "Target": scheduleTarget(),
            "FlexibleTimeWindow": ["Mode": "OFF"],
        ]
        for member in more.object ?? JSONObject() { input[member.key] = member.value.isNull ? nil : member.value }
        return input
    }

    @discardableResult
    func schedule(_ expression: String, name: String = "s", _ more: JSON = [:]) async throws -> JSON {
        try await call("scheduler:CreateSchedule", TestEvents.schedule(expression, name: name, more))
    }

    /// Moves the time on once the timer waits for that.
    func advance(by duration: Duration) async throws {
        let due = clock.now + duration
        try await eventually("an alarm at \(due)") { clock.alarms.contains(due) }
        clock.advance(by: duration)
    }

    /// The bodies sent to queues so far.
    var messages: [JSON?] { targets.calls.filter { $0.operation == "sqs:SendMessage" }.map { $0.input["MessageBody"] } }

    func invocationCount() async throws -> Int {
        try await database.read { try $0.queryOne("SELECT count(*) FROM scheduler_invocations") { try $0[0] } ?? 0 }
    }
}
