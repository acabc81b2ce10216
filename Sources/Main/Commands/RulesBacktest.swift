internal import API
internal import Core
internal import Events
internal import Patterns
internal import Platform

extension Command {
    static let backtestRules = Command(
        "backtest", "Say what edited rules would have matched in recorded events, beside the current ones.",
        discussion: """
            The edited rules are those of a rule file; the events are those of an archive, or of a file with one event \
            in JSON a line, which needs no server. Nothing is fired. What the current version did is found by matching \
            its pattern as it is now: the server's, or with --against that of another rule file. A rule of the \
            server's, given by its name, is tried as it is.
            """,
        examples: [
            Example(
                "opsbus rules backtest Rules/orders.yaml --archive everything --from 7d",
                "Before a change goes in, on a week's events"),
            Example("opsbus rules backtest new.yaml --events recorded.jsonl --against old.yaml", "Without a server"),
            Example("opsbus rules backtest big-orders --archive everything", "How often a rule matches"),
        ],
        options: [CommonOptions.bus, archiveName, eventsFile, against, from, to], arguments: [triedRules]
    ) { arguments, session in
        let text = try arguments.required(triedRules)
        let old = try arguments[against].map { try ruleFile($0, session) }
        let run = BacktestRun(
            from: arguments[from] ?? Timestamp(microseconds: .min), to: arguments[to] ?? Timestamp(microseconds: .max),
            session: session)
        let tried: [Rule]
        var isEdited = true
        if Files.exists(text) {
            tried = try ruleFile(text, session)
        } else {
            tried = [try await rule(text, arguments[CommonOptions.bus], session)]
            isEdited = false
        }
        let results: [BacktestResult]
        switch (arguments[archiveName], arguments[eventsFile]) {
        case (let archive?, nil):
            results = try await run.onArchive(archive, tried, against: old, comparesWithServer: isEdited)
        case (nil, let file?): results = try run.onFile(file, tried, against: old)
        default:
            throw CommandError.usage("give either --archive NAME or --events FILE", fix: "one of them has the events")
        }
        session.output.result(["Rules": .array(results.map(\.json))]) {
            BacktestResult.show(results, session.output)
        }
        return .success
    }

    /// The rules of a file or of a directory.
    private static func ruleFile(_ path: String, _ session: Session) throws -> [Rule] {
        let loaded = try RuleDirectory(path, account: try session.account())
        if let problem = loaded.problems.first(where: { $0.severity == .error }) {
            throw CommandError(.failure, problem.description, fix: "run 'opsbus rules check \(path)'")
        }
        return loaded.rules
    }

    /// A rule as the server has it.
    private static func rule(_ name: String, _ bus: String?, _ session: Session) async throws -> Rule {
        let output = try await session.connect().call(
            "events:DescribeRule", input([("Name", .string(name)), ("EventBusName", .text(bus))]))
        return Rule(
            name: name, bus: output["EventBusName"]?.string ?? "default",
            eventPattern: output["EventPattern"]?.string)
    }

    private static let triedRules = Argument(
        "FILE|RULE", .file, "A rule file or a directory of them; or the name of a rule of the server's.")
    private static let archiveName = Option(
        "archive", "NAME", .text.completing(.live(.archives)), "The archive that has the events.")
    private static let eventsFile = Option("events", "FILE", .file, "A file of events, one in JSON a line.")
    private static let against = Option("against", "FILE", .file, "Compare with the rules of this file.")
    private static let from = Option(
        "from", "TIME", .time { SystemClock().now }, "Events whose time is not before this.")
    private static let to = Option("to", "TIME", .time { SystemClock().now }, "Events whose time is not after this.")
}

/// What came of one rule.
struct BacktestResult: Sendable {
    var rule: String
    var bus: String
    /// What the edited pattern was compared with: `server`, a file, or nothing.
    var comparedWith: String?
    var outcome = Backtest.Outcome()
    /// Why it was not tried.
    var skipped: String?

    init(_ rule: Rule) {
        self.rule = rule.name
        bus = rule.bus
        if rule.eventPattern == nil { skipped = "it has no event pattern" }
    }

    var json: JSON {
        var json: JSON = ["Rule": .string(rule), "EventBusName": .string(bus)]
        if let skipped {
            json["Skipped"] = .string(skipped)
            return json
        }
        json["ComparedWith"] = comparedWith.map { .string($0) }
        for member in outcome.json.object ?? JSONObject() { json[member.key] = member.value }
        return json
    }

    static func show(_ results: [BacktestResult], _ output: Output) {
        var table = Table(["RULE", ">EVENTS", ">CURRENT", ">EDITED", ">NEWLY MATCHED", ">NO LONGER", "COMPARED WITH"])
        for result in results where result.skipped == nil {
            let outcome = result.outcome
            let isCompared = outcome.currentCount != nil
            table.add([
                result.rule, "\(outcome.eventCount)", outcome.currentCount.map(String.init) ?? "",
                "\(outcome.editedCount)", isCompared ? "\(outcome.onlyEditedCount)" : "",
                isCompared ? "\(outcome.onlyCurrentCount)" : "", result.comparedWith ?? "nothing",
            ])
        }
        output.table(table, empty: "No rule was tried.")
        for result in results where result.skipped == nil {
            let outcome = result.outcome
            list("+", "newly matched by \(result.rule)", outcome.onlyEdited, outcome.onlyEditedCount, output)
            list("-", "no longer matched by \(result.rule)", outcome.onlyCurrent, outcome.onlyCurrentCount, output)
        }
        for result in results {
            if let skipped = result.skipped { output.line("\(result.rule) was not tried: \(skipped)") }
        }
    }

    private static func list(
        _ mark: String, _ title: String, _ examples: [Backtest.Example], _ count: Int, _ output: Output
    ) {
        if examples.isEmpty { return }
        output.line("")
        output.line(count > examples.count ? "\(title), the first \(examples.count) of \(count):" : "\(title):")
        for example in examples {
            output.line(printable("\(mark) \(example.id) \(example.time) \(example.source) \(example.detailType)"))
        }
    }
}

/// One run of `opsbus rules backtest`.
struct BacktestRun: Sendable {
    let from: Timestamp
    let to: Timestamp
    let session: Session

    /// - Parameters:
    ///   - old: Rules to compare with; nil for those of the server.
    ///   - comparesWithServer: Whether there is something to compare with where `old` is nil.
    func onArchive(
        _ archive: String, _ rules: [Rule], against old: [Rule]?, comparesWithServer: Bool
    ) async throws -> [BacktestResult] {
        let connection = try session.connect()
        let described = try await connection.call("events:DescribeArchive", ["ArchiveName": .string(archive)])
        let bus = Command.name(described, "EventSourceArn", "event-bus")
        var results: [BacktestResult] = []
        for rule in rules {
            var result = BacktestResult(rule)
            if rule.bus != bus { result.skipped = "it is on the bus \(rule.bus), the archive is of \(bus)" }
            guard let pattern = rule.eventPattern, result.skipped == nil else {
                results.append(result)
                continue
            }
            var request = input([("ArchiveName", .string(archive)), ("EventPattern", .string(pattern))])
            if from.microseconds > .min { request["EventStartTime"] = .string(from.millisecondDescription) }
            if to.microseconds < .max { request["EventEndTime"] = .string(to.millisecondDescription) }
            if let old {
                let current = old.first { $0.name == rule.name && $0.bus == rule.bus }
                request["CurrentPattern"] = .text(current?.eventPattern)
                result.comparedWith = current.map { $0.file ?? "file" }
            } else if comparesWithServer, try await hasRule(rule, connection) {
                request["Rule"] = .string(rule.name)
                request["EventBusName"] = .string(rule.bus)
                result.comparedWith = "server"
            }
            repeat {
                let page = try await connection.call("events:BacktestPattern", request)
                result.outcome.add(Backtest.Outcome(json: page))
                request["NextToken"] = page["NextToken"]
            } while request["NextToken"] != nil
            results.append(result)
        }
        return results
    }

    private func hasRule(_ rule: Rule, _ connection: any Connection) async throws -> Bool {
        do {
            _ = try await connection.call(
                "events:DescribeRule", ["Name": .string(rule.name), "EventBusName": .string(rule.bus)])
            return true
        } catch let error as ServiceError where error.code == .resourceNotFound {
            return false
        }
    }

    /// - Parameter old: Rules to compare with; nil for none.
    func onFile(_ file: String, _ rules: [Rule], against old: [Rule]?) throws -> [BacktestResult] {
        var results = rules.map { BacktestResult($0) }
        var tests: [Int: Backtest] = [:]
        for (index, rule) in rules.enumerated() {
            guard let text = rule.eventPattern else { continue }
            let current = old?.first { $0.name == rule.name && $0.bus == rule.bus }
            results[index].comparedWith = current?.file
            tests[index] = Backtest(
                edited: try Pattern(parsing: text), current: try current?.eventPattern.map { try Pattern(parsing: $0) })
        }
        let lines = try session.read(file).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() where line.contains(where: { $0 > 0x20 }) {
            do {
                guard let event = try event(Array(line)) else { continue }
                for index in tests.keys {
                    try event.withUnsafeBytes { try tests[index]?.add($0, validated: false) }
                }
            } catch {
                throw CommandError(.failure, "\(file):\(number + 1): \(error)", fix: "each line is one event in JSON")
            }
        }
        for (index, test) in tests { results[index].outcome = test.outcome }
        return results
    }

    /// The event of a line: the line itself, or the body of what `opsbus subscribe` has printed.
    /// - Returns: Nil for one outside of the window.
    private func event(_ line: [UInt8]) throws -> [UInt8]? {
        let json = try JSON(parsing: line)
        let event = json["Topic"] != nil ? json["Body"] ?? json : json
        guard event.object != nil else { throw CommandError.failure("expected a JSON object, found \(event.typeName)") }
        if let time = event["time"]?.timestamp, time < from || time > to { return nil }
        return event.bytes
    }
}
