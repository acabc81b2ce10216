import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Scheduler operations") struct SchedulerOperationsTests {
    private let clock = ManualClock()

    private func run(_ body: (TestEvents) async throws -> Void) async throws {
        try await TestEvents.run(try TestEvents(clock: clock), body)
    }

    private func refusal(_ engine: TestEvents, _ input: JSON) async -> ServiceError? {
        await TestSupport.refusal { try await engine.call("scheduler:CreateSchedule", input) }
    }

    @Test("A schedule is answered as it was made, with the defaults that the service fills in")
    func create() async throws {
        try await run { engine in
            let answer = try await engine.schedule("cron(0 9 * * ? *)", ["StartDate": 1_800_100_000.5])
            let arn: JSON = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/s"
            #expect(answer == ["ScheduleArn": arn])
            let schedule = try await engine.call("scheduler:GetSchedule", ["Name": "s"])
            #expect(schedule["Arn"] == arn && schedule["GroupName"] == "default" && schedule["State"] == "ENABLED")
            #expect(schedule["ScheduleExpressionTimezone"] == "UTC" && schedule["ActionAfterCompletion"] == "NONE")
            #expect(schedule["StartDate"] == "2027-01-16T11:46:40Z")
            #expect(
                schedule["Target"]?["RetryPolicy"]
                    == ["MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185])
            #expect(schedule["CreationDate"] == schedule["LastModificationDate"])
            let summary = try await engine.call("scheduler:ListSchedules")["Schedules"]?[0]
            #expect(summary?["Target"] == ["Arn": .string(TestEvents.queue)])
            #expect(summary?.object?.keys.contains("ScheduleExpression") == false)
        }
    }

    @Test("An update replaces everything; what it does not give gets its default")
    func update() async throws {
        try await run { engine in
            try await engine.schedule(
                "cron(0 9 * * ? *)", ["Description": "d", "ScheduleExpressionTimezone": "Europe/Berlin"])
            clock.advance(by: .seconds(5))
            try await engine.call("scheduler:UpdateSchedule", TestEvents.schedule("cron(0 8 * * ? *)"))
            let schedule = try await engine.call("scheduler:GetSchedule", ["Name": "s"])
            #expect(schedule["Description"] == nil && schedule["ScheduleExpressionTimezone"] == "UTC")
            #expect(schedule["CreationDate"] != schedule["LastModificationDate"])
            let error = await TestSupport.refusal {
                try await engine.call("scheduler:UpdateSchedule", TestEvents.schedule("rate(1 day)", name: "none"))
            }
            #expect(error == ServiceError(.resourceNotFound, "Schedule none does not exist."))
        }
    }

    @Test("What is absent or there already is told in the service's words")
    func absence() async throws {
        try await run { engine in
            try await engine.schedule("rate(1 day)")
            #expect(
                await refusal(engine, TestEvents.schedule("rate(1 day)"))
                    == ServiceError(.resourceAlreadyExists, "Schedule s already exists."))
            #expect(
                await refusal(engine, TestEvents.schedule("rate(1 day)", ["GroupName": "g"]))
                    == ServiceError(.resourceNotFound, "Schedule group g does not exist."))
            for operation in ["GetSchedule", "DeleteSchedule"] {
                let error = await TestSupport.refusal { try await engine.call("scheduler:\(operation)", ["Name": "x"]) }
                #expect(error == ServiceError(.resourceNotFound, "Schedule x does not exist."))
            }
            for operation in ["GetScheduleGroup", "DeleteScheduleGroup"] {
                let error = await TestSupport.refusal { try await engine.call("scheduler:\(operation)", ["Name": "x"]) }
                #expect(error == ServiceError(.resourceNotFound, "Schedule group x does not exist."))
            }
        }
    }

    static let refused: [(change: JSON, text: String)] = [
        (["ScheduleExpression": "some cron"], "Invalid Schedule Expression some cron."),
        (["ScheduleExpression": "cron(0 1 * * * *)"], "Invalid Schedule Expression cron(0 1 * * * *)."),
        (
            ["ScheduleExpression": "at(2027-03-28T02:30:00)", "ScheduleExpressionTimezone": "Europe/Berlin"],
            "the clocks of Europe/Berlin skip that time"
        ),
        (["ScheduleExpressionTimezone": "Mars/Olympus"], "There is no time zone 'Mars/Olympus'"),
        (["ScheduleExpressionTimezone": "../../etc/passwd"], "There is no time zone"),
        (["ScheduleExpressionTimezone": "zone.tab"], "There is no time zone"),
        (["StartDate": "2027-01-15T07:54:59Z"], "The StartDate you specify cannot be earlier than 5 minutes ago."),
        (["EndDate": "2027-01-15T07:59:59Z"], "The EndDate you specify cannot be in the past."),
        (["StartDate": "2027-01-16T00:00:00Z", "EndDate": "2027-01-16T00:00:00Z"], "must be later than the StartDate"),
        (["FlexibleTimeWindow": ["Mode": "FLEXIBLE"]], "needs MaximumWindowInMinutes"),
        (["Target": TestEvents.scheduleTarget("nothing")], "Provided Arn is not in correct format"),
        (
            ["Target": TestEvents.scheduleTarget("arn:aws:states:us-east-1:123456789012:stateMachine:m")],
            "OpsBus cannot call arn:aws:states:"
        ),
        (
            ["Target": TestEvents.scheduleTarget(TestEvents.queue, ["EcsParameters": ["TaskDefinitionArn": "t"]])],
            "Target.EcsParameters is not supported: OpsBus has no ECS."
        ),
        (
            ["Target": TestEvents.scheduleTarget("arn:aws:events:us-east-1:123456789012:event-bus/default")],
            "needs EventBridgeParameters"
        ),
        (["Target": TestEvents.scheduleTarget("arn:aws:ssm:us-east-1:123456789012:document/D")], "ssm:sendCommand"),
        (["Target": TestEvents.scheduleTarget("arn:aws:sqs:us-east-1:123456789012:q.fifo")], "MessageGroupId"),
        (
            ["Target": TestEvents.scheduleTarget("arn:aws:scheduler:::aws-sdk:ec2:runInstances")],
            "ec2 is not a supported service or runInstances is not one of its API actions here."
        ),
        (["Target": TestEvents.scheduleTarget("arn:aws:scheduler:::aws-sdk:logs:CreateLogGroup")], "is not one of"),
        (["Target": TestEvents.scheduleTarget("arn:aws:scheduler:::aws-sdk:logs:describeLogGroups")], "only reads"),
        (["Target": TestEvents.scheduleTarget("arn:aws:scheduler:::aws-sdk:sqs:receiveMessage")], "only reads"),
        (
            ["Target": TestEvents.scheduleTarget("arn:aws:scheduler:::aws-sdk:logs:createLogGroup")],
            "must be the request of logs:CreateLogGroup, a JSON object."
        ),
        (
            [
                "Target": TestEvents.scheduleTarget(
                    "arn:aws:scheduler:::aws-sdk:logs:createLogGroup", ["Input": #"{"name": "x"}"#])
            ],
            "Unknown member 'name'"
        ),
        (
            [
                "Target": TestEvents.scheduleTarget(
                    TestEvents.queue, ["DeadLetterConfig": ["Arn": "arn:aws:sqs:us-east-1:123456789012:d.fifo"]])
            ],
            "Member must satisfy regular expression pattern"
        ),
        (
            ["Target": TestEvents.scheduleTarget(TestEvents.queue, ["RoleArn": "n/a"])],
            "Value 'n/a' at 'target.roleArn' failed to satisfy constraint"
        ),
    ]

    @Test("What cannot be done is refused when it is asked for, and says what is wrong", arguments: refused)
    func refuses(_ refused: (change: JSON, text: String)) async throws {
        try await run { engine in
            let error = await refusal(engine, TestEvents.schedule("rate(1 day)", refused.change))
            #expect(error?.code == .validation)
            #expect(error?.message.contains(refused.text) == true, "\(error?.message ?? "it was accepted")")
        }
    }

    @Test("Lists come in pages, by group and name, and are filtered by group, prefix and state")
    func lists() async throws {
        try await run { engine in
            try await engine.call("scheduler:CreateScheduleGroup", ["Name": "a"])
            for (name, group) in [("b1", "default"), ("b2", "a"), ("c1", "a"), ("b3", "default")] {
                let state: JSON = name == "b3" ? "DISABLED" : "ENABLED"
                try await engine.schedule("rate(1 day)", name: name, ["GroupName": .string(group), "State": state])
            }
            func names(_ input: JSON) async throws -> [JSON?] {
                try await (engine.call("scheduler:ListSchedules", input)["Schedules"]?.array ?? []).map { $0["Name"] }
            }
            #expect(try await names([:]) == ["b2", "c1", "b1", "b3"])
            #expect(try await names(["NamePrefix": "b", "State": "ENABLED"]) == ["b2", "b1"])
            #expect(try await names(["GroupName": "a"]) == ["b2", "c1"])
            var seen: [JSON?] = []
            var token: JSON?
            repeat {
                var input: JSON = ["MaxResults": 1]
                input["NextToken"] = token
                let page = try await engine.call("scheduler:ListSchedules", input)
                seen += (page["Schedules"]?.array ?? []).map { $0["Name"] }
                token = page["NextToken"]
            } while token != nil
            #expect(seen == ["b2", "c1", "b1", "b3"])
            let groups = try await engine.call("scheduler:ListScheduleGroups", ["MaxResults": 1])
            #expect(groups["ScheduleGroups"]?[0]?["Name"] == "a" && groups["NextToken"] == "a")
        }
    }

    @Test("A group goes with its schedules; the default one stays")
    func groups() async throws {
        try await run { engine in
            try await engine.call("scheduler:CreateScheduleGroup", ["Name": "g"])
            try await engine.schedule("rate(1 day)", ["GroupName": "g"])
            try await engine.call("scheduler:DeleteScheduleGroup", ["Name": "g"])
            #expect(try await engine.call("scheduler:ListSchedules")["Schedules"] == [])
            let error = await TestSupport.refusal {
                try await engine.call("scheduler:DeleteScheduleGroup", ["Name": "default"])
            }
            #expect(error?.code == .validation)
            #expect(try await engine.call("scheduler:GetScheduleGroup", ["Name": "default"])["State"] == "ACTIVE")
        }
    }

    @Test("Tags of groups are added, replaced and removed; schedules have none")
    func tags() async throws {
        try await run { engine in
            let group = try await engine.call(
                "scheduler:CreateScheduleGroup", ["Name": "g", "Tags": [["Key": "a", "Value": "1"]]])
            let arn = try #require(group["ScheduleGroupArn"])
            try await engine.call(
                "scheduler:TagResource",
                ["ResourceArn": arn, "Tags": [["Key": "b", "Value": "2"], ["Key": "a", "Value": "3"]]])
            try await engine.call("scheduler:UntagResource", ["ResourceArn": arn, "TagKeys": ["b", "none"]])
            let tags = try await engine.call("scheduler:ListTagsForResource", ["ResourceArn": arn])
            #expect(tags == ["Tags": [["Key": "a", "Value": "3"]]])
            let schedule: JSON = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/s"
            let error = await TestSupport.refusal {
                try await engine.call("scheduler:ListTagsForResource", ["ResourceArn": schedule])
            }
            #expect(error?.code == .validation)
        }
    }

    @Test("A request sent again with its token is made once; the token with another request is a conflict")
    func tokens() async throws {
        try await run { engine in
            let token: JSON = ["ClientToken": "t1"]
            let first = try await engine.schedule("rate(1 day)", token)
            #expect(try await engine.schedule("rate(1 day)", token) == first)
            let error = await refusal(engine, TestEvents.schedule("rate(2 days)", token))
            #expect(error?.code == .resourceAlreadyExists)
            try await engine.call("scheduler:DeleteSchedule", ["Name": "s", "ClientToken": "t1"])
            try await engine.call("scheduler:DeleteSchedule", ["Name": "s", "ClientToken": "t1"])
            clock.advance(by: .seconds(8 * 3600 + 1))
            #expect(try await engine.schedule("rate(2 days)", token) == first, "the token is forgotten by now")
        }
    }

    @Test("The next times of an expression in a zone are shown with the clocks of the place")
    func upcoming() async throws {
        try await run { engine in
            let times = try await engine.call(
                "scheduler:ListUpcomingTimes",
                [
                    "ScheduleExpression": "cron(30 2 * * ? *)", "ScheduleExpressionTimezone": "Europe/Berlin",
                    "StartDate": "2027-03-27T00:00:00Z", "Count": 2,
                ])
            #expect(
                times["Times"] == [
                    ["ScheduledTime": "2027-03-27T01:30:00Z", "LocalTime": "2027-03-27T02:30:00+01:00"],
                    ["ScheduledTime": "2027-03-29T00:30:00Z", "LocalTime": "2027-03-29T02:30:00+02:00"],
                ])
            let error = await TestSupport.refusal { try await engine.call("scheduler:ListUpcomingTimes") }
            #expect(error?.code == .validation)
        }
    }
}
