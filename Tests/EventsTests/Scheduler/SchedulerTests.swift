import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Scheduler: what is due happens") struct SchedulerTests {
    private let clock = ManualClock()

    private func run(_ body: (TestEvents) async throws -> Void) async throws {
        try await TestEvents.run(try TestEvents(clock: clock), body)
    }

    @Test("A rate is due at once and then every period; the target gets the input, and a token of its own each time")
    func rate() async throws {
        try await run { engine in
            try await engine.schedule("rate(5 minutes)")
            try await eventually("the first") { engine.targets.calls.count == 1 }
            try await engine.advance(by: .seconds(300))
            try await eventually("the second") { engine.targets.calls.count == 2 }
            let calls = engine.targets.calls
            #expect(calls.map(\.operation) == ["sqs:SendMessage", "sqs:SendMessage"])
            #expect(engine.messages == ["hello", "hello"])
            #expect(calls[0].input["OpsBusMessageId"] != calls[1].input["OpsBusMessageId"])
            #expect(calls[0].context.principal == Principal("schedule/default/s"))
            try await eventually("all is settled") { try await engine.invocationCount() == 0 }
            let records = try await engine.audit("InvokeTarget")
            #expect(records.map(\.cause) == [Subject(.schedule, "default/s"), Subject(.schedule, "default/s")])
            #expect(records.map(\.subject) == calls.map(\.context.cause))
            #expect(records[0].detail["Operation"] == "sqs:SendMessage")
        }
    }

    @Test("A cron in a time zone follows its clocks; a one-time schedule in its zone is due once, and deletes itself")
    func zones() async throws {
        try await run { engine in
            // It is 08:00 UTC: 09:00 in Berlin, 03:00 in New York.
            try await engine.schedule(
                "cron(30 9 * * ? *)", name: "berlin", ["ScheduleExpressionTimezone": "Europe/Berlin"])
            try await engine.schedule(
                "at(2027-01-15T03:10:00)", name: "once",
                ["ScheduleExpressionTimezone": "America/New_York", "ActionAfterCompletion": "DELETE"])
            try await engine.advance(by: .seconds(600))
            try await eventually("once") { engine.targets.calls.count == 1 }
            try await eventually("it is gone") {
                try await engine.call("scheduler:ListSchedules")["Schedules"]?.array?.count == 1
            }
            #expect(try await engine.audit("DeleteSchedule").map(\.subject) == [Subject(.schedule, "default/once")])
            try await engine.advance(by: .seconds(1200))
            try await eventually("berlin") { engine.targets.calls.count == 2 }
            try await eventually("tomorrow") { clock.alarms.contains(clock.now + .seconds(86_400)) }
        }
    }

    @Test("Placeholders are filled in; without an input the target gets the event that the service sends")
    func payloads() async throws {
        try await run { engine in
            engine.targets.fail(.throttling)
            let input: JSON = .string(
                "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number> "
                    + "<aws.scheduler.execution-id>")
            try await engine.schedule(
                "at(2027-01-15T08:01:00)",
                ["Target": TestEvents.scheduleTarget(TestEvents.queue, ["Input": input])])
            try await engine.advance(by: .seconds(60))
            try await eventually("the first attempt") { engine.messages.count == 1 }
            engine.targets.succeed()
            clock.advance(by: .seconds(1))
            try await eventually("the second attempt") { engine.messages.count == 2 }
            let arn = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/s"
            let words = engine.messages.map { $0?.string?.split(separator: " ").map(String.init) ?? [] }
            let time = "2027-01-15T08:01:00Z"
            #expect(words.map { $0.prefix(3) } == [[arn, time, "1"], [arn, time, "2"]])
            #expect(words[0].last == words[1].last && Identifier(words[0].last ?? "") != nil)

            try await engine.schedule(
                "at(2027-01-15T08:05:00)", name: "bare",
                ["Target": ["Arn": .string(TestEvents.queue), "RoleArn": .string(TestEvents.role)]])
            try await eventually("an alarm") { clock.alarms.contains(ScheduleExpression.time("2027-01-15T08:05:00Z")) }
            clock.advance(to: ScheduleExpression.time("2027-01-15T08:05:00Z"))
            try await eventually("it is called") { engine.messages.count == 3 }
            let event = try JSON(parsing: engine.messages[2]?.string ?? "")
            #expect(event["source"] == "aws.scheduler" && event["detail-type"] == "Scheduled Event")
            #expect(event["time"] == "2027-01-15T08:05:00Z" && event["detail"] == "{}")
            #expect(event["resources"]?[0] == .string(arn.dropLast() + "bare"))
        }
    }

    @Test("A flexible window delays the call, not the scheduled time")
    func window() async throws {
        try await run { engine in
            try await engine.schedule(
                "at(2027-01-15T08:10:00)",
                [
                    "FlexibleTimeWindow": ["Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10],
                    "Target": TestEvents.scheduleTarget(
                        TestEvents.queue, ["Input": "<aws.scheduler.scheduled-time>"]),
                ])
            let upcoming = try await engine.call("scheduler:ListUpcomingTimes", ["Name": "s"])["Times"]?[0]
            let due = try #require(upcoming?["InvocationTime"]?.timestamp ?? upcoming?["ScheduledTime"]?.timestamp)
            #expect(due >= clock.now + .seconds(600) && due < clock.now + .seconds(1200))
            try await engine.advance(by: due - clock.now)
            try await eventually("it is called") { engine.messages == ["2027-01-15T08:10:00Z"] }
        }
    }

    @Test("A failing target is called again as its policy says, then its dead-letter queue learns why")
    func deadLetters() async throws {
        try await run { engine in
            let queue = "arn:aws:sqs:us-east-1:123456789012:dlq"
            engine.targets.answer { call throws(ServiceError) in
                if call.input["QueueUrl"]?.string?.hasSuffix("/dlq") == true { return ["MessageId": "m"] }
                throw ServiceError(.throttling, "busy\u{7}")
            }
            try await engine.schedule(
                "at(2027-01-15T08:01:00)",
                [
                    "Target": TestEvents.scheduleTarget(
                        TestEvents.queue,
                        [
                            "DeadLetterConfig": ["Arn": .string(queue)], "Input": "try <aws.scheduler.attempt-number>",
                            "RetryPolicy": ["MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 3600],
                        ])
                ])
            try await engine.advance(by: .seconds(60))
            try await eventually("the first attempt") { engine.targets.calls.count == 1 }
            try await eventually("a retry is planned") { try await engine.audit("InvokeTarget").count == 1 }
            clock.advance(by: .seconds(1))
            try await eventually("the queue is told") { engine.targets.calls.count == 3 }
            let message = engine.targets.calls[2].input
            #expect(message["MessageBody"] == "try 2", "as the last attempt had it")
            let attributes = message["MessageAttributes"]
            #expect(attributes?["ERROR_CODE"]?["StringValue"] == "THROTTLING")
            let text = attributes?["ERROR_MESSAGE"]?["StringValue"]?.string
            #expect(text?.hasSuffix("busy\u{FFFD}") == true, "no queue takes a control character")
            #expect(attributes?["EXHAUSTED_RETRY_CONDITION"]?["StringValue"] == "MaximumRetryAttempts")
            #expect(attributes?["RETRY_ATTEMPTS"]?["StringValue"] == "1")
            #expect(attributes?["SCHEDULED_TIME"]?["StringValue"] == "2027-01-15T08:01:00Z")
            #expect(attributes?["TARGET_ARN"]?["StringValue"] == .string(TestEvents.queue))
            try await eventually("all is settled") { try await engine.invocationCount() == 0 }
            try await eventually("an event tells") { try engine.events().count == 1 }
            let event = try #require(try engine.events().first)
            #expect(event["detail-type"] == "Schedule Invocation Failed" && event["detail"]?["Attempts"] == 2)
        }
    }

    @Test("What no retry can mend is given up at once; without a queue it is in the audit log and an event")
    func givenUp() async throws {
        try await run { engine in
            engine.targets.fail(.resourceNotFound)
            try await engine.schedule("at(2027-01-15T08:01:00)", ["ActionAfterCompletion": "DELETE"])
            try await engine.advance(by: .seconds(60))
            try await eventually("it is given up") { try await engine.audit("InvokeTarget").count == 1 }
            try await eventually("the schedule is gone") { try await engine.audit("DeleteSchedule").count == 1 }
            #expect(engine.targets.calls.count == 1)
            #expect(try await engine.audit("InvokeTarget")[0].outcome == .failure("NO_RESOURCE"))
        }
    }

    @Test("A disabled schedule is not due, one enabled again is; a deleted one stops being tried")
    func changes() async throws {
        try await run { engine in
            try await engine.schedule("at(2027-01-15T08:01:07)", ["State": "DISABLED"])
            #expect(!clock.alarms.contains(clock.now + .seconds(67)))
            try await engine.call("scheduler:UpdateSchedule", TestEvents.schedule("at(2027-01-15T08:02:00)"))
            engine.targets.fail(.throttling)
            try await engine.advance(by: .seconds(120))
            try await eventually("it is tried") { try await engine.audit("InvokeTarget").count == 1 }
            try await engine.call("scheduler:DeleteSchedule", ["Name": "s"])
            #expect(try await engine.invocationCount() == 0)
        }
    }

    @Test("Saving a schedule again restarts nothing; another expression does")
    func anchors() async throws {
        try await run { engine in
            let next = { try await engine.call("scheduler:ListUpcomingTimes", ["Name": "s"])["Times"]?[0] }
            try await engine.schedule("rate(5 minutes)")
            try await eventually("the first") { engine.targets.calls.count == 1 }
            clock.advance(by: .seconds(60))
            try await engine.call(
                "scheduler:UpdateSchedule", TestEvents.schedule("rate(5 minutes)", ["Description": "changed"]))
            #expect(try await next()?["ScheduledTime"] == "2027-01-15T08:05:00Z")
            try await engine.call("scheduler:UpdateSchedule", TestEvents.schedule("rate(10 minutes)"))
            try await eventually("it is due at once") { engine.targets.calls.count == 2 }
            clock.advance(by: .seconds(1))
            #expect(try await next()?["ScheduledTime"] == "2027-01-15T08:11:00Z")
        }
    }

    @Test("Any operation of the table is a target, under its name in the SDKs")
    func universal() async throws {
        try await run { engine in
            try await engine.schedule(
                "at(2027-01-15T08:01:00)",
                [
                    "Target": TestEvents.scheduleTarget(
                        "arn:aws:scheduler:::aws-sdk:cloudwatchlogs:createLogGroup",
                        ["Input": #"{"logGroupName": "/made/<aws.scheduler.execution-id>"}"#])
                ])
            try await engine.schedule(
                "at(2027-01-15T08:01:00)", name: "bus",
                [
                    "Target": TestEvents.scheduleTarget(
                        "arn:aws:events:us-east-1:123456789012:event-bus/default",
                        [
                            "Input": #"{"n": 1}"#,
                            "EventBridgeParameters": ["Source": "app", "DetailType": "Tick"],
                        ])
                ])
            try await engine.advance(by: .seconds(60))
            try await eventually("both are done") { try await engine.audit("InvokeTarget").count == 2 }
            let groups = try await engine.call("logs:DescribeLogGroups")["logGroups"]?.array ?? []
            #expect(groups.count == 1 && groups[0]["logGroupName"]?.string?.hasPrefix("/made/") == true)
            try await eventually("the event is there") { try engine.events().count == 1 }
            let event = try #require(try engine.events().first)
            #expect(event["detail"] == ["n": 1] && event["detail-type"] == "Tick" && event["source"] == "app")
        }
    }

    @Test("What was due while nobody was there is called once and told; what load delays is only late")
    func missed() async throws {
        let path = try TemporaryDirectory()
        let database = { try TestEvents.database(path.path + "/state.db", clock: clock) }
        let first = try TestEvents(clock: clock, database: database())
        try await TestEvents.run(first) { engine in
            try await engine.schedule("cron(2/5 * * * ? *)")
        }
        await first.database.close()
        clock.advance(by: .seconds(3700))
        let second = try TestEvents(clock: clock, journal: first.journal, database: database())
        try await TestEvents.run(second) { engine in
            try await eventually("it is called") { engine.targets.calls.count == 1 }
            try await eventually("it is told") { try engine.events().count == 1 }
            let detail = try engine.events()[0]["detail"]
            #expect(detail?["FiredForTime"] == "2027-01-15T08:57:00Z" && detail?["PassedOverCount"] == 11)

            try await engine.database.refuse("INSERT ON scheduler_invocations")
            try await engine.advance(by: .seconds(20))
            try await eventually("it waits a second") { clock.alarms.contains(clock.now + .seconds(1)) }
            clock.advance(by: .seconds(100))
            try await eventually("it waits again") { clock.alarms.contains(clock.now + .seconds(1)) }
            try await engine.database.allow("INSERT ON scheduler_invocations")
            clock.advance(by: .seconds(1))
            try await eventually("it is called") { engine.targets.calls.count == 2 }
            try await eventually("all is settled") { try await engine.invocationCount() == 0 }
            #expect(try engine.events().count == 1)
        }
        await second.database.close()
    }

    @Test("Many thousand schedules wait on one alarm, and all that are due together are called")
    func many() async throws {
        try await run { engine in
            let account = Account()
            let definition = try ScheduleDefinition.checked(
                TestEvents.schedule("at(2027-01-15T09:00:00)"), now: clock.now,
                SchedulePlanner(zones: TimeZoneDatabase(), account: account), engine.targets)
            let start = clock.now
            try await engine.database.maintain { transaction in
                for number in 0..<5000 {
                    // A few are due at nine, the others a day later.
                    let due = start + .seconds(number % 10 == 0 ? 3600 : 90_000)
                    try SchedulerStore.put(
                        Schedule(
                            group: "default", name: "s\(number)", definition: definition, created: start,
                            modified: start, anchor: start, plan: Schedule.Plan(scheduled: due, due: due)),
                        transaction)
                }
            }
            try await engine.schedule("at(2027-01-15T09:30:00)", name: "last")
            try await engine.advance(by: .seconds(3600))
            try await eventually("all are called") { engine.targets.calls.count == 500 }
            try await eventually("all is settled") { try await engine.invocationCount() == 0 }
            #expect(Set(engine.targets.calls.map(\.context.principal)).count == 500)
            try await eventually("one alarm") { clock.alarms.contains(clock.now + .seconds(1800)) }
        }
    }
}

extension ScheduleExpression {
    /// An instant for tests, which must exist.
    static func time(_ text: String) -> Timestamp {
        guard let time = Timestamp(rfc3339: text) else { preconditionFailure("\(text) is no time") }
        return time
    }
}
