internal import Core
internal import Events
internal import Patterns

extension Command {
    /// `rules check`, `test` and `explain`, which need no server.
    static let ruleFileCommands: [Command] = [checkRules, testRules, explainRule, backtestRules]

    private static let checkRules = Command(
        "check", "Check rule files and say what is wrong with them, and where.",
        discussion: """
            Rules, the documents in the directory, and what the ones give to the others: a parameter that is unknown \
            or missing, a value that the document would refuse. CloudFormation and SAM templates are rule files too; \
            what of them cannot be honoured is a warning.

            The server makes the buses, archives and schedules of a template, and deletes what leaves it, unless it \
            was there before, somebody has changed it since, or its DeletionPolicy is Retain. An archive that holds \
            events is deleted only where its DeletionPolicy is Delete.
            """,
        examples: [Example("opsbus rules check Rules", "Check every file beneath Rules")],
        arguments: [directory]
    ) { arguments, session in
        let loaded = try RuleDirectory.checked(try arguments.required(directory), account: try session.account())
        let problems = loaded.problems
        session.output.result(
            [
                "Rules": .integer(loaded.rules.count), "Documents": .integer(loaded.documents.count),
                "Problems": .array(problems.map(\.json)),
            ]
        ) {
            for problem in problems { session.output.line(problem.description) }
            session.output.line(
                "\(counted(loaded.rules.count, "rule")), \(counted(loaded.documents.count, "document")), "
                    + "\(counted(problems.count { $0.severity == .error }, "error")), "
                    + "\(counted(problems.count { $0.severity == .warning }, "warning"))")
        }
        return loaded.isSound ? .success : .failure
    }

    private static let testRules = Command(
        "test", "Run the tests that rule files hold, without a server.",
        discussion: """
            Each test gives an event, says whether the rule must match it, and what targets must receive. A rule with \
            a schedule matches events of source aws.events and detail-type Scheduled Event whose time is due.
            """,
        examples: [Example("opsbus rules test Rules", "Run the tests of every rule beneath Rules")],
        arguments: [directory]
    ) { arguments, session in
        let account = try session.account()
        let loaded = try RuleDirectory.checked(try arguments.required(directory), account: account)
        let outcomes = loaded.tests.map { $0.test.run($0.rule, account: account) }
        let errors = loaded.problems.filter { $0.severity == .error }
        let failed = outcomes.filter { $0.failure != nil }
        let untested = loaded.rules.filter { rule in !loaded.tests.contains { $0.rule.name == rule.name } }
        session.output.result(
            [
                "Passed": .integer(outcomes.count - failed.count), "Failed": .integer(failed.count),
                "Untested": .array(untested.map { .string($0.name) }), "Outcomes": .array(outcomes.map(\.json)),
                "Problems": .array(errors.map(\.json)),
            ]
        ) {
            for error in errors { session.output.line(error.description) }
            for outcome in outcomes {
                let mark = outcome.failure == nil ? "ok    " : "FAILED"
                session.output.line("\(mark) \(outcome.rule): \(outcome.test.name)")
                if let failure = outcome.failure {
                    let text = failure.split(separator: "\n").joined(separator: "\n       ")
                    session.output.line("       \(outcome.test.file):\(outcome.test.position.line): \(text)")
                }
            }
            for rule in untested { session.output.line("-      \(rule.name): no tests") }
            session.output.line("\(outcomes.count - failed.count) passed, \(failed.count) failed")
        }
        return failed.isEmpty && errors.isEmpty ? .success : .failure
    }

    private static let explainRule = Command(
        "explain", "Say why a rule matches an event, or why it does not.",
        discussion: """
            The rule is the server's, or with --from that of a directory of rule files. The event is a file with an \
            event in JSON, or the id of an event in the server's journal.
            """,
        examples: [
            Example("opsbus rules explain file-drift --event event.json --from Rules", "Without a server"),
            Example(
                "opsbus rules explain file-drift --event 0b6a3f2e-8f3c-4f0e-9d6a-2f1f5f6f7a10",
                "For an event the server has"),
        ],
        options: [CommonOptions.bus, event, from], arguments: [rule]
    ) { arguments, session in
        let name = try arguments.required(rule)
        guard let text = arguments[event] else {
            throw CommandError.usage("--event is missing", fix: "give a file with an event, or the id of an event")
        }
        let output: JSON
        if let directory = arguments[from] {
            output = try explain(name, arguments[CommonOptions.bus], in: directory, try session.read(text), session)
        } else {
            var request = input([("Rule", .string(name)), ("EventBusName", .text(arguments[CommonOptions.bus]))])
            if Identifier(text) == nil {
                request["Event"] = .string(String(decoding: try session.read(text), as: UTF8.self))
            } else {
                request["EventId"] = .string(text)
            }
            output = try await session.connect().call("events:ExplainRule", request)
        }
        session.output.result(output) { session.output.line(output["Explanation"]?.string ?? "") }
        return output["Result"]?.bool == true ? .success : .failure
    }

    private static func explain(
        _ name: String, _ bus: String?, in directory: String, _ event: [UInt8], _ session: Session
    ) throws -> JSON {
        let loaded = try RuleDirectory(directory, account: try session.account())
        guard let rule = loaded.rules.first(where: { $0.name == name && $0.bus == bus ?? $0.bus }) else {
            let near = nearest(to: name, among: loaded.rules.map(\.name)).map { "did you mean \($0)?" }
            throw CommandError(
                .failure, "no sound rule \(name) in \(directory)",
                fix: near ?? "run 'opsbus rules check \(directory)'")
        }
        guard let text = rule.eventPattern else {
            return ["Result": false, "Explanation": "The rule has no event pattern; it fires by schedule only."]
        }
        let explanation = try Pattern(parsing: text).explain(event)
        return ["Result": .bool(explanation.matches), "Explanation": .string(explanation.description)]
    }

    private static let directory = Argument("DIR", .file, "A directory of rule files, or one file.")
    private static let rule = Argument("RULE", .text.completing(.live(.rules)), "The rule's name.")
    private static let event = Option("event", "FILE|EVENT-ID", .file, "The event: a file, - or an id.")
    private static let from = Option("from", "DIR", .file, "Take the rule from files in this directory.")
}

extension Session {
    /// The account that fills in ARNs.
    func account() throws -> Account {
        let configuration = try configure()
        return Account(id: configuration[Settings.account], region: configuration[Settings.region])
    }
}

extension RuleProblem {
    var json: JSON {
        [
            "File": .string(file), "Line": .integer(position.line), "Column": .integer(position.column),
            "Severity": .string(severity.rawValue), "Message": .string(message),
        ]
    }
}

extension RuleTest.Outcome {
    fileprivate var json: JSON {
        var json: JSON = [
            "Rule": .string(rule), "Test": .string(test.name), "Passed": .bool(failure == nil),
            "File": .string(test.file), "Line": .integer(test.position.line),
        ]
        json["Failure"] = failure.map { .string($0) }
        return json
    }
}
