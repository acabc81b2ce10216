import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Deliveries") struct DispatcherTests {
    private let clock = ManualClock()

    /// Lets the next retry come, and answers how long it was waited for.
    private func nextRetry(_ engine: TestEvents, attempt: Int) async throws -> Duration {
        try await eventually("attempt \(attempt) is recorded") { try await engine.audit("Deliver").count == attempt }
        let text = try await engine.audit("Deliver").last?.detail["NextAttempt"]?.string
        let due = try #require(text.flatMap { Timestamp(rfc3339: $0) })
        // Written to the millisecond, so the timer may be one later.
        try await eventually("the timer is set") {
            engine.clock.alarms.contains { $0 >= due && $0 - due < .milliseconds(1) }
        }
        let wait = due - engine.clock.now
        engine.clock.advance(to: due + .milliseconds(1))
        return wait
    }

    private func deadLetter(_ engine: TestEvents) async throws -> JSON {
        try await eventually("there is a dead letter") { try await engine.deadLetters().count == 1 }
        return try await engine.deadLetters()[0]
    }

    @Test("A target that is busy is tried again, later each time, until it takes the event; with one token")
    func retried() async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.throttling)
            try await engine.rule()
            let id = try await engine.put()
            let first = try await nextRetry(engine, attempt: 1)
            let second = try await nextRetry(engine, attempt: 2)
            try await eventually("the third attempt fails") { engine.targets.calls.count == 3 }
            engine.targets.succeed()
            let third = try await nextRetry(engine, attempt: 3)
            #expect((.milliseconds(499)...(.milliseconds(1000))).contains(first), "\(first)")
            #expect((.milliseconds(999)...(.milliseconds(2000))).contains(second), "\(second)")
            #expect((.milliseconds(1999)...(.milliseconds(4000))).contains(third), "\(third)")
            try await eventually("it is delivered") { try await engine.pendingCount() == 0 }
            let calls = engine.targets.calls
            #expect(calls.count == 4)
            #expect(Set(calls.map { $0.input["OpsBusMessageId"] }).count == 1)
            #expect(Set(calls.map { $0.input["Message"] }).count == 1)
            #expect(calls[0].operation == "sns:Publish" && calls[0].input["TopicArn"]?.string == TestEvents.topic)
            #expect(calls[0].context.principal == Principal("rule/r"))
            #expect(calls[0].context.cause == Subject(.delivery, "\(id)/default/r/1"))
            #expect(calls[0].context.hops == 1)
            #expect(try await engine.deadLetters().isEmpty)
            let outcomes = try await engine.audit("Deliver").map(\.outcome)
            #expect(outcomes == [.failure("THROTTLING"), .failure("THROTTLING"), .failure("THROTTLING"), .success])
        }
    }

    @Test("After the last retry the event is a dead letter that says all about it")
    func exhausted() async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.serviceUnavailable, "down")
            try await engine.rule(targets: [
                TestEvents.target(
                    [
                        "RetryPolicy": ["MaximumRetryAttempts": 2],
                        "DeadLetterConfig": ["Arn": "arn:aws:sqs:us-east-1:123456789012:dead"],
                    ])
            ])
            let id = try await engine.put(TestEvents.entry(["n": 7]))
            _ = try await nextRetry(engine, attempt: 1)
            _ = try await nextRetry(engine, attempt: 2)
            let letter = try await deadLetter(engine)
            var members = letter
            members["Event"] = nil
            members["Time"] = nil
            #expect(
                members == [
                    "DeliveryId": .string("\(id)/default/r/1"), "EventId": .string(id), "RuleName": "r",
                    "EventBusName": "default", "TargetId": "1", "TargetArn": .string(TestEvents.topic),
                    "ErrorCode": "INTERNAL_ERROR", "ErrorMessage": "ServiceUnavailable: down", "RetryAttempts": 2,
                    "ExhaustedRetryCondition": "MaximumRetryAttempts",
                    "QueueArn": "arn:aws:sqs:us-east-1:123456789012:dead",
                ])
            #expect(letter["Event"]?["detail"] == ["n": 7])
            #expect(engine.targets.calls.count { $0.operation == "sns:Publish" } == 3)
            #expect(try await engine.pendingCount() == 0)
        }
    }

    @Test("An event that grows too old is a dead letter for that reason")
    func tooOld() async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.throttling)
            try await engine.rule(targets: [
                TestEvents.target(["RetryPolicy": ["MaximumEventAgeInSeconds": 60]])
            ])
            try await engine.put()
            for attempt in 1...10 {
                try await eventually("attempt \(attempt)") { try await engine.audit("Deliver").count == attempt }
                if try await engine.audit("Deliver").last?.detail["DeadLetter"] != nil { break }
                _ = try await nextRetry(engine, attempt: attempt)
            }
            let letter = try await deadLetter(engine)
            #expect(letter["ExhaustedRetryCondition"] == "MaximumEventAgeInSeconds", "\(letter.text)")
            // Waits of 0.5, 1, 2, 4, 8 and 16 seconds fit into a minute; of twice that, all but the last.
            #expect((6...7).contains(engine.targets.calls.count), "\(engine.targets.calls.count)")
        }
    }

    @Test(
        "What no retry can mend is a dead letter at once, under the code of its kind",
        arguments: [
            (ErrorCode.validation, "SDK_CLIENT_ERROR"), (.invalidParameters, "SDK_CLIENT_ERROR"),
            (.accessDenied, "NO_PERMISSIONS"), (.notFound, "NO_RESOURCE"), (.invalidDocument, "NO_RESOURCE"),
            (.resourceNotFound, "NO_RESOURCE"), (.automationDefinitionNotFound, "NO_RESOURCE"),
            (.invalidInstanceID, "NO_RESOURCE"), (.queueDoesNotExist, "NO_RESOURCE"),
        ])
    func final(code: ErrorCode, expected: String) async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(code, "no")
            try await engine.rule()
            try await engine.put()
            let letter = try await deadLetter(engine)
            #expect(letter["ErrorCode"]?.string == expected)
            #expect(letter["ErrorMessage"]?.string == "\(code.rawValue): no")
            #expect(letter["ExhaustedRetryCondition"] == nil && letter["RetryAttempts"] == 0)
            #expect(engine.targets.calls.count == 1)
        }
    }

    @Test(
        "Input that cannot be made of the event, or is none for the target, is a dead letter with the reason",
        arguments: [
            (#"{"InputPath":"$.detail.gone"}"#, "INVALID_PARAMETER", "$.detail.gone"),
            (#"{"Arn":"arn:aws:ssm:::automation-definition/Fix","Input":"[1]"}"#, "INVALID_PARAMETER", "[1]"),
            (
                #"{"Arn":"arn:aws:logs::210987654321:log-group:g"}"#, "NO_RESOURCE",
                "arn:aws:logs:us-east-1:210987654321:log-group:g is of another account"
            ),
        ])
    func badInput(members: String, code: String, part: String) async throws {
        try await TestEvents.run { engine in
            try await engine.rule(targets: [TestEvents.target(try JSON(parsing: members))])
            try await engine.put()
            let letter = try await deadLetter(engine)
            #expect(letter["ErrorCode"]?.string == code)
            #expect(letter["ErrorMessage"]?.string?.contains(part) == true, "\(letter.text)")
            #expect(engine.targets.calls.isEmpty)
        }
    }

    @Test(
        "A delivery uses the rule as it is now: disabled, without the target, or gone",
        arguments: ["RULE_DISABLED", "NO_TARGET", "NO_RULE"])
    func changedRule(code: String) async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.throttling)
            try await engine.rule()
            try await engine.put()
            try await eventually("one attempt") { try await engine.audit("Deliver").count == 1 }
            switch code {
            case "RULE_DISABLED": try await engine.call("events:DisableRule", ["Name": "r"])
            case "NO_TARGET": try await engine.call("events:RemoveTargets", ["Rule": "r", "Ids": ["1"]])
            default:
                try await engine.call("events:RemoveTargets", ["Rule": "r", "Ids": ["1"]])
                try await engine.call("events:DeleteRule", ["Name": "r"])
            }
            _ = try await nextRetry(engine, attempt: 1)
            #expect(try await deadLetter(engine)["ErrorCode"]?.string == code)
            #expect(engine.targets.calls.count == 1)
        }
    }

    @Test("Attempts run beside each other up to the limit, and none is forgotten or made twice")
    func concurrency() async throws {
        try await TestEvents.run { engine in
            let gate = Gate()
            engine.targets.answer { _ throws(ServiceError) in
                await gate.pass()
                return [:]
            }
            try await engine.rule()
            // More than the dispatcher holds in memory, too.
            let count = 5000
            for _ in 0..<5 { try await engine.put(Array(repeating: TestEvents.entry(), count: count / 5)) }
            try await eventually("all slots are taken") { gate.waitingCount == Limits.deliveriesInFlightMax }
            try await eventually("all are decided") { try await engine.pendingCount() == count }
            #expect(engine.targets.calls.count == Limits.deliveriesInFlightMax)
            gate.open()
            try await eventually("all are delivered") { try await engine.pendingCount() == 0 }
            #expect(engine.targets.calls.count == count)
            #expect(Set(engine.targets.calls.map { $0.input["OpsBusMessageId"] }).count == count)
        }
    }

    @Test("A delivery that cannot be recorded is not made again for that")
    func unrecorded() async throws {
        try await TestEvents.run { engine in
            try await engine.rule()
            try await engine.database.refuse("DELETE ON deliveries")
            try await engine.put()
            try await eventually("it waits to be recorded") {
                engine.targets.calls.count == 1 && engine.clock.alarms.contains(engine.clock.now + .seconds(1))
            }
            #expect(try await engine.pendingCount() == 1)
            try await engine.database.allow("DELETE ON deliveries")
            engine.clock.advance(by: .seconds(1))
            try await eventually("it is recorded") { try await engine.pendingCount() == 0 }
            #expect(engine.targets.calls.count == 1)
        }
    }

    @Test("Retries go on after a restart where they were")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let journal = MemoryJournal(clock: clock)
        let targets = CallerDouble()
        targets.fail(.throttling)
        func engine() throws -> TestEvents {
            try TestEvents(
                clock: clock, journal: journal,
                database: TestEvents.database(directory.path + "/state.db", clock: clock), targets: targets)
        }
        let first = try engine()
        try await TestEvents.run(first) { engine in
            try await engine.rule(targets: [TestEvents.target(["RetryPolicy": ["MaximumRetryAttempts": 2]])])
            try await engine.put()
            _ = try await nextRetry(engine, attempt: 1)
            try await eventually("two attempts") { try await engine.audit("Deliver").count == 2 }
        }
        await first.database.close()
        let second = try engine()
        try await TestEvents.run(second) { engine in
            #expect(targets.calls.count == 2)
            _ = try await nextRetry(engine, attempt: 2)
            let letter = try await deadLetter(engine)
            #expect(letter["RetryAttempts"] == 2 && targets.calls.count == 3)
        }
        await second.database.close()
    }

    @Test("Targets get what their kind of target takes")
    func calls() async throws {
        try await TestEvents.run { engine in
            try await engine.rule(targets: [
                TestEvents.target(
                    "command", arn: "arn:aws:ssm:::document/Fix",
                    [
                        "Input": #"{"commands":["a","b"],"count":3}"#,
                        "RunCommandParameters": [
                            "RunCommandTargets": [["Key": "tag:role", "Values": ["web"]]]
                        ],
                    ]),
                TestEvents.target("plain", arn: "arn:aws:ssm:::automation-definition/Fix"),
                TestEvents.target("versioned", arn: "arn:aws:ssm:::automation-definition/Fix:2", ["Input": "{}"]),
                TestEvents.target("log", arn: "arn:aws:logs:::log-group:/ops:*"),
            ])
            let id = try await engine.put(TestEvents.entry(["n": 1]))
            try await eventually("all are delivered") { try await engine.audit("Deliver").count == 4 }
            let calls = Dictionary(
                uniqueKeysWithValues: engine.targets.calls.map { call in
                    (call.context.cause?.identifier.split(separator: "/").last.map(String.init) ?? "", call)
                })
            #expect(calls["command"]?.operation == "ssm:SendCommand")
            #expect(calls["command"]?.input["DocumentName"] == "Fix")
            #expect(calls["command"]?.input["Parameters"] == ["commands": ["a", "b"], "count": ["3"]])
            #expect(calls["command"]?.input["Targets"] == [["Key": "tag:role", "Values": ["web"]]])
            #expect(calls["plain"]?.operation == "ssm:StartAutomationExecution")
            #expect(calls["plain"]?.input["Parameters"] == [:], "documents get nothing of an untouched event")
            #expect(calls["plain"]?.input["DocumentVersion"] == nil)
            #expect(calls["versioned"]?.input["DocumentVersion"] == "2")
            let logged = try await engine.call("logs:FilterLogEvents", ["logGroupName": "/ops"])
            let message = try JSON(parsing: logged["events"]?[0]?["message"]?.string ?? "")
            #expect(message["id"]?.string == id && message["detail"] == ["n": 1])
            #expect(logged["events"]?[0]?["logStreamName"] == "r")
        }
    }

    @Test("Events that rules send in a circle end as dead letters that name the limit and the circle alone")
    func loop() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.rule(
                "there", targets: [TestEvents.target(arn: "arn:aws:events:::event-bus/other")])
            try await engine.rule(
                "back", bus: "other",
                targets: [TestEvents.target("beside"), TestEvents.target(arn: "arn:aws:events:::event-bus/default")])
            let id = try await engine.put()
            let letter = try await deadLetter(engine)
            #expect(letter["ErrorCode"] == "HOP_LIMIT_EXCEEDED" && letter["EventId"]?.string == id)
            #expect(letter["ErrorMessage"]?.string?.contains("chain of 8 rules") == true, "\(letter.text)")
            #expect(letter["ErrorMessage"]?.string?.contains("the limit is 8") == true, "\(letter.text)")
            #expect(letter["ErrorMessage"]?.string?.contains("beside") == false, "\(letter.text)")
            let hops = try engine.entries().map(\.hops)
            #expect(hops == Array(0...Limits.eventHopsMax))
            #expect(try engine.entries().map(\.bus).suffix(2) == ["other", "default"])
            #expect(Set(try engine.events().map(\.text)).count == 1, "the event itself stays as it was")
        }
    }
}

extension TestEvents {
    /// The one target of a rule, with more members.
    static func target(_ more: JSON) -> JSON {
        target(more["Id"]?.string ?? "1", arn: more["Arn"]?.string ?? topic, more)
    }
}
