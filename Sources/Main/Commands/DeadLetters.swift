internal import Core

extension Command {
    static let deadLetters = Command(
        "dlq", "Look at deliveries that were given up, and try them again.",
        subcommands: [listDeadLetters, showDeadLetter, redriveDeadLetters])

    private static let listDeadLetters = Command(
        "list", "List the deliveries that were given up.",
        examples: [Example("opsbus dlq list --rule file-drift", "Those of one rule")],
        options: [rule, CommonOptions.bus, CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "events:ListDeadLetters",
            input([("RuleName", .text(arguments[rule])), ("EventBusName", .text(arguments[CommonOptions.bus]))]),
            list: "DeadLetters", max: arguments[CommonOptions.limit] ?? 1000)
        session.output.result(output) {
            var table = Table(["DELIVERY", "TIME", "RULE", "TARGET", ">RETRIES", "ERROR", "MESSAGE"])
            for letter in output["DeadLetters"]?.array ?? [] {
                table.add([
                    letter.cell("DeliveryId"), letter.timeCell("Time"), letter.cell("RuleName"),
                    letter.cell("TargetId"), letter.cell("RetryAttempts"), letter.cell("ErrorCode"),
                    letter.cell("ErrorMessage"),
                ])
            }
            session.output.table(table, empty: "Nothing has been given up.")
        }
        return .success
    }

    private static let showDeadLetter = Command(
        "show", "Show one of them with its event.",
        examples: [Example("opsbus dlq show 12", "Show the delivery 12")],
        arguments: [delivery]
    ) { arguments, session in
        let identifier = try arguments.required(delivery)
        let output = try await session.connect().call("events:ListDeadLetters", ["DeliveryId": .string(identifier)])
        guard let letter = output["DeadLetters"]?[0] else {
            throw CommandError.failure("there is no dead letter '\(identifier)'", fix: "see 'opsbus dlq list'")
        }
        session.output.result(letter) {
            let members = letter.object?.members ?? []
            session.output.record(
                members.map { member in
                    switch member.key {
                    case "Time": (member.key, letter.timeCell(member.key))
                    case "Event": (member.key, member.value.eventText)
                    default: (member.key, member.value.cell)
                    }
                })
        }
        return .success
    }

    private static let redriveDeadLetters = Command(
        "redrive", "Deliver again what was given up.",
        examples: [
            Example("opsbus dlq redrive 12 13", "Two deliveries"),
            Example("opsbus dlq redrive --rule file-drift", "All of one rule"),
            Example("opsbus dlq redrive --all", "All"),
        ],
        options: [rule, all], arguments: [deliveries]
    ) { arguments, session in
        let identifiers = arguments.all(deliveries)
        let choices: [JSON] =
            (identifiers.isEmpty ? [] : [["DeliveryIds": .array(identifiers.map { .string($0) })]])
            + (arguments[rule].map { [["RuleName": .string($0)]] } ?? []) + (arguments[all] ? [["All": true]] : [])
        guard choices.count == 1 else {
            throw CommandError.usage("which deliveries?", fix: "give ids, or --rule NAME, or --all")
        }
        let output = try await session.connect().call("events:RedriveDeadLetters", choices[0])
        session.output.result(output) { session.output.line("\(output.cell("RedrivenCount")) redriven") }
        return .success
    }

    private static let rule = Option("rule", "NAME", .text.completing(.live(.rules)), "Those of this rule.")
    private static let all = Flag("all", "All of them.")
    private static let delivery = Argument("ID", .text, "The delivery's id.")
    private static let deliveries = Argument("ID", .text, count: 0...Int.max, "The deliveries' ids.")
}

extension JSON {
    /// An event for people, which may be an object or the text of one.
    fileprivate var eventText: String {
        guard let text = string else { return prettyText }
        return (try? JSON(parsing: text))?.prettyText ?? text
    }
}
