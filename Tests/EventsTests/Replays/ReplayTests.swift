import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Replays") struct ReplayTests {
    static let archive: JSON = "arn:aws:events:us-east-1:123456789012:archive/a"

    static func start(
        _ engine: TestEvents, _ name: String = "again", from: JSON = "2000-01-01T00:00:00Z",
        to: JSON = "2100-01-01T00:00:00Z", rules: [String] = [], more: JSON = [:]
    ) async throws {
        var destination: JSON = ["Arn": ArchiveOperationsTests.bus]
        if !rules.isEmpty {
            destination["FilterArns"] = .array(
                rules.map { .string("arn:aws:events:us-east-1:123456789012:rule/\($0)") })
        }
        var input: JSON = [
            "ReplayName": .string(name), "EventSourceArn": archive, "EventStartTime": from, "EventEndTime": to,
            "Destination": destination,
        ]
        for member in more.object ?? JSONObject() { input[member.key] = member.value }
        try await engine.call("events:StartReplay", input)
    }

    static func describe(_ engine: TestEvents, _ name: String = "again") async throws -> JSON {
        try await engine.call("events:DescribeReplay", ["ReplayName": .string(name)])
    }

    static func createArchive(_ engine: TestEvents) async throws {
        try await engine.call(
            "events:CreateArchive", ["ArchiveName": "a", "EventSourceArn": ArchiveOperationsTests.bus])
    }

    /// What the target got, as events.
    static func received(_ engine: TestEvents) -> [JSON] {
        engine.targets.calls.compactMap { try? JSON(parsing: $0.input["Message"]?.string ?? "") }
    }

    private func numbers(_ events: [JSON]) -> [Int] { events.compactMap { $0["detail"]?["n"]?.int } }

    @Test("Events come again with the same id and time, the replay's name, and a delivery of their own")
    func again() async throws {
        try await TestEvents.run { engine in
            try await engine.rule()
            try await engine.rule("originals", pattern: ["replay-name": [["exists": false]]])
            try await ReplayTests.createArchive(engine)
            var entry = TestEvents.entry(["n": 1])
            entry["Time"] = "2026-03-01T10:00:07Z"
            let id = try await engine.put(entry)
            try await eventually("the original is delivered") { engine.targets.calls.count == 2 }
            try await ReplayTests.start(engine)
            let replay = try await ReplayTests.describe(engine)
            #expect(replay["State"] == "COMPLETED" && replay["ReplayEndTime"] != nil)
            #expect(replay["EventLastReplayedTime"] == "2026-03-01T10:00:07.000Z")
            #expect(replay["OpsBus"]?["EventCount"] == 1)
            try await eventually("it is delivered again") { engine.targets.calls.count == 3 }
            let event = try #require(ReplayTests.received(engine).last)
            #expect(event["id"] == .string(id) && event["time"] == "2026-03-01T10:00:07Z")
            #expect(event["replay-name"] == "again" && event["detail"] == ["n": 1])
            #expect(event.object?.keys.suffix(4) == ["region", "replay-name", "resources", "detail"])
            // The target's token and the audit log tell it from the original, and name the replay.
            let tokens = Set(engine.targets.calls.map { $0.input["OpsBusMessageId"] })
            #expect(tokens.count == 3)
            #expect(engine.targets.calls.last?.context.cause?.description == "delivery/\(id)/default/r/1/again")
            try await eventually("it is recorded") { try await engine.audit("Deliver").count == 3 }
            #expect(try await engine.audit("Deliver").last?.cause?.description == "replay/again/\(id)")
            let replayed = try await engine.audit("ReplayEvent")
            #expect(replayed.map(\.subject.description) == ["replay/again/\(id)"])
            #expect(replayed.map { $0.cause?.description } == ["event/\(id)"])
            // What was replayed is not archived again.
            let archive = try await engine.call("events:DescribeArchive", ["ArchiveName": "a"])
            #expect(archive["EventCount"] == 1)
        }
    }

    @Test("Only events of the window come, by the minutes of their own times")
    func window() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            let times = ["10:03:00", "10:01:59", "10:02:30", "10:01:00", "09:59:59", "10:03:01"]
            for (number, time) in times.enumerated() {
                var entry = TestEvents.entry(["n": .integer(number)])
                entry["Time"] = .string("2026-03-01T\(time)Z")
                try await engine.put(entry)
            }
            try await ReplayTests.start(engine, from: "2026-03-01T10:01:00Z", to: "2026-03-01T10:03:00Z")
            #expect(try await ReplayTests.describe(engine)["State"] == "COMPLETED")
            try await eventually("they are in the journal") { try engine.events().count == 10 }
            #expect(numbers(Array(try engine.events().dropFirst(6))) == [1, 3, 2, 0])
        }
    }

    @Test("A replay for some rules fires those alone, and only where they match")
    func chosenRules() async throws {
        try await TestEvents.run { engine in
            try await engine.rule("a", pattern: ["detail": ["n": [1, 2]]])
            try await engine.rule("b", pattern: ["detail": ["n": [2]]])
            try await engine.rule("c")
            try await ReplayTests.createArchive(engine)
            try await engine.put([TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2]), TestEvents.entry(["n": 3])])
            try await eventually("the originals are delivered") { try await engine.audit("Deliver").count == 6 }
            try await ReplayTests.start(engine, rules: ["a", "b"])
            _ = try await ReplayTests.describe(engine)
            try await eventually("it is delivered") { try await engine.audit("Deliver").count == 9 }
            let again = ReplayTests.received(engine).filter { $0["replay-name"] != nil }
            #expect(numbers(again).sorted() == [1, 2, 2])
            let principals = engine.targets.calls.dropFirst(6).map(\.context.principal.name)
            #expect(Set(principals) == ["rule/a", "rule/b"])
            let destination = try await ReplayTests.describe(engine)["Destination"]
            #expect(destination?["FilterArns"]?.array?.count == 2)
        }
    }

    @Test("A dry run says how often each rule would match, and fires nothing")
    func dryRun() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            try await engine.put([TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2]), TestEvents.entry(["n": 3])])
            try await engine.rule("all")
            try await engine.rule("some", pattern: ["detail": ["n": [["numeric": [">", 1]]]]])
            try await engine.rule("originals", pattern: ["replay-name": [["exists": false]]])
            try await ReplayTests.start(engine, more: ["OpsBus": ["DryRun": true]])
            let replay = try await ReplayTests.describe(engine)
            #expect(replay["State"] == "COMPLETED")
            #expect(
                replay["OpsBus"]?["Matches"] == [
                    ["RuleArn": "arn:aws:events:us-east-1:123456789012:rule/all", "EventCount": 3],
                    ["RuleArn": "arn:aws:events:us-east-1:123456789012:rule/some", "EventCount": 2],
                ])
            #expect(try engine.events().count == 3 && engine.targets.calls.isEmpty)
            #expect(try await engine.audit("ReplayEvent").isEmpty)
        }
    }

    @Test("Cancelled at once, a replay sends nothing; it can be cancelled once")
    func cancel() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            try await engine.put(TestEvents.entry())
            try await ReplayTests.start(engine)
            let answer = try await engine.call("events:CancelReplay", ["ReplayName": "again"])
            #expect(answer["State"] == "CANCELLING")
            #expect(try await ReplayTests.describe(engine)["State"] == "CANCELLED")
            #expect(try engine.events().count == 1)
            let error = await refusal { try await engine.call("events:CancelReplay", ["ReplayName": "again"]) }
            #expect(error?.code == .illegalStatus)
            #expect(error?.message == "Replay again is not in a valid state for this operation.")
        }
    }

    @Test("It goes at its rate, can be followed and cancelled on its way")
    func rate() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            try await engine.put((1...10).map { TestEvents.entry(["n": .integer($0)]) })
            try await ReplayTests.start(engine, more: ["OpsBus": ["EventsPerSecond": 8]])
            #expect(try await ReplayTests.describe(engine)["OpsBus"]?["EventCount"] == 2)
            #expect(try await ReplayTests.describe(engine)["State"] == "RUNNING")
            for expected in [4, 6] {
                try await eventually("it waits") {
                    engine.clock.alarms.contains(engine.clock.now + .milliseconds(250))
                }
                engine.clock.advance(by: .milliseconds(250))
                try await eventually("it goes on") {
                    try await ReplayTests.describe(engine)["OpsBus"]?["EventCount"]?.int == expected
                }
            }
            try await engine.call("events:CancelReplay", ["ReplayName": "again"])
            try await eventually("it has ended") { try await ReplayTests.describe(engine)["State"] == "CANCELLED" }
            // What a step emits is on its way to the journal when the step has ended.
            try await eventually("what was taken is in the journal, and no more") {
                numbers(Array(try engine.events().dropFirst(10))) == [1, 2, 3, 4, 5, 6]
            }
        }
    }

    @Test("What is archived after its start is no part of a replay; an archive that goes fails it")
    func laterEvents() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            try await engine.put((1...4).map { TestEvents.entry(["n": .integer($0)]) })
            try await ReplayTests.start(engine, more: ["OpsBus": ["EventsPerSecond": 8]])
            try await ReplayTests.start(engine, "fails", more: ["OpsBus": ["EventsPerSecond": 1]])
            #expect(try await ReplayTests.describe(engine)["OpsBus"]?["EventCount"] == 2)
            try await engine.put(TestEvents.entry(["n": 5]))
            try await engine.call("events:DescribeArchive", ["ArchiveName": "a"])
            _ = try await ReplayTests.describe(engine, "fails")
            engine.clock.advance(by: .milliseconds(250))
            try await eventually("it is complete") { try await ReplayTests.describe(engine)["State"] == "COMPLETED" }
            #expect(try await ReplayTests.describe(engine)["OpsBus"]?["EventCount"] == 4)
            try await engine.call("events:DeleteArchive", ["ArchiveName": "a"])
            engine.clock.advance(by: .seconds(1))
            try await eventually("it fails") { try await ReplayTests.describe(engine, "fails")["State"] == "FAILED" }
            let failed = try await ReplayTests.describe(engine, "fails")
            #expect(failed["StateReason"] == "Archive a does not exist any more.")
        }
    }

    @Test("Ten replays go on at a time; all that ended in 90 days are listed, and no others")
    func limits() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            try await engine.put([TestEvents.entry(), TestEvents.entry()])
            let slow: JSON = ["OpsBus": ["EventsPerSecond": 1]]
            for number in 0..<10 { try await ReplayTests.start(engine, "r\(number)", more: slow) }
            let error = await refusal {
                try await ReplayTests.start(engine, "r10", more: slow)
                return [:]
            }
            #expect(error?.code == .limitExceeded)
            for number in 0..<10 {
                try await engine.call("events:CancelReplay", ["ReplayName": .string("r\(number)")])
            }
            try await eventually("all have ended") {
                try await engine.call("events:ListReplays", ["State": "CANCELLED"])["Replays"]?.array?.count == 10
            }
            let page = try await engine.call("events:ListReplays", ["NamePrefix": "r", "Limit": 4])
            #expect(page["Replays"]?.array?.count == 4 && page["NextToken"] != nil)
            engine.clock.advance(by: .seconds(91 * 86_400))
            #expect(try await engine.call("events:ListReplays")["Replays"] == [])
        }
    }

    @Test("What cannot be is refused in the service's words")
    func refused() async throws {
        try await TestEvents.run { engine in
            try await ReplayTests.createArchive(engine)
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await ReplayTests.start(engine)
            let other: JSON = "arn:aws:events:us-east-1:123456789012:event-bus/other"
            let cases: [(JSON, ErrorCode, String)] = [
                ([:], .resourceAlreadyExists, "Replay again already exists."),
                (
                    ["Destination": ["Arn": "nonsense"]], .validation,
                    "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN."
                ),
                (
                    ["Destination": ["Arn": "arn:aws:events:us-east-1:123456789012:event-bus/none"]],
                    .resourceNotFound, "Event bus none does not exist."
                ),
                (
                    ["Destination": ["Arn": other]], .validation,
                    "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."
                ),
                (
                    ["EventSourceArn": "arn:aws:events:us-east-1:123456789012:archive/none"], .validation,
                    "Parameter EventSourceArn is not valid. Reason: Archive none does not exist."
                ),
                (
                    ["EventStartTime": 2, "EventEndTime": 2], .validation,
                    "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."
                ),
            ]
            for (change, code, message) in cases {
                let error = await refusal {
                    try await ReplayTests.start(engine, more: change)
                    return [:]
                }
                #expect(error?.code == code && error?.message == message, "\(change): \(String(describing: error))")
            }
            let rule = await refusal {
                try await ReplayTests.start(engine, "x", rules: ["none"])
                return [:]
            }
            #expect(rule?.message == "Rule none does not exist on EventBus default.")
            let unknown = await refusal { try await ReplayTests.describe(engine, "x") }
            #expect(unknown?.code == .resourceNotFound && unknown?.message == "Replay x does not exist.")
        }
    }
}
