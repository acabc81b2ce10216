import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Archives, as the API has them") struct ArchiveOperationsTests {
    static let bus: JSON = "arn:aws:events:us-east-1:123456789012:event-bus/default"

    @discardableResult
    private func create(_ engine: TestEvents, _ name: String = "a", _ more: JSON = [:]) async throws -> JSON {
        var input: JSON = ["ArchiveName": .string(name), "EventSourceArn": ArchiveOperationsTests.bus]
        for member in more.object ?? JSONObject() { input[member.key] = member.value }
        return try await engine.call("events:CreateArchive", input)
    }

    private func describe(_ engine: TestEvents, _ name: String = "a") async throws -> JSON {
        try await engine.call("events:DescribeArchive", ["ArchiveName": .string(name)])
    }

    @Test("An archive keeps what its bus gets from then on and its pattern matches, and counts it exactly")
    func keeps() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.put(TestEvents.entry(["n": 0]))
            let created = try await create(engine, "all", ["Description": "d", "RetentionDays": 3])
            #expect(created["ArchiveArn"] == "arn:aws:events:us-east-1:123456789012:archive/all")
            #expect(created["State"] == "ENABLED")
            try await create(engine, "some", ["EventPattern": #"{"detail":{"n":[2]}}"#])
            try await engine.put([
                TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2]), TestEvents.entry(["n": 2], bus: "other"),
            ])
            let all = try await describe(engine, "all")
            #expect(all["EventCount"] == 2 && all["RetentionDays"] == 3 && all["Description"] == "d")
            let sizes = try engine.entries().filter { $0.bus == "default" }.map(\.payload.count)
            #expect(all["SizeBytes"]?.int == sizes.dropFirst().reduce(0, +))
            #expect(try await describe(engine, "some")["EventCount"] == 1)
            let listed = try await engine.call("events:ListArchives")["Archives"]?.array ?? []
            #expect(listed.map { $0["EventCount"] } == [2, 1])
        }
    }

    @Test("A changed pattern holds for what comes after the change, whenever it is archived")
    func update() async throws {
        try await TestEvents.run { engine in
            try await create(engine, "a", ["EventPattern": #"{"detail":{"n":[1]}}"#])
            try await engine.put([TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2])])
            try await engine.call(
                "events:UpdateArchive", ["ArchiveName": "a", "EventPattern": #"{"detail":{"n":[2]}}"#])
            try await engine.put([TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2]), TestEvents.entry(["n": 2])])
            #expect(try await describe(engine)["EventCount"] == 3)
            #expect(try await engine.audit("UpdateArchive").map { $0.detail["AfterSequence"] } == [2])
        }
    }

    @Test("A deleted archive is empty when it is made anew, and its events are let go")
    func deleted() async throws {
        try await TestEvents.run { engine in
            try await create(engine)
            try await engine.put(TestEvents.entry())
            #expect(try await describe(engine)["EventCount"] == 1)
            try await engine.call("events:DeleteArchive", ["ArchiveName": "a"])
            try await create(engine)
            #expect(try await describe(engine)["EventCount"] == 0)
            engine.clock.advance(by: .seconds(60))
            try await eventually("the old events are gone") {
                try await engine.blocks.database.read { try $0.queryOne("SELECT count(*) FROM blocks") { try $0[0] } }
                    == 0
            }
        }
    }

    @Test("Events are let go when their retention is over, and those of archives without one stay")
    func retention() async throws {
        try await TestEvents.run { engine in
            try await create(engine, "short", ["RetentionDays": 1])
            try await create(engine, "ever")
            try await engine.put(TestEvents.entry(["n": 1]))
            _ = try await describe(engine, "short")
            engine.clock.advance(by: .seconds(86_300))
            try await engine.put(TestEvents.entry(["n": 2]))
            #expect(try await describe(engine, "short")["EventCount"] == 2)
            for _ in 0..<4 {
                try await eventually("the retention is looked after again") {
                    engine.clock.alarms.contains { $0 <= engine.clock.now + .seconds(60) }
                }
                engine.clock.advance(by: .seconds(60))
            }
            try await eventually("the old event is gone") { try await describe(engine, "short")["EventCount"] == 1 }
            #expect(try await describe(engine, "ever")["EventCount"] == 2)
        }
    }

    @Test("An archive shows itself as a rule that nothing but the archive changes")
    func managedRule() async throws {
        try await TestEvents.run { engine in
            try await engine.rule("r", targets: [])
            try await create(engine, "a", ["EventPattern": #"{"source":["app"]}"#])
            let rules = try await engine.call("events:ListRules")["Rules"]?.array ?? []
            #expect(rules.map { $0["Name"] } == ["Events-Archive-a", "r"])
            #expect(rules.first?["ManagedBy"] == "prod.vhs.events.aws.internal")
            let pattern = try JSON(parsing: rules.first?["EventPattern"]?.string ?? "")
            #expect(pattern == ["source": ["app"], "replay-name": [["exists": false]]])
            let targets = try await engine.call("events:ListTargetsByRule", ["Rule": "Events-Archive-a"])
            #expect(targets["Targets"]?.array?.first?["Arn"] == "arn:aws:events:us-east-1:::")
            for (operation, input) in [
                ("events:DeleteRule", ["Name": "Events-Archive-a"] as JSON),
                ("events:PutRule", ["Name": "Events-Archive-a", "EventPattern": #"{"a":[1]}"#]),
                ("events:PutTargets", ["Rule": "Events-Archive-a", "Targets": [TestEvents.target()]]),
                ("events:DisableRule", ["Name": "Events-Archive-a"]),
            ] {
                let error = await refusal { try await engine.call(operation, input) }
                #expect(error?.code == .managedRule, "\(operation)")
            }
            try await engine.call("events:DeleteArchive", ["ArchiveName": "a"])
            #expect(try await engine.call("events:ListRules")["Rules"]?.array?.count == 1)
        }
    }

    @Test("What cannot be is refused in the service's words")
    func refused() async throws {
        try await TestEvents.run { engine in
            try await create(engine)
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.call(
                "events:CreateArchive",
                ["ArchiveName": "of-other", "EventSourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/other"])
            let cases: [(String, JSON, ErrorCode, String)] = [
                (
                    "CreateArchive", ["ArchiveName": "a", "EventSourceArn": ArchiveOperationsTests.bus],
                    .resourceAlreadyExists, "Archive a already exists."
                ),
                (
                    "CreateArchive",
                    ["ArchiveName": "b", "EventSourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/none"],
                    .resourceNotFound, "Event bus none does not exist."
                ),
                ("DescribeArchive", ["ArchiveName": "b"], .resourceNotFound, "Archive b does not exist."),
                ("UpdateArchive", ["ArchiveName": "b"], .resourceNotFound, "Archive b does not exist."),
                ("DeleteArchive", ["ArchiveName": "b"], .resourceNotFound, "Archive b does not exist."),
                (
                    "UpdateArchive", ["ArchiveName": "a"], .validation,
                    "Parameter(s) EventPattern, RetentionDays or Description must be specified."
                ),
                (
                    "ListArchives", ["NamePrefix": "a", "State": "ENABLED"], .validation,
                    "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."
                ),
                (
                    "DeleteEventBus", ["Name": "other"], .validation,
                    "Event bus other can't be deleted since the archive of-other keeps its events."
                ),
            ]
            for (operation, input, code, message) in cases {
                let error = await refusal { try await engine.call("events:\(operation)", input) }
                #expect(error?.code == code && error?.message == message, "\(operation): \(String(describing: error))")
            }
            let pattern = await refusal { try await create(engine, "b", ["EventPattern": #"{"a":1}"#]) }
            #expect(pattern?.code == .invalidEventPattern)
        }
    }

    @Test("Lists are filtered and come in pages")
    func listed() async throws {
        try await TestEvents.run { engine in
            for number in 1...5 { try await create(engine, "x\(number)") }
            try await create(engine, "y")
            let first = try await engine.call("events:ListArchives", ["NamePrefix": "x", "Limit": 3])
            let rest = try await engine.call(
                "events:ListArchives", ["NamePrefix": "x", "Limit": 3, "NextToken": first["NextToken"] ?? .null])
            let names = [first, rest].flatMap { $0["Archives"]?.array ?? [] }.map { $0["ArchiveName"] }
            #expect(names == ["x1", "x2", "x3", "x4", "x5"] && rest["NextToken"] == nil)
            #expect(try await engine.call("events:ListArchives", ["State": "DISABLED"])["Archives"] == [])
        }
    }
}
