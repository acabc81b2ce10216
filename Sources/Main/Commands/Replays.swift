internal import Core
internal import Platform

extension Command {
    static let replays = Command(
        "replays", "Send archived events to their bus once more.",
        subcommands: [startReplay, listReplays, showReplay, cancelReplay])

    private static let startReplay = Command(
        "start", "Start a replay; the events come with the replay's name in replay-name.",
        discussion: """
            A dry run fires nothing: it says how many events each rule would match. Without --rules every rule of the \
            bus may match.
            """,
        examples: [
            Example("opsbus replays start monday --archive everything --from 7d --dry-run", "See what would happen"),
            Example(
                "opsbus replays start fix-1 --archive orders --from 2026-03-01T08:00:00Z "
                    + "--to 2026-03-01T09:00:00Z --rules bill,ship --wait",
                "An hour's events, for two rules"),
        ],
        options: [source, from, to, chosenRules, dryRun, rate, CommonOptions.wait], arguments: [newName]
    ) { arguments, session in
        let connection = try session.connect()
        let name = try arguments.required(newName)
        let archive = try await connection.call(
            "events:DescribeArchive", ["ArchiveName": .string(try arguments.required(source))])
        var destination: JSON = ["Arn": archive["EventSourceArn"] ?? .null]
        var filters: [JSON] = []
        for rule in arguments[chosenRules].map(CommonOptions.commaSeparated) ?? [] {
            let bus = Command.name(archive, "EventSourceArn", "event-bus")
            let rule = try await connection.call("events:DescribeRule", ["Name": rule, "EventBusName": .string(bus)])
            filters.append(rule["Arn"] ?? .null)
        }
        if !filters.isEmpty { destination["FilterArns"] = .array(filters) }
        let isDryRun = arguments[dryRun]
        let own = input([
            ("DryRun", isDryRun ? true : nil), ("EventsPerSecond", .number(of: arguments[rate])),
        ])
        let output = try await connection.call(
            "events:StartReplay",
            input([
                ("ReplayName", .string(name)), ("EventSourceArn", archive["ArchiveArn"]),
                ("EventStartTime", .string(try arguments.required(from).millisecondDescription)),
                ("EventEndTime", .string((arguments[to] ?? session.clock.now).millisecondDescription)),
                ("Destination", destination), ("OpsBus", own == [:] ? nil : own),
            ]))
        guard isDryRun || arguments[CommonOptions.wait] else {
            session.output.result(output) { session.output.line("\(name) \(output.cell("State"))") }
            return .success
        }
        return try await session.untilInterrupted {
            do {
                return try await follow(name, connection, session)
            } catch is CancellationError {
                session.output.remark("the replay goes on; to end it: opsbus replays cancel \(name)")
                return .interrupted
            }
        }
    }

    /// Waits for the end of a replay.
    private static func follow(
        _ name: String, _ connection: any Connection, _ session: Session
    ) async throws -> ExitCode {
        while true {
            let replay = try await connection.call("events:DescribeReplay", ["ReplayName": .string(name)])
            let state = replay.cell("State")
            if ["COMPLETED", "CANCELLED", "FAILED"].contains(state) {
                session.output.result(replay) { show(replay, session.output) }
                return state == "COMPLETED" ? .success : .failure
            }
            try await session.clock.sleep(for: .seconds(1))
        }
    }

    private static let listReplays = Command(
        "list", "List the replays of the last 90 days.",
        examples: [Example("opsbus replays list", "Every replay")], options: [CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "events:ListReplays", [:], list: "Replays", max: arguments[CommonOptions.limit] ?? 100_000)
        session.output.result(output) {
            var table = Table(["REPLAY", "*STATE", "ARCHIVE", "FROM", "TO", "STARTED", "ENDED"])
            for replay in output["Replays"]?.array ?? [] {
                table.add([
                    replay.cell("ReplayName"), replay.cell("State"), name(replay, "EventSourceArn", "archive"),
                    replay.timeCell("EventStartTime"), replay.timeCell("EventEndTime"),
                    replay.timeCell("ReplayStartTime"), replay.timeCell("ReplayEndTime"),
                ])
            }
            session.output.table(table, empty: "There are no replays.")
        }
        return .success
    }

    private static let showReplay = Command(
        "show", "Show how far a replay has come; of a dry run, which rules would match.",
        examples: [Example("opsbus replays show monday", "Show the replay monday")], arguments: [replay]
    ) { arguments, session in
        let output = try await session.connect().call(
            "events:DescribeReplay", ["ReplayName": .string(try arguments.required(replay))])
        session.output.result(output) { show(output, session.output) }
        return .success
    }

    private static func show(_ replay: JSON, _ output: Output) {
        let own = replay["OpsBus"] ?? .null
        let isDryRun = own["DryRun"] == true
        let rules = (replay["Destination"]?["FilterArns"]?.array ?? []).compactMap { $0.string }
        output.record([
            ("Name", replay.cell("ReplayName")), ("Description", replay.cell("Description")),
            ("State", replay.cell("State")), ("Reason", replay.cell("StateReason")),
            ("Archive", name(replay, "EventSourceArn", "archive")), ("From", replay.timeCell("EventStartTime")),
            ("To", replay.timeCell("EventEndTime")), ("Rules", rules.map(ruleName).joined(separator: ", ")),
            ("Dry run", isDryRun ? "yes: nothing was fired" : ""), ("Events", own.cell("EventCount")),
            ("Last event", replay.timeCell("EventLastReplayedTime")), ("Started", replay.timeCell("ReplayStartTime")),
            ("Ended", replay.timeCell("ReplayEndTime")),
        ])
        guard isDryRun else { return }
        output.line("")
        var table = Table(["RULE", ">WOULD MATCH"])
        for match in own["Matches"]?.array ?? [] {
            table.add([ruleName(match.cell("RuleArn")), match.cell("EventCount")])
        }
        output.table(table, empty: "No rule would match.")
    }

    private static func ruleName(_ arn: String) -> String {
        let path = ARN(arn)?.name(ofType: "rule") ?? arn
        return path.split(separator: "/").last.map(String.init) ?? path
    }

    private static let cancelReplay = Command(
        "cancel", "End a replay; what it has sent stays sent.",
        examples: [Example("opsbus replays cancel monday", "Cancel the replay monday")], arguments: [replay]
    ) { arguments, session in
        let name = try arguments.required(replay)
        let output = try await session.connect().call("events:CancelReplay", ["ReplayName": .string(name)])
        session.output.result(output) { session.output.line("\(name) \(output.cell("State"))") }
        return .success
    }

    private static let newName = Argument("NAME", .text, "The replay's name, which its events carry.")
    private static let replay = Argument("REPLAY", .text.completing(.live(.replays)), "The replay's name.")
    private static let source = Option(
        "archive", "NAME", .text.completing(.live(.archives)), "Where the events are kept.")
    private static let from = Option(
        "from", "TIME", .time { SystemClock().now }, "Events whose time is not before this.")
    private static let to = Option(
        "to", "TIME", .time { SystemClock().now }, "Events whose time is not after this. [now]")
    private static let chosenRules = Option("rules", "NAME[,NAME]", .text, "Only these rules may match.")
    private static let dryRun = Flag("dry-run", "Say which rules would match, and fire nothing.")
    private static let rate = Option("rate", "N", .integer(1...100_000), "Events a second at most. [1000]")
}
