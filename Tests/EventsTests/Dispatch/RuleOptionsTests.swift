import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Options of rules") struct RuleOptionsTests {
    private func rule(_ engine: TestEvents, _ options: JSON, targets: [JSON] = [TestEvents.target()]) async throws {
        try await engine.call(
            "events:PutRule", ["Name": "r", "EventPattern": #"{"source":["app"]}"#, "Options": options])
        try await engine.call("events:PutTargets", ["Rule": "r", "Targets": .array(targets)])
    }

    @Test("They are kept with the rule, shown with it, and those that cannot be are refused")
    func kept() async throws {
        try await TestEvents.run { engine in
            let options: JSON = [
                "MaximumConcurrency": 2, "MaximumEventsPerSecond": 5, "DeduplicationWindowInSeconds": 60,
                "DeduplicationKey": "$.detail.id",
            ]
            try await rule(engine, options)
            #expect(try await engine.call("events:DescribeRule", ["Name": "r"])["Options"] == options)
            #expect(try await engine.call("events:ListRules")["Rules"]?[0]?["Options"] == options)
            for (bad, part) in [
                (#"{"MaximumConcurrency":0}"#, "options.maximumConcurrency"),
                (#"{"DeduplicationKey":"$.id"}"#, "DeduplicationWindowInSeconds"),
                (#"{"DeduplicationWindowInSeconds":60,"DeduplicationKey":"$.a[*]"}"#, "DeduplicationKey"),
                (#"{"Concurrency":1}"#, "Concurrency"),
            ] {
                let error = await refusal {
                    try await engine.call(
                        "events:PutRule",
                        ["Name": "q", "EventPattern": #"{"source":["a"]}"#, "Options": try JSON(parsing: bad)])
                }
                #expect(error?.code == .validation && error?.message.contains(part) == true, "\(bad): \(error as Any)")
            }
        }
    }

    @Test("No more of a rule's deliveries are attempted at a time than it allows, and others are not held up")
    func concurrency() async throws {
        try await TestEvents.run { engine in
            let gate = Gate()
            engine.targets.answer { _ throws(ServiceError) in
                await gate.pass()
                return [:]
            }
            try await rule(engine, ["MaximumConcurrency": 3])
            try await engine.rule("free", pattern: ["detail-type": ["free"]])
            let count = 600
            try await engine.put(Array(repeating: TestEvents.entry(), count: count))
            try await eventually("the limit is reached") { gate.waitingCount == 3 }
            try await engine.put(TestEvents.entry(source: "x", type: "free"))
            try await eventually("the other rule's is under way") { gate.waitingCount == 4 }
            gate.open()
            try await eventually("all are delivered") { try await engine.pendingCount() == 0 }
            #expect(engine.targets.calls.count == count + 1)
        }
    }

    @Test("Deliveries over a rule's rate wait for their turn, and none is lost or counted as an attempt")
    func rate() async throws {
        try await TestEvents.run { engine in
            try await rule(engine, ["MaximumEventsPerSecond": 2])
            try await engine.put(Array(repeating: TestEvents.entry(), count: 5))
            for number in 1...5 {
                try await eventually("delivery \(number)") { try await engine.audit("Deliver").count == number }
                if number == 5 { break }
                try await eventually("the next has its turn") { !engine.clock.alarms.isEmpty }
                #expect(engine.targets.calls.count == number)
                engine.clock.advance(by: .milliseconds(500))
            }
            #expect(try await engine.audit("Deliver").allSatisfy { $0.detail["Attempt"] == 1 })
        }
    }

    @Test("An event of the same key as one less than a window before is no match; the audit log says so")
    func deduplication() async throws {
        try await TestEvents.run { engine in
            try await rule(
                engine, ["DeduplicationWindowInSeconds": 60, "DeduplicationKey": "$.detail.id"],
                targets: [TestEvents.target("1"), TestEvents.target("2")])
            try await engine.put([
                TestEvents.entry(["id": 1, "n": 1]), TestEvents.entry(["id": 1, "n": 2]), TestEvents.entry(["id": 2]),
                TestEvents.entry(["other": 1]), TestEvents.entry(["other": 1]),
            ])
            try await eventually("four events are delivered, each to both targets") {
                try await engine.audit("Deliver").count == 8
            }
            engine.clock.advance(by: .seconds(59))
            let repeated = try await engine.put(TestEvents.entry(["id": 1, "n": 3]))
            engine.clock.advance(by: .seconds(1))
            try await engine.put(TestEvents.entry(["id": 1, "n": 4]))
            try await eventually("the window has passed") { try await engine.audit("Deliver").count == 10 }
            let suppressed = try await engine.audit("SuppressRepeat")
            #expect(suppressed.count == 2 && suppressed.last?.cause == Subject(.event, repeated))
            #expect(try await engine.pendingCount() == 0)
        }
    }

    @Test("Without a key, events alike in source, detail-type and detail are repeats")
    func wholeEvent() async throws {
        try await TestEvents.run { engine in
            try await rule(engine, ["DeduplicationWindowInSeconds": 60])
            try await engine.put([
                TestEvents.entry(["a": 1]), TestEvents.entry(["a": 1]), TestEvents.entry(["a": 2]),
                TestEvents.entry(["a": 1], type: "u"),
            ])
            try await eventually("three are delivered") { try await engine.audit("Deliver").count == 3 }
            #expect(try await engine.audit("SuppressRepeat").count == 1)
        }
    }

    @Test("A target that fails for many is left alone for a while; events tell when, and nothing is lost")
    func breaker() async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.serviceUnavailable, "down")
            try await engine.rule(targets: [TestEvents.target(["RetryPolicy": ["MaximumRetryAttempts": 5]])])
            try await engine.put(Array(repeating: TestEvents.entry(), count: CircuitBreaker.failuresMax))
            try await eventually("the breaker is open") {
                try engine.events().contains { $0["detail-type"] == "Circuit Breaker Opened" }
            }
            let opened = try #require(try engine.events().last)
            #expect(opened["source"] == "opsbus.targets" && opened["detail"]?["TargetArn"]?.string == TestEvents.topic)
            #expect(opened["detail"]?["ErrorCode"] == "INTERNAL_ERROR")
            let calls = engine.targets.calls.count
            engine.targets.succeed()
            // Their retries come, but nothing is called before the pause is over.
            engine.clock.advance(by: .seconds(5))
            try await engine.put()
            try await eventually("the new one waits too") {
                try await engine.database.read {
                    try $0.queryOne("SELECT count(*) FROM deliveries WHERE due >= ?", engine.clock.now + .seconds(20)) {
                        try $0[0]
                    }
                } == CircuitBreaker.failuresMax + 1
            }
            #expect(engine.targets.calls.count == calls)
            for _ in 1...60 where try await engine.pendingCount() > 0 {
                engine.clock.advance(by: .seconds(5))
                try await Task.sleep(for: .milliseconds(20))
            }
            try await eventually("all are delivered") { try await engine.pendingCount() == 0 }
            // It comes by the outbox, perhaps after the delivery that closed the breaker is gone.
            try await eventually("the breaker is closed") {
                try engine.events().contains { $0["detail-type"] == "Circuit Breaker Closed" }
            }
            #expect(try await engine.deadLetters().isEmpty)
        }
    }
}
