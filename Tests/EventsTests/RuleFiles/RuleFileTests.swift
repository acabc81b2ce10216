import Core
import Platform
import TestSupport
import Testing

@testable import Events

@Suite("Files of rules") struct RuleFileTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func load() throws -> RuleDirectory { try RuleDirectory(directory.path, account: Account()) }

    /// The problems without the directory's own path.
    private func problems(_ loaded: RuleDirectory) -> [String] {
        loaded.problems.map { $0.description.replacing(directory.path + "/", with: "") }
    }

    private func rule(_ name: String, _ more: String = "") -> String {
        """
        Name: \(name)
        EventPattern: {source: [app]}
        Targets: [{Id: log, Arn: "arn:aws:logs:::log-group:/x"}]
        \(more)
        """
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let text: String
        let problem: String

        init(_ text: String, _ problem: String) {
            self.text = text
            self.problem = problem
        }

        var testDescription: String { problem }
    }

    private static let target = "Targets: [{Id: log, Arn: 'arn:aws:logs:::log-group:/x'}]"

    @Test(
        "A mistake is named with its line and column, and the way to mend it",
        arguments: [
            Mistake("EventPattern: {source: [a]}\n\(target)", "1:1: error: the rule has no Name"),
            Mistake("Name: 7\nEventPattern: {source: [a]}\n\(target)",
                "1:7: error: Name must be text; put it in quotes"),
            Mistake("Name: a b\nEventPattern: {source: [a]}\n\(target)", "1:7: error: 1 validation error detected: "
                + #"Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression "#
                + "pattern: "
                + #"[\.\-_A-Za-z0-9]+"#),
            Mistake("Name: r\n\(target)",
                "1:1: error: the rule has neither EventPattern nor ScheduleExpression: it would never fire"),
            Mistake("Name: r\nEventPatern: {source: [a]}\n\(target)",
                "2:1: error: unknown member 'EventPatern'; did you mean EventPattern?"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nTargets: [{Arn: 'arn:aws:sqs:::q'}]\n",
                "3:11: error: the target has no Id; give it one that is its own in the rule"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nTargets: [{Id: q, Arn: orders}]\n",
                "3:11: error: target q: 'orders' is no ARN; write arn:aws:SERVICE:REGION:ACCOUNT:NAME"),
            Mistake("Name: r\nEventPattern: {source: [{prefx: a}]}\n\(target)", "2:25: error: event pattern: "),
            Mistake("Name: r\nEventPattern:\n  detail:\n    size: 5\n\(target)", "4:5: error: event pattern: "),
            Mistake("Name: r\nEventPattern: '{\"source\": \"a\"}'\n\(target)", "2:15: error: event pattern: "),
            Mistake("Name: r\nScheduleExpression: rate(1 minutes)\n\(target)", "2:21: error: "),
            Mistake("Name: r\nEventBusName: b\nScheduleExpression: rate(1 minute)\n\(target)",
                "3:21: error: ScheduleExpression is supported only on the default event bus"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nState: 5\n\(target)",
                "3:8: error: State must be text; put it in quotes"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nState: enabled\n\(target)",
                "3:8: error: State must be one of ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, "
                    + "not 'enabled'"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nTargets: {}", "3:10: error: Targets must be a list"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nTargets:\n  - Id: t\n",
                "4:5: error: target t has no Arn"),
            Mistake("Name: r\nEventPattern: {source: [a]}\nTargets:\n  - {Id: t, Arn: 'arn:aws:kinesis:::stream/s'}\n",
                "4:5: error: Parameter Arn of target t is not valid."),
            Mistake("Name: r\nEventPattern: {source: [a]}\nTargets:\n  - {Id: t, Arn: 'arn:aws:sns:::q'}\n"
                + "  - {Id: t, Arn: 'arn:aws:sns:::p'}", "5:5: error: target t is defined twice"),
            Mistake("Name: r\nEventPattern: {source: [a]}\n\(target)\nTests:\n  - {Matches: true}",
                "5:5: error: a test needs Event, a mapping with the members of an event"),
            Mistake("Name: r\nEventPattern: {source: [a]}\n\(target)\nTests:\n  - {Event: {}, Matches: 1}",
                "5:5: error: a test needs Matches: true or false"),
            Mistake("Rules:\n  - 5\n", "2:5: error: a rule must be a mapping with Name, EventPattern or"),
            Mistake("Rules: 5\n", "1:8: error: Rules must be a list of rules"),
            Mistake("[1, 2]", "1:1: error: a rule must be a mapping"),
            Mistake("Name: r\nName: s\n", "2:1: error: "),
            Mistake("Name: r\n\tx: 1", "2:1: error: "),
            Mistake("a: &a [*a]", "1:8: error: "),
            Mistake(String(repeating: "[", count: 100_000), "1:1025: error: "),
            Mistake((0..<9).reduce("a0: &a0 [x]\n") { text, level in
                let aliases = Array(repeating: "*a\(level)", count: 10).joined(separator: ",")
                return text + "a\(level + 1): &a\(level + 1) [\(aliases)]\n"
            }, "error: "),
            Mistake("Name: r\nEventPattern: {detail: {n: [{numeric: ['>', 1e999]}]}}\n\(target)", "2:"),
        ])
    func mistakes(mistake: Mistake) throws {
        try directory.write(mistake.text, to: "bad.yaml")
        try directory.write(rule("good"), to: "good.yaml")
        let loaded = try load()
        #expect(loaded.brokenFiles == ["\(directory.path)/bad.yaml"])
        #expect(loaded.rules.map(\.name) == ["good"], "a broken file stops no other")
        let found = problems(loaded)
        #expect(found.contains { $0.hasPrefix("bad.yaml:") && $0.contains(mistake.problem) }, "\(found)")
    }

    @Test("Bytes that are no UTF-8, and files that are too large, are named")
    func unreadable() throws {
        try directory.write(Array("Name: ".utf8) + [0xFF], to: "bytes.yaml")
        try directory.write(rule("r") + String(repeating: "#", count: 1 << 20), to: "large.yaml")
        let loaded = try load()
        #expect(loaded.brokenFiles.count == 2 && loaded.rules.isEmpty)
        #expect(problems(loaded)[0].hasPrefix("bytes.yaml:1:7: error: "), "\(problems(loaded))")
        #expect(problems(loaded)[1].hasPrefix("large.yaml:1:1: error: "), "\(problems(loaded))")
    }

    @Test("All mistakes of a file are told at once, in their order")
    func several() throws {
        try directory.write(
            """
            Rules:
              - Name: one
                EventPattern: {source: a}
                Colour: red
                Targets: [{Id: t, Arn: x}]
              - Name: two
                EventPattern: {source: [a]}
            """, to: "bad.yaml")
        let lines = try load().problems.map { "\($0.severity) \($0.position.line)" }
        #expect(lines == ["error 3", "error 4", "error 5", "warning 6"])
    }

    @Test("A name used twice, in one file or in two, is named at both places, and holds at neither")
    func duplicates() throws {
        try directory.write(rule("a"), to: "1.yaml")
        try directory.write(rule("a", "---") .replacing("---", with: ""), to: "2.yaml")
        try directory.write(
            "Rules:\n  - {Name: b, EventPattern: {source: [x]}, \(Self.target)}\n"
                + "  - {Name: b, EventPattern: {source: [x]}, \(Self.target)}\n", to: "3.yaml")
        try directory.write(rule("a", "EventBusName: other"), to: "4.yaml")
        let loaded = try load()
        #expect(loaded.brokenFiles == Set((1...3).map { "\(directory.path)/\($0).yaml" }))
        #expect(
            problems(loaded) == [
                "1.yaml:1:1: error: rule a is defined in 2.yaml too",
                "2.yaml:1:1: error: rule a is defined in 1.yaml too",
                "3.yaml:3:5: error: rule b is defined twice; first at line 2, column 5",
            ])
        #expect(loaded.rules.map { "\($0.bus)/\($0.name)" } == ["other/a"])
    }

    @Test("Every rule file beneath a directory is read, documents are told apart, hidden and other files passed over")
    func files() throws {
        try directory.write(rule("a"), to: "a.yaml")
        try directory.write(rule("b"), to: "deep/er/b.yml")
        try directory.write(
            #"{"Name": "c", "EventPattern": {"source": ["x"]}, "Targets": [{"Id": "t", "Arn": "arn:aws:sns:::pager"}]}"#,
            to: "c.json")
        try directory.write("schemaVersion: '0.3'\nmainSteps: []", to: "Fix-It.yaml")
        try directory.write("nonsense: [", to: ".hidden.yaml")
        try directory.write("nonsense: [", to: ".git/x.yaml")
        try directory.write("nonsense: [", to: "README.md")
        let loaded = try load()
        #expect(loaded.isSound && loaded.problems.isEmpty, "\(problems(loaded))")
        #expect(loaded.rules.map(\.name) == ["a", "c", "b"])
        #expect(loaded.documents.map(\.name) == ["Fix-It"])
        #expect(loaded.topics == ["pager"])
    }

    @Test("Patterns and inputs written as mappings mean their JSON")
    func mappings() throws {
        try directory.write(
            """
            Name: r
            EventPattern: {detail: {n: [1, "two", null], big: [12345678901234567890]}}
            State: DISABLED
            Description: what it does
            Targets:
              - Id: t
                Arn: arn:aws:sns:::pager
                Input: {a: [1, x]}
              - Id: u
                Arn: arn:aws:sns:::pager
                InputTransformer:
                  InputPathsMap: {n: $.detail.n}
                  InputTemplate: {number: <n>}
                RetryPolicy: {MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 60}
            """, to: "r.yaml")
        let loaded = try load()
        #expect(loaded.isSound, "\(problems(loaded))")
        let rule = try #require(loaded.rules.first)
        #expect(rule.eventPattern == #"{"detail":{"n":[1,"two",null],"big":[12345678901234567890]}}"#)
        #expect(rule.state == .disabled && rule.description == "what it does")
        #expect(rule.targets[0].json["Input"] == #"{"a":[1,"x"]}"#)
        #expect(rule.targets[0].arn.description == "arn:aws:sns:us-east-1:123456789012:pager")
        #expect(rule.targets[1].json["InputTransformer"]?["InputTemplate"] == #"{"number":"<n>"}"#)
        #expect(rule.targets[1].retryPolicy == RetryPolicy(attemptsMax: 3, ageSecondsMax: 60))
    }

    // MARK: Their tests

    private func outcomes(_ tests: String) throws -> [String?] {
        try directory.write(
            """
            Name: r
            EventPattern: {source: [app], detail: {n: [{numeric: [">", 1]}]}}
            Targets:
              - {Id: t, Arn: "arn:aws:sns:::pager", InputPath: $.detail}
            Tests:
            \(tests)
            """, to: "r.yaml")
        let loaded = try load()
        #expect(loaded.isSound, "\(problems(loaded))")
        return loaded.tests.map { $0.test.run($0.rule, account: Account()).failure }
    }

    @Test("Tests beside a rule say what it matches and what its targets get")
    func passing() throws {
        let failures = try outcomes(
            """
              - {Event: {source: app, detail: {n: 2}}, Matches: true, Targets: {t: {n: 2.0}}}
              - {Event: {source: app, detail: {n: 1}}, Matches: false}
            """)
        #expect(failures == [nil, nil])
    }

    @Test("A failing test says what happened instead")
    func failing() throws {
        let failures = try outcomes(
            """
              - {Event: {source: app, detail: {n: 1}}, Matches: true}
              - {Event: {source: app, detail: {n: 2}}, Matches: false}
              - {Event: {source: app, detail: {n: 2}}, Matches: true, Targets: {t: {n: 3}}}
              - {Event: {source: app, detail: {n: 2}}, Matches: true, Targets: {u: {n: 2}}}
            """)
        #expect(failures[0]?.hasPrefix("should match, but does not match: ") == true)
        #expect(failures[1] == "should not match, but does")
        #expect(failures[2] == #"target t should receive {"n":3}, but receives {"n":2}"#)
        #expect(failures[3] == "the rule has no target u")
    }
}
