import Core
import Foundation
import Testing

@testable import Main

/// `rules check` and `rules test` on directories of files, without a server.
struct RuleFilesCommandTests {
    /// Runs the body with a directory that holds the files given by name.
    private func withFiles(
        _ files: [String: String], _ body: (_ directory: String) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(to: directory.appending(path: name), atomically: true, encoding: .utf8)
        }
        try await body(directory.path())
    }

    /// The problems that `rules check` finds, each as `FILE:LINE:COLUMN: severity: message` with the file's name alone.
    private func problems(_ files: [String: String]) async throws -> [String] {
        var problems: [String] = []
        try await withFiles(files) { directory in
            let outcome = await opsbus(["rules", "check", directory])
            problems = outcome.lines.dropLast().map { $0.replacing(directory + "/", with: "") }
            let hasErrors = problems.contains { $0.contains(": error: ") }
            #expect(outcome.exitCode == (hasErrors ? .failure : .success), "\(outcome.output)")
        }
        return problems
    }

    private static let document = """
        schemaVersion: "2.2"
        parameters:
          Unit:
            type: String
            allowedPattern: "^[a-z]+[.]service$"
          Mode:
            type: String
            default: fast
            allowedValues: [fast, slow]
          Count:
            type: Integer
            default: 1
        mainSteps:
          - name: restart
            action: aws:runShellScript
            inputs:
              runCommand: ["true"]

        """

    private static let runbook = """
        schemaVersion: "0.3"
        parameters:
          Node: {type: String}
        mainSteps:
          - name: restart
            action: aws:runCommand
            inputs:
              DocumentName: Restart
              Targets: [{Key: "tag:Name", Values: ["{{ Node }}"]}]
              Parameters:
                Unit: [nginx.service]

        """

    /// A rule whose target is a document, and whose last lines are `input`, indented like its other members.
    private func rule(_ arn: String, _ input: String) -> String {
        """
        Name: r
        EventPattern: {source: [a]}
        Targets:
          - Id: t
            Arn: arn:aws:ssm:::\(arn)
            RunCommandParameters: {RunCommandTargets: [{Key: InstanceIds, Values: [mi-1]}]}

        """ + input.split(separator: "\n").map { "    \($0)\n" }.joined()
    }

    private func problems(ofInput input: String, arn: String = "document/Restart") async throws -> [String] {
        try await problems(["rule.yaml": rule(arn, input), "Restart.yaml": Self.document, "Mend.yaml": Self.runbook])
    }

    @Test(arguments: [
        "Input: {Unit: [a.service]}", #"Input: '{"Unit": "a.service", "Count": 3}'"#,
        "InputPath: $.detail.parameters",
        "InputTransformer: {InputPathsMap: {u: $.detail.unit}, InputTemplate: {Unit: [<u>], Mode: [slow]}}",
        #"InputTransformer: {InputPathsMap: {u: $.detail.unit}, InputTemplate: '{"Unit": [<u>]}'}"#,
        "InputTransformer: {InputPathsMap: {all: $.detail}, InputTemplate: <all>}",
    ])
    func `An input that fits is no problem`(input: String) async throws {
        #expect(try await problems(ofInput: input) == [])
    }

    @Test(arguments: [
        (
            "Input:\n  Unit: [a.service]\n  Mod: [fast]",
            #"9:7: error: target t of rule r: the document Restart has no parameter "Mod"; did you mean Mode?"#
        ),
        (
            "Input: {Mode: [fast]}",
            #"7:12: error: target t of rule r: the document Restart needs the parameter "Unit"; give it a value here"#
        ),
        (
            "RetryPolicy: {MaximumRetryAttempts: 1}",
            #"4:5: error: target t of rule r: the document Restart needs the parameter "Unit"; give it a value here"#
        ),
        (
            "Input:\n  Unit: [a.service]\n  Mode: [quick]",
            #"9:7: error: target t of rule r: the parameter "Mode" is "quick", allowed are "fast", "slow"; the "#
                + "document is Restart"
        ),
        (
            "InputTransformer:\n  InputPathsMap: {m: $.detail.mode}\n  InputTemplate:\n    Unit: [/bin/sh]\n"
                + "    Mode: [<m>]",
            #"10:9: error: target t of rule r: the parameter "Unit" is "/bin/sh", which does not match its "#
                + "allowedPattern ^[a-z]+[.]service$; the document is Restart"
        ),
        (
            #"Input: '{"Unit": ["a.service"], "Count": ["many"]}'"#,
            #"7:12: error: target t of rule r: the parameter "Count" must be of type Integer, not ["many"]; the "#
                + "document is Restart"
        ),
        (
            "Input: [a.service]",
            #"7:12: error: target t gives the document Restart no object of its parameters; write it as "#
                + #"{"NAME": ["VALUE"]}"#
        ),
        (
            #"InputTransformer: {InputTemplate: '"a.service"'}"#,
            #"7:39: error: target t gives the document Restart no object of its parameters; write it as "#
                + #"{"NAME": ["VALUE"]}"#
        ),
    ])
    func `An input that the document would refuse is an error with its place`(
        input: String, error: String
    ) async throws {
        #expect(try await problems(ofInput: input) == ["rule.yaml:" + error])
    }

    @Test func `A document is started as what it is`() async throws {
        #expect(
            try await problems(ofInput: "Input: {Node: [a]}", arn: "document/Mend") == [
                "rule.yaml:5:10: error: target t of rule r: Mend is a runbook; write "
                    + "arn:aws:ssm:::automation-definition/Mend"
            ])
        #expect(
            try await problems(ofInput: "Input: {Unit: [a.service]}", arn: "automation-definition/Restart") == [
                "rule.yaml:5:10: error: target t of rule r: Restart is a command document; write "
                    + "arn:aws:ssm:::document/Restart"
            ])
        // What a server holds under a number is not in the file.
        #expect(try await problems(ofInput: "Input: {Old: [a]}", arn: "automation-definition/Mend:3") == [])
        #expect(
            try await problems(ofInput: "Input: {Old: [a]}", arn: "document/Elsewhere") == [
                "rule.yaml:5:10: warning: target t of rule r uses the document Elsewhere, which is not here; a file "
                    + "Elsewhere.yaml would be it"
            ])
    }

    @Test func `What a runbook gives to a command document is checked likewise`() async throws {
        let parameters = "Parameters:\n        Unit: [nginx.service]"
        let faults = [
            ("Parameters:\n        Unit: ['{{ Node }}']", nil),
            (
                "Comment: none",
                #"Mend.yaml:8:7: error: step "restart": the document Restart needs the parameter "Unit""#
            ),
            (
                "Parameters:\n        Unt: ['{{ Node }}']\n        Unit: ['{{ Node }}']",
                #"Mend.yaml:11:9: error: step "restart": the document Restart has no parameter "Unt"; did you mean"#
            ),
            (
                parameters + "\n        Mode: [quick]",
                #"Mend.yaml:12:9: error: step "restart": the parameter "Mode" is "quick""#
            ),
        ]
        for (text, error) in faults {
            let runbook = Self.runbook.replacing(parameters, with: text)
            let found = try await problems(["Restart.yaml": Self.document, "Mend.yaml": runbook])
            if let error {
                #expect(found.count == 1 && found[0].hasPrefix(error), "\(found)")
            } else {
                #expect(found == [])
            }
        }
    }

    @Test func `Two files cannot be the same document`() async throws {
        let found = try await problems(["A.yaml": Self.document, "A.yml": Self.document])
        #expect(found.count == 1 && found[0].contains("the document A is in "), "\(found)")
    }

    @Test func `The rules that are shipped are sound, all tested, and do what they say`() async {
        let rules = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Rules").standardized
        let check = await opsbus(["rules", "check", rules.path()])
        #expect(check.output.hasSuffix(" 0 errors, 0 warnings\n") && check.lines.count == 1, "\(check.output)")
        let test = await opsbus(["rules", "test", rules.path()])
        #expect(test.exitCode == .success && !test.output.contains("no tests"), "\(test.output)")
        #expect(test.lines.count > 30 && test.output.hasSuffix(" passed, 0 failed\n"), "\(test.output)")
    }

    // MARK: Schedules

    private func testOutput(
        schedule: String, event: String, matches: Bool, pattern: String = ""
    ) async throws -> [String] {
        var lines: [String] = []
        let rule = """
            Name: nightly
            ScheduleExpression: \(schedule)
            \(pattern)
            Targets: [{Id: log, Arn: "arn:aws:logs:::log-group:/x", InputPath: "$.resources[0]"}]
            Tests:
              - Name: it
                Event: \(event)
                Matches: \(matches)
                \(matches ? "Targets: {log: 'arn:aws:events:us-east-1:123456789012:rule/nightly'}" : "")
            """
        try await withFiles(["nightly.yaml": rule]) { directory in
            let outcome = await opsbus(["rules", "test", directory])
            lines = outcome.lines.map { $0.replacing(directory + "/", with: "") }
            #expect(outcome.exitCode == (outcome.output.contains("FAILED") ? .failure : .success), "\(outcome.output)")
        }
        return lines
    }

    private static let scheduled = "source: aws.events, detail-type: Scheduled Event"

    @Test(arguments: [
        ("cron(30 2 * * ? *)", "{\(scheduled)}", true),
        ("cron(30 2 * * ? *)", "{\(scheduled), time: '2026-03-01T02:30:00Z'}", true),
        ("cron(30 2 * * ? *)", "{\(scheduled), time: '2026-03-01T02:31:00Z'}", false),
        ("cron(30 2 * * ? *)", "{source: my.app, detail-type: Scheduled Event}", false),
        ("at(2026-03-01T02:30:00)", "{\(scheduled), time: '2026-03-01T02:30:00Z'}", true),
        ("at(2026-03-01T02:30:00)", "{\(scheduled), time: '2026-03-02T02:30:00Z'}", false),
        ("rate(5 minutes)", "{\(scheduled), time: '2026-03-01T02:31:07Z'}", true),
    ])
    func `A schedule is tested with the events that it makes`(
        schedule: String, event: String, matches: Bool
    ) async throws {
        #expect(
            try await testOutput(schedule: schedule, event: event, matches: matches)
                == ["ok     nightly: it", "1 passed, 0 failed"])
        // The other way round the test must fail.
        let failed = try await testOutput(schedule: schedule, event: event, matches: !matches)
        #expect(failed.first == "FAILED nightly: it" && failed.last == "0 passed, 1 failed", "\(failed)")
    }

    @Test func `A schedule that is not due says when it is`() async throws {
        let lines = try await testOutput(
            schedule: "cron(30 2 * * ? *)", event: "{\(Self.scheduled), time: '2026-03-01T12:00:00Z'}", matches: true)
        #expect(
            lines[1] == "       nightly.yaml:6: should match, but cron(30 2 * * ? *) is not due at "
                + "2026-03-01T12:00:00Z; the next time is 2026-03-02T02:30:00Z")
    }

    @Test func `A rule with a schedule and a pattern fires by either`() async throws {
        let own = "{source: my.app, resources: ['arn:aws:events:us-east-1:123456789012:rule/nightly']}"
        for event in ["{\(Self.scheduled)}", own] {
            let lines = try await testOutput(
                schedule: "rate(1 day)", event: event, matches: true, pattern: "EventPattern: {source: [my.app]}")
            #expect(lines.first == "ok     nightly: it", "\(lines)")
        }
    }
}
