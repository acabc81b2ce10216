import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Rules loaded from files") struct RuleReplacementTests {
    private static let context = OperationContext(principal: .local)

    private func rule(_ name: String, source: String = "app", file: String) -> Rule {
        Rule(name: name, eventPattern: #"{"source":["\#(source)"]}"#, file: file)
    }

    private func apply(
        _ engine: TestEvents, _ rules: [Rule], broken: Set<String> = []
    ) async throws -> [Int] {
        let counts = try await engine.service.replaceFileRules(rules, brokenFiles: broken, Self.context)
        return [counts.written, counts.deleted]
    }

    private func names(_ engine: TestEvents) async throws -> [String] {
        let rules = try await engine.call("events:ListRules")["Rules"]?.array ?? []
        return rules.compactMap { $0["Name"]?.string }
    }

    @Test("What the files say is what is there: rules come, change and go, and those of operations stay")
    func replace() async throws {
        try await TestEvents.run { engine in
            try await engine.rule("own", targets: [])
            let a = rule("a", file: "1.yaml")
            let b = rule("b", file: "1.yaml")
            #expect(try await apply(engine, [a, b]) == [2, 0])
            #expect(try await apply(engine, [a, b]) == [0, 0], "nothing has changed")
            #expect(try await apply(engine, [rule("a", source: "x", file: "1.yaml"), b]) == [1, 0])
            #expect(try await apply(engine, [b]) == [0, 1])
            #expect(try await names(engine) == ["b", "own"])
            // A rule that moves from file to file is the same rule.
            #expect(try await apply(engine, [rule("b", file: "2.yaml")]) == [1, 0])
            #expect(try await apply(engine, []) == [0, 1])
            #expect(try await names(engine) == ["own"])
        }
    }

    @Test("A broken file's rules stay as they were loaded last")
    func broken() async throws {
        try await TestEvents.run { engine in
            let rules = [rule("a", file: "1.yaml"), rule("b", file: "2.yaml")]
            let counts = try await apply(engine, rules)
            #expect(counts == [2, 0])
            #expect(try await apply(engine, [rule("c", file: "3.yaml")], broken: ["1.yaml"]) == [1, 1])
            #expect(try await names(engine) == ["a", "c"])
            #expect(try await apply(engine, [rule("c", file: "3.yaml")]) == [0, 1], "the file is gone")
        }
    }

    @Test("A rule that another file has taken over stays what it was while its own file is broken")
    func stolen() async throws {
        try await TestEvents.run { engine in
            #expect(try await apply(engine, [rule("a", file: "2.yaml")]) == [1, 0])
            // A new file sorts before the old one and uses its name: the old one is then reported as broken.
            let directory = try TemporaryDirectory()
            for name in ["1.yaml", "2.yaml"] {
                try directory.write(
                    "Name: a\nEventPattern: {source: [\(name)]}\nTargets: []\n", to: name)
            }
            let loaded = try RuleDirectory(directory.path, account: Account())
            #expect(loaded.brokenFiles.count == 2 && loaded.rules.isEmpty, "neither can be told to be right")
        }
    }

    @Test("A name that an operation has given, and a bus that does not exist, change nothing at all")
    func refused() async throws {
        try await TestEvents.run { engine in
            try await engine.rule("own", targets: [])
            var elsewhere = rule("b", file: "1.yaml")
            elsewhere.bus = "gone"
            for bad in [rule("own", file: "1.yaml"), elsewhere, rule("x", source: #"","#, file: "1.yaml")] {
                await #expect(throws: ServiceError.self) {
                    try await apply(engine, [rule("a", file: "1.yaml"), bad])
                }
                #expect(try await names(engine) == ["own"])
            }
        }
    }

    @Test("Rules, targets and schedules are there again after a restart")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        func make() throws -> TestEvents {
            try TestEvents(clock: clock, database: TestEvents.database(directory.path + "/db", clock: clock))
        }
        let first = try make()
        var rules = JSON.null
        try await TestEvents.run(first) { engine in
            #expect(try await apply(engine, [rule("a", file: "1.yaml")]) == [1, 0])
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.rule("b", bus: "other", targets: [TestEvents.target("z"), TestEvents.target("y")])
            rules = try await engine.call("events:ListRules")
        }
        await first.database.close()
        let second = try make()
        try await TestEvents.run(second) { engine in
            #expect(try await engine.call("events:ListRules") == rules)
            #expect(try await apply(engine, [rule("a", file: "1.yaml")]) == [0, 0])
            let targets = try await engine.call("events:ListTargetsByRule", ["Rule": "b", "EventBusName": "other"])
            #expect(targets["Targets"]?.array?.map { $0["Id"] } == ["y", "z"])
            try await engine.put(TestEvents.entry(bus: "other"))
            try await eventually("both targets are called") { engine.targets.calls.count == 2 }
        }
        await second.database.close()
    }
}
