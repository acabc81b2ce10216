import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Logs of event buses") struct BusLogTests {
    private func setLevel(_ level: String, detail: String = "NONE", bus: String = "default", _ engine: TestEvents)
        async throws
    {
        try await engine.call(
            "events:UpdateEventBus",
            ["Name": .string(bus), "LogConfig": ["Level": .string(level), "IncludeDetail": .string(detail)]])
    }

    /// What the log holds when all is written; the pauses between batches are the clock's.
    private func lines(_ engine: TestEvents, bus: String = "default", count: Int) async throws -> [JSON] {
        var lines: [JSON] = []
        try await eventually("\(count) lines of \(bus)") {
            engine.clock.advance(by: .milliseconds(100))
            lines = try await self.lines(engine, bus: bus)
            return lines.count >= count
        }
        return lines
    }

    private func lines(_ engine: TestEvents, bus: String = "default") async throws -> [JSON] {
        let input: JSON = [
            "logGroupName": .string("/aws/vendedlogs/events/event-bus/\(bus)"),
            "logStreamName": "EventBridgeEventBusLogs", "startFromHead": true,
        ]
        guard let answer = try? await engine.call("logs:GetLogEvents", input) else { return [] }
        return try (answer["events"]?.array ?? []).map { try JSON(parsing: $0["message"]?.string ?? "") }
    }

    private func steps(_ lines: [JSON]) -> [String] { lines.compactMap { $0["message_type"]?.string } }

    private static let all = [
        "EVENT_RECEIPT", "EVENT_INGEST_SUCCESS", "RULE_MATCH_START", "RULE_MATCH", "INVOCATION_START",
        "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_SUCCESS", "INVOCATION_SUCCESS",
    ]
    private static let major = ["EVENT_INGEST_SUCCESS", "RULE_MATCH", "INVOCATION_START", "INVOCATION_SUCCESS"]

    @Test("An event is followed to its target, step by step, as the level says", arguments: [
        ("OFF", []), ("ERROR", []), ("INFO", major), ("TRACE", all),
    ])
    func levels(level: String, expected: [String]) async throws {
        try await TestEvents.run { engine in
            try await engine.rule()
            try await setLevel(level, engine)
            let id = try await engine.put(TestEvents.entry(["secret": 1]))
            try await eventually("the target is called") { try await engine.audit("Deliver").count == 1 }
            let lines = try await lines(engine, count: expected.count)
            #expect(steps(lines) == expected)
            for line in lines {
                #expect(line["event_id"]?.string == id)
                #expect(line["resource_arn"] == "arn:aws:events:us-east-1:123456789012:event-bus/default")
                #expect(line["event_bus_name"] == "default" && line["message_timestamp_ms"]?.int != nil)
                #expect(!line.text.contains("secret"), "without detail there is none: \(line)")
            }
            let identifiers = Set(lines.compactMap { $0["invocation_id"]?.string })
            #expect(identifiers.count == (expected.isEmpty ? 0 : 1))
            let match = lines.first { $0["message_type"] == "RULE_MATCH" }
            #expect(match?["details"]?["invocation_ids"]?[0]?.string == identifiers.first)
        }
    }

    @Test("With detail, records hold the event, what its target got and what that answered")
    func detail() async throws {
        try await TestEvents.run { engine in
            engine.targets.answer { _ throws(ServiceError) in ["MessageId": "m"] }
            try await engine.rule(targets: [
                TestEvents.target(["InputPath": "$.detail", "RoleArn": "arn:aws:iam::1:role/r"])
            ])
            try await setLevel("TRACE", detail: "FULL", engine)
            var entry = TestEvents.entry(["n": 7])
            entry["Resources"] = ["arn:a"]
            entry["Time"] = 1_000_000_000
            try await engine.put(entry)
            let lines = try await lines(engine, count: Self.all.count)
            func details(_ step: String) -> JSON? { lines.first { $0["message_type"]?.string == step }?["details"] }
            for step in ["EVENT_RECEIPT", "EVENT_INGEST_SUCCESS", "RULE_MATCH_START"] {
                #expect(
                    details(step) == [
                        "caller_account_id": "123456789012", "source_time_ms": 1_000_000_000_000, "source": "app",
                        "detail_type": "t", "resources": ["arn:a"], "event_detail": #"{"n":7}"#,
                    ])
            }
            let rule: JSON = "arn:aws:events:us-east-1:123456789012:rule/r"
            #expect(details("RULE_MATCH")?["rule_arn"] == rule)
            #expect(details("RULE_MATCH")?["target_arns"] == [.string(TestEvents.topic)])
            for step in ["INVOCATION_START", "INVOCATION_ATTEMPT_START"] {
                #expect(
                    details(step) == [
                        "rule_arn": rule, "role_arn": "arn:aws:iam::1:role/r", "target_arn": .string(TestEvents.topic),
                        "target_input": #"{"n":7}"#, "target_properties": "{}", "attempt_count": 1,
                    ])
            }
            let attempt = details("INVOCATION_ATTEMPT_SUCCESS")
            #expect(attempt?["attempt_type"] == "FIRST" && attempt?["invocation_status"] == "SUCCESS")
            #expect(attempt?["target_response_body"] == #"{"MessageId":"m"}"# && attempt?["target_duration_ms"] != nil)
            let end = details("INVOCATION_SUCCESS")
            #expect(end?["total_attempts"] == 1 && end?["final_invocation_status"] == "SUCCESS")
            for member in ["start", "complete", "success"] {
                #expect(end?["ingestion_to_\(member)_latency_ms"]?.int != nil, "\(member)")
            }
        }
    }

    @Test("Failures are told at every level: attempts, the end, and the dead-letter queue")
    func failures() async throws {
        try await TestEvents.run { engine in
            let queue = "arn:aws:sqs:us-east-1:123456789012:dead"
            engine.targets.answer { call throws(ServiceError) in
                if call.operation == "sns:Publish" { throw ServiceError(.serviceUnavailable, "down") }
                return [:]
            }
            try await engine.rule(targets: [
                TestEvents.target(
                    ["RetryPolicy": ["MaximumRetryAttempts": 1], "DeadLetterConfig": ["Arn": .string(queue)]])
            ])
            try await setLevel("ERROR", engine)
            try await engine.put()
            let lines = try await lines(engine, count: 4)
            #expect(
                steps(lines) == [
                    "INVOCATION_ATTEMPT_RETRYABLE_FAILURE", "INVOCATION_ATTEMPT_RETRYABLE_FAILURE",
                    "INVOCATION_FAILURE", "INVOCATION_DLQ",
                ])
            #expect(lines.allSatisfy { $0["log_level"] == "ERROR" })
            #expect(lines.prefix(2).map { $0["details"]?["attempt_type"] } == ["FIRST", "RETRY"])
            #expect(
                lines[0]["error"] == [
                    "error_message": "ServiceUnavailable: down", "aws_service": "sns", "http_status_code": 503,
                ])
            #expect(lines[2]["details"]?["total_attempts"] == 2)
            #expect(lines[2]["details"]?["final_invocation_status"] == "INTERNAL_ERROR")
            #expect(lines[2]["details"]?["ingestion_to_complete_latency_ms"] == nil, "only of a first attempt")
            #expect(lines[3]["error"] == nil && lines[3]["details"]?["target_input"] == nil)

            for (code, step) in [
                (ErrorCode.validation, "INVOCATION_ATTEMPT_PERMANENT_FAILURE"),
                (.throttling, "INVOCATION_ATTEMPT_THROTTLE"),
            ] {
                engine.targets.fail(code)
                try await engine.put()
                try await eventually("\(step)") {
                    engine.clock.advance(by: .milliseconds(100))
                    return try await self.steps(self.lines(engine)).contains(step)
                }
            }
        }
    }

    @Test("What matches nothing, and what is refused, is told; a service's event that nobody asks for is not")
    func noMatch() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other", "LogConfig": ["Level": "TRACE"]])
            try await setLevel("INFO", detail: "FULL", engine)
            try await engine.rule("quiet", pattern: ["source": ["nobody"]])
            try await engine.put()
            var lines = try await lines(engine, count: 2)
            #expect(steps(lines) == ["EVENT_INGEST_SUCCESS", "NO_STANDARD_RULES_MATCHED"])

            let bad: JSON = ["Source": "app", "DetailType": "t", "Detail": "{"]
            #expect(await engine.publish(JSON.object(["Entries": [bad]]).bytes).answer["FailedEntryCount"] == 1)
            lines = try await self.lines(engine, count: 3)
            #expect(steps(lines).last == "EVENT_INGEST_FAILURE")
            #expect(lines.last?["error"]?["error_message"] == "MalformedDetail: Detail is malformed.")
            #expect(lines.last?["details"]?["event_detail"] == "{" && lines.last?["event_id"] == nil)

            // One of this system's own, for a rule that has been disabled since.
            try await engine.database.write(.system) { transaction in
                try transaction.put(
                    EventEnvelope(
                        id: Identifier(high: 1, low: 2), source: "aws.events", detailType: "Scheduled Event",
                        account: Account(), time: transaction.now, resources: [], detail: [:]), context: .system)
                try transaction.audit("Test", on: Subject(.bus, "default"), outcome: .success)
            }
            try await engine.put()
            lines = try await self.lines(engine, count: 5)
            #expect(!lines.contains { $0["details"]?["source"] == "aws.events" })
            #expect(try await self.lines(engine, bus: "other").isEmpty, "a bus has a log of its own")
        }
    }

    @Test("A rule that matches without a target is a match without invocations")
    func withoutInvocations() async throws {
        try await TestEvents.run { engine in
            try await setLevel("INFO", engine)
            try await engine.rule(targets: [])
            try await engine.put()
            let lines = try await lines(engine, count: 2)
            #expect(steps(lines) == ["EVENT_INGEST_SUCCESS", "RULE_MATCH"])
            #expect(lines[1]["details"]?["target_arns"] == [] && lines[1]["details"]?["invocation_ids"] == [])
        }
    }

    @Test("A record that would be too large is cut, and says what was")
    func cut() throws {
        var record = BusLogRecord(step: .invocationSuccess, time: Timestamp(seconds: 0))
        record.bus = "b"
        record.includesDetail = true
        // Escapes make it twice as long in the record; the last letter has two bytes.
        let input = String(repeating: "\"", count: 100_000) + String(repeating: "é", count: 100_000)
        record.details = .members(["target_input": .string(input), "target_response_body": "short"])
        let text = record.text(in: Account())
        #expect(text.utf8.count <= BusLogRecord.bytesMax && text.utf8.count > BusLogRecord.bytesMax / 4)
        let line = try JSON(parsing: text)
        #expect(line["dropped_fields"] == ["target_input"])
        let kept = line["details"]?["target_input"]?.string ?? ""
        #expect(!kept.isEmpty && input.hasPrefix(kept))
        #expect(line["details"]?["target_response_body"] == "short")
        record.details = .members(["target_input": "short"])
        #expect(try JSON(parsing: record.text(in: Account()))["dropped_fields"] == nil)
    }

    @Test("LogConfig is answered as it was given, and what else changes a bus leaves it alone")
    func settings() async throws {
        try await TestEvents.run { engine in
            let full: JSON = ["Level": "TRACE", "IncludeDetail": "FULL"]
            let made = try await engine.call("events:CreateEventBus", ["Name": "b", "LogConfig": full])
            #expect(made["LogConfig"] == full)
            try await engine.call("events:UpdateEventBus", ["Name": "b", "Description": "d"])
            try await engine.call(
                "events:PutPermission",
                [
                    "EventBusName": "b", "Action": "events:PutEvents", "Principal": "*", "StatementId": "s",
                ])
            try await engine.call(
                "events:TagResource",
                ["ResourceARN": made["EventBusArn"] ?? .null, "Tags": [["Key": "k", "Value": "v"]]])
            #expect(try await engine.call("events:DescribeEventBus", ["Name": "b"])["LogConfig"] == full)
            try await engine.put(TestEvents.entry(bus: "b"))
            _ = try await lines(engine, bus: "b", count: 3)
            let updated = try await engine.call("events:UpdateEventBus", ["Name": "b", "LogConfig": ["Level": "OFF"]])
            #expect(updated["LogConfig"] == ["Level": "OFF"])
            await #expect(throws: ServiceError.self) {
                try await engine.call("events:UpdateEventBus", ["Name": "b", "LogConfig": ["Level": "DEBUG"]])
            }
        }
    }
}
