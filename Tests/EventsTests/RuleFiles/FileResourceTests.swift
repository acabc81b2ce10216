import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("What templates hold besides rules") struct FileResourceTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Loads the directory as the server does.
    private func load(_ engine: TestEvents) async throws {
        let loaded = try RuleDirectory(directory.path, account: Account())
        try await engine.service.load(loaded, OperationContext(principal: .system))
    }

    private func load(_ resources: String, as file: String = "t.yaml", _ engine: TestEvents) async throws {
        try directory.write("AWSTemplateFormatVersion: '2010-09-09'\nResources:\n\(resources)\n", to: file)
        try await load(engine)
    }

    private func schedule(
        _ expression: String = "rate(1 minute)", group: String = "day", more: String = ""
    ) -> String {
        """
          Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: \(group)}}
          Tick:
            Type: AWS::Scheduler::Schedule
            Properties:
              Name: tick
              GroupName: !Ref Group
              ScheduleExpression: \(expression)
              FlexibleTimeWindow: {Mode: "OFF"}
              Target: {Arn: "arn:aws:sqs:us-east-1:123456789012:q", RoleArn: "arn:aws:iam::123456789012:role/r"}
        \(more)
        """
    }

    private func schedules(_ engine: TestEvents) async throws -> [String] {
        let answer = try await engine.call("scheduler:ListSchedules")
        return (answer["Schedules"]?.array ?? []).map {
            "\($0["GroupName"]?.string ?? "")/\($0["Name"]?.string ?? "")"
        }
    }

    private func groups(_ engine: TestEvents) async throws -> [String] {
        let answer = try await engine.call("scheduler:ListScheduleGroups")
        return (answer["ScheduleGroups"]?.array ?? []).compactMap { $0["Name"]?.string }
    }

    private func buses(_ engine: TestEvents) async throws -> [String] {
        (try await engine.call("events:ListEventBuses")["EventBuses"]?.array ?? []).compactMap { $0["Name"]?.string }
    }

    private func archives(_ engine: TestEvents) async throws -> [String] {
        (try await engine.call("events:ListArchives")["Archives"]?.array ?? []).compactMap { $0["ArchiveName"]?.string }
    }

    private func calls(_ engine: TestEvents) -> Int { engine.targets.calls.count { $0.operation == "sqs:SendMessage" } }

    /// A rate counts from the moment at which the schedule is made or changed, which is its first time.
    private func firesAtOnce(_ count: Int, _ engine: TestEvents) async throws {
        try await eventually("the schedule fires at once") { calls(engine) == count }
    }

    /// Moves the clock on to the instant at which the schedule must fire next.
    private func fires(after seconds: Int, _ engine: TestEvents) async throws {
        let before = calls(engine)
        let due = engine.clock.now + .seconds(seconds)
        try await eventually("the scheduler waits for its time") { engine.clock.alarms.contains(due) }
        engine.clock.advance(by: .seconds(seconds))
        try await eventually("it fires") { calls(engine) == before + 1 }
    }

    // MARK: Schedules

    @Test("A template's schedule fires, whatever else is loaded; a changed expression counts from the change")
    func fires() async throws {
        try await TestEvents.run { engine in
            try await load(schedule(), engine)
            try await firesAtOnce(1, engine)
            engine.clock.advance(by: .seconds(30))
            // Loading again restarts nothing, and neither does a change of something else.
            try await load(engine)
            try await load(schedule(more: "  Bus: {Type: AWS::Events::EventBus, Properties: {Name: b}}"), engine)
            try await fires(after: 30, engine)
            engine.clock.advance(by: .seconds(10))
            try await load(schedule("rate(5 minutes)"), engine)
            try await firesAtOnce(3, engine)
            try await fires(after: 300, engine)
            #expect(calls(engine) == 4)
        }
    }

    @Test("A schedule that gets another group is in that group alone, and fires as before")
    func regrouped() async throws {
        try await TestEvents.run { engine in
            try await load(schedule(), engine)
            try await firesAtOnce(1, engine)
            try await load(schedule(group: "night"), engine)
            try await firesAtOnce(2, engine)
            #expect(try await schedules(engine) == ["night/tick"])
            #expect(try await groups(engine) == ["default", "night"])
            try await fires(after: 60, engine)
            #expect(calls(engine) == 3)
        }
    }

    @Test("A schedule that leaves its file fires no more; while the file is broken it fires as it did")
    func removed() async throws {
        try await TestEvents.run { engine in
            try await load(schedule(), engine)
            try await firesAtOnce(1, engine)
            try await load("  Tick: [", engine)
            #expect(try await schedules(engine) == ["day/tick"])
            try await fires(after: 60, engine)
            try await load("  Topic: {Type: AWS::SNS::Topic}", engine)
            #expect(try await schedules(engine) == [])
            #expect(try await groups(engine) == ["default"])
            engine.clock.advance(by: .seconds(600))
            #expect(try await engine.call("scheduler:ListSchedules")["Schedules"] == [])
            #expect(calls(engine) == 2)
        }
    }

    @Test("A group with a schedule of others stays until that is gone")
    func sharedGroup() async throws {
        try await TestEvents.run { engine in
            try await load(schedule(), engine)
            try await engine.call(
                "scheduler:CreateSchedule",
                [
                    "Name": "own", "GroupName": "day", "ScheduleExpression": "rate(1 day)",
                    "FlexibleTimeWindow": ["Mode": "OFF"],
                    "Target": [
                        "Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r",
                    ],
                ])
            try await load("  Topic: {Type: AWS::SNS::Topic}", engine)
            #expect(try await schedules(engine) == ["day/own"])
            try await engine.call("scheduler:DeleteSchedule", ["Name": "own", "GroupName": "day"])
            try await load(engine)
            #expect(try await groups(engine) == ["default"])
        }
    }

    // MARK: Buses

    private let bus = """
          Bus:
            Type: AWS::Events::EventBus
            Properties: {Name: b, Description: d, LogConfig: {Level: TRACE, IncludeDetail: FULL}}
          Rule:
            Type: AWS::Events::Rule
            Properties: {Name: r, EventBusName: !Ref Bus, EventPattern: {source: [app]}, Targets: []}
        """

    @Test("A bus comes with its settings, follows their changes, and goes with its rules, also after a restart")
    func bus() async throws {
        let state = try TemporaryDirectory()
        let clock = ManualClock()
        func make() throws -> TestEvents {
            try TestEvents(clock: clock, database: TestEvents.database(state.path + "/db", clock: clock))
        }
        let first = try make()
        try await TestEvents.run(first) { engine in
            try await load(bus, engine)
            let made = try await engine.call("events:DescribeEventBus", ["Name": "b"])
            #expect(made["LogConfig"] == ["Level": "TRACE", "IncludeDetail": "FULL"] && made["Description"] == "d")
            let listed = try await engine.call("events:ListEventBuses", ["NamePrefix": "b"])["EventBuses"]?[0]
            #expect(listed?["ManagedBy"]?.string == "file:\(directory.path)/t.yaml")
            try await load(bus.replacing(", LogConfig: {Level: TRACE, IncludeDetail: FULL}", with: ""), engine)
            let changed = try await engine.call("events:DescribeEventBus", ["Name": "b"])
            #expect(changed["LogConfig"] == ["Level": "OFF"] && changed["Description"] == "d")
            // Somebody else changes it: the file has the last word at the next load.
            engine.clock.advance(by: .seconds(1))
            try await engine.call("events:UpdateEventBus", ["Name": "b", "Description": "theirs"])
            try await load(engine)
            #expect(try await engine.call("events:DescribeEventBus", ["Name": "b"])["Description"] == "d")
        }
        await first.database.close()
        let second = try make()
        try await TestEvents.run(second) { engine in
            let modified = try await engine.call("events:DescribeEventBus", ["Name": "b"])["LastModifiedTime"]
            clock.advance(by: .seconds(1))
            try await load(engine)
            let loaded = try await engine.call("events:DescribeEventBus", ["Name": "b"])
            #expect(loaded["LastModifiedTime"] == modified, "nothing has changed")
            try await load("  Topic: {Type: AWS::SNS::Topic}", engine)
            #expect(try await buses(engine) == ["default"])
        }
        await second.database.close()
    }

    @Test("What leaves its file stays where no file made it, where it was changed since, and where that is its policy")
    func stays() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "before"])
            try await load(
                """
                  Before: {Type: AWS::Events::EventBus, Properties: {Name: before}}
                  Changed: {Type: AWS::Events::EventBus, Properties: {Name: changed}}
                  Retained: {Type: AWS::Events::EventBus, DeletionPolicy: Retain, Properties: {Name: retained}}
                  Ruled: {Type: AWS::Events::EventBus, Properties: {Name: ruled}}
                  Plain: {Type: AWS::Events::EventBus, DeletionPolicy: Delete, Properties: {Name: plain}}
                """, engine)
            engine.clock.advance(by: .seconds(1))
            try await engine.call("events:UpdateEventBus", ["Name": "changed", "Description": "theirs"])
            try await engine.rule("theirs", bus: "ruled", targets: [])
            try await load("  Topic: {Type: AWS::SNS::Topic}", engine)
            #expect(try await buses(engine) == ["before", "changed", "default", "retained", "ruled"])
            // The rule on it was in the way; what a load could not do, a later one does.
            try await engine.call("events:DeleteRule", ["Name": "theirs", "EventBusName": "ruled"])
            try await load(engine)
            #expect(try await buses(engine) == ["before", "changed", "default", "retained"])
        }
    }

    @Test("A resource that moves to another file stays as it is; in two files at once it is a mistake in both")
    func moved() async throws {
        try await TestEvents.run { engine in
            try await load(bus, engine)
            try directory.write("Name: [", to: "t.yaml")
            try await load(bus, as: "u.yaml", engine)
            try directory.write("Rules: []\n", to: "t.yaml")
            try await load(engine)
            #expect(try await buses(engine) == ["b", "default"])
            try await load(bus, as: "t.yaml", engine)
            let both = try RuleDirectory(directory.path, account: Account())
            #expect(both.brokenFiles.count == 2 && both.resources.isEmpty)
            #expect(both.problems.contains { $0.message == "bus b is defined in \(directory.path)/u.yaml too" })
            #expect(try await buses(engine) == ["b", "default"], "neither can be told to be right")
        }
    }

    @Test("A rule for a bus that there is not, or with a name that is taken, keeps its file out, and no other")
    func misfits() async throws {
        try await TestEvents.run { engine in
            func rule(_ name: String, more: String = "") -> String {
                "Name: \(name)\nEventPattern: {source: [app]}\nTargets: []\n\(more)"
            }
            func names() async throws -> [String] {
                let rules = try await engine.call("events:ListRules")["Rules"]?.array ?? []
                return rules.compactMap { $0["Name"]?.string }
            }
            try await engine.rule("own", targets: [])
            try directory.write(rule("lost", more: "EventBusName: nowhere\n"), to: "1.yaml")
            try directory.write(rule("own"), to: "2.yaml")
            try directory.write(rule("good"), to: "3.yaml")
            try await load(engine)
            #expect(try await names() == ["good", "own"])
            // What is mended is used; what is spoilt stays as it was.
            try directory.write(rule("lost"), to: "1.yaml")
            try directory.write(rule("good", more: "EventBusName: nowhere\n"), to: "3.yaml")
            try await load(engine)
            #expect(try await names() == ["good", "lost", "own"])
        }
    }

    @Test("A DeletionPolicy that there is not is a mistake with its place")
    func policy() throws {
        try directory.write(
            """
            AWSTemplateFormatVersion: '2010-09-09'
            Resources:
              Bus: {Type: AWS::Events::EventBus, DeletionPolicy: Snapshot, Properties: {Name: b}}
            """, to: "t.yaml")
        let problems = try RuleDirectory(directory.path, account: Account()).problems
        #expect(problems.map(\.severity) == [.error] && problems.first?.position.line == 3)
        #expect(problems.first?.message.contains("Delete, Retain or RetainExceptOnCreate, not Snapshot") == true)
    }

    // MARK: Archives

    private func archive(_ properties: String = "", policy: String? = nil) -> String {
        """
          Kept:
            Type: AWS::Events::Archive
        \(policy.map { "    DeletionPolicy: \($0)" } ?? "    # None")
            Properties:
              {ArchiveName: kept, SourceArn: "arn:aws:events:us-east-1:123456789012:event-bus/default"\(properties)}
        """
    }

    @Test(
        "An archive that leaves its file goes if it is empty; with events only if its DeletionPolicy is Delete",
        arguments: [(false, nil, []), (true, nil, ["kept"]), (true, "Delete", []), (false, "Retain", ["kept"])] as [(
            Bool, String?, [String]
        )])
    func archive(holdsEvents: Bool, policy: String?, left: [String]) async throws {
        try await TestEvents.run { engine in
            try await load(archive(policy: policy), engine)
            if holdsEvents { try await engine.put() }
            try await load("  Topic: {Type: AWS::SNS::Topic}", engine)
            #expect(try await archives(engine) == left)
        }
    }

    @Test("An archive's settings follow the file, also back to their defaults; its bus cannot change")
    func archiveSettings() async throws {
        try await TestEvents.run { engine in
            func kept() async throws -> JSON {
                try await engine.call("events:DescribeArchive", ["ArchiveName": "kept"])
            }
            try await load(archive(", EventPattern: {source: [app]}, RetentionDays: 3"), engine)
            #expect(try await kept()["RetentionDays"] == 3)
            try await load(archive(), engine)
            let reset = try await kept()
            #expect(reset["RetentionDays"] == 0 && reset["EventPattern"] == nil)
            try await engine.put(TestEvents.entry(source: "else"))
            try await load(engine)
            #expect(try await kept()["EventCount"] == 1)
            try await load(archive().replacing("event-bus/default", with: "event-bus/other"), engine)
            #expect(try await kept()["EventSourceArn"]?.string?.hasSuffix("event-bus/default") == true)
        }
    }
}
