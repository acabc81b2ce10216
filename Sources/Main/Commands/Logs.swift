internal import Core

extension Command {
    static let logs = Command(
        "logs", "Print what rule targets have written to a log group.",
        examples: [Example("opsbus logs /opsbus/events --limit 20", "The last twenty entries")],
        options: [CommonOptions.limit], arguments: [group]
    ) { arguments, session in
        let output = try await session.connect().call(
            "logs:FilterLogEvents",
            [
                "logGroupName": .string(try arguments.required(group)),
                "limit": .integer(arguments[CommonOptions.limit] ?? 100),
            ])
        session.output.result(output) {
            for event in output["events"]?.array ?? [] {
                // Log times count milliseconds.
                let time = event["timestamp"]?.int.map {
                    Timestamp(microseconds: Int64($0) * 1000).millisecondDescription
                }
                let style = session.output.style
                session.output.line("\(style.faint(time ?? "")) \(printable(event.cell("message")))")
            }
        }
        return .success
    }

    private static let group = Argument("GROUP", .text, "The log group's name.")
}
