internal import Core

extension Command {
    static let logs = Command(
        "logs", "Look at log groups, where rules write what they match.", subcommands: [listGroups, tailGroup])

    private static let listGroups = Command(
        "list", "List log groups.", examples: [Example("opsbus logs list", "Every group")]
    ) { _, session in
        let connection = try session.connect()
        var groups: [JSON] = []
        var token: JSON?
        repeat {
            let page = try await connection.call("logs:DescribeLogGroups", input([("nextToken", token)]))
            groups += page["logGroups"]?.array ?? []
            token = page["nextToken"]
        } while token != nil
        session.output.result(["logGroups": .array(groups)]) {
            var table = Table(["GROUP", "CREATED", ">RETENTION", ">BYTES"])
            for group in groups {
                let days = group["retentionInDays"]?.int
                table.add([
                    group.cell("logGroupName"), time(group["creationTime"]), days.map { "\($0)d" } ?? "",
                    group.cell("storedBytes"),
                ])
            }
            session.output.table(table, empty: "There are no log groups.")
        }
        return .success
    }

    private static let tailGroup = Command(
        "tail", "Print the newest lines of a log group, and follow it.",
        discussion: """
            The filter names terms that a line must have: error disk; ?error ?warning for one of them; -debug for \
            none; %4[0-9]{2}% for an expression. { $.level = "ERROR" && $.took > 5 } compares members of lines that \
            are JSON, [ip, ..., status = 5*, bytes] the fields of others.

            An event bus with a LogConfig of Level ERROR, INFO or TRACE tells each step of its events in the group \
            /aws/vendedlogs/events/event-bus/NAME, with IncludeDetail FULL also what events hold and targets get.
            """,
        examples: [
            Example("opsbus logs tail /ops/audit --limit 20", "The last twenty lines"),
            Example("opsbus logs tail /ops/audit --filter 'failed -test' --follow", "Lines as they come, until ^C"),
            Example(#"opsbus logs tail /ops/audit --filter '{ $.detail.state = "failed" }'"#, "Events of a kind"),
        ],
        options: [CommonOptions.limit, filter, follow], arguments: [group]
    ) { arguments, session in
        let tail = LogTail(
            group: try arguments.required(group), filter: arguments[filter], connection: try session.connect(),
            output: session.output)
        let limit = arguments[CommonOptions.limit] ?? 100
        guard arguments[follow] else {
            try await tail.print(limit)
            return .success
        }
        return try await session.untilInterrupted {
            try await tail.follow(limit)
            return .success
        }
    }

    /// Log times count milliseconds.
    fileprivate static func time(_ value: JSON?) -> String {
        value?.int.map { Timestamp(microseconds: Int64($0) * 1000).millisecondDescription } ?? ""
    }

    private static let group = Argument("GROUP", .text, "The log group's name.")
    private static let filter = Option("filter", "PATTERN", .text, "Only lines that match.")
    private static let follow = Flag("follow", short: "f", "Go on with new lines as they come, until ^C.")
}

/// One run of `opsbus logs tail`.
private struct LogTail: Sendable {
    let group: String
    let filter: String?
    let connection: any Connection
    let output: Output

    /// How long the server holds a question for new lines.
    private static let waitSeconds: JSON = 20
    /// Lines of one answer.
    private static let pageMax = 10_000

    private func request(_ more: [(String, JSON?)]) -> JSON {
        input([("logGroupName", .string(group)), ("filterPattern", .text(filter))] + more)
    }

    func print(_ limit: Int) async throws {
        let lines = try await newest(limit)
        output.result(["events": .array(lines)]) { for line in lines { show(line) } }
    }

    /// Prints until the task is cancelled.
    func follow(_ limit: Int) async throws {
        do {
            var lines = try await newest(limit)
            var last = 0
            while true {
                for line in lines {
                    show(line)
                    last = max(last, line["eventId"]?.string.flatMap { Int($0) } ?? 0)
                }
                try Task.checkCancellation()
                let page = try await connection.call(
                    "logs:FilterLogEvents",
                    request([("OpsBusAfterEventId", .string("\(last)")), ("OpsBusWaitSeconds", LogTail.waitSeconds)]))
                lines = page["events"]?.array ?? []
            }
        } catch is CancellationError {
            // ^C is how following ends.
        }
    }

    /// The newest lines, the oldest of them first; page by page, because a page has a limit of bytes as well.
    private func newest(_ limit: Int) async throws -> [JSON] {
        var lines: [JSON] = []
        var token: JSON?
        repeat {
            let page = try await connection.call(
                "logs:FilterLogEvents",
                request([
                    ("startFromHead", false), ("limit", .integer(min(limit - lines.count, LogTail.pageMax))),
                    ("nextToken", token),
                ]))
            lines += page["events"]?.array ?? []
            token = page["nextToken"]
        } while token != nil && lines.count < limit
        return lines.reversed()
    }

    private func show(_ line: JSON) {
        guard output.format == .table else { return output.jsonLine(line) }
        output.line("\(output.style.faint(Command.time(line["timestamp"]))) \(printable(line.cell("message")))")
    }
}
