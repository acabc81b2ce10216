internal import Core

extension Command {
    static let rules = Command(
        "rules", "Look at rules, switch them on and off, check and test rule files.",
        subcommands: [listRules, describeRule, enableRule, disableRule, deleteRule] + ruleFileCommands)

    private static let listRules = Command(
        "list", "List the rules of a bus.", discussion: "Long descriptions are cut; --output json has them whole.",
        examples: [Example("opsbus rules list --prefix disk-", "The rules whose names begin with disk-")],
        options: [CommonOptions.bus, prefix, CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "events:ListRules",
            input([("EventBusName", .text(arguments[CommonOptions.bus])), ("NamePrefix", .text(arguments[prefix]))]),
            list: "Rules", max: arguments[CommonOptions.limit] ?? 100_000)
        session.output.result(output) {
            let rules = output["Rules"]?.array ?? []
            let hasOptions = rules.contains { $0["Options"] != nil }
            var table = Table(
                ["NAME", "*STATE", "BUS", "TRIGGER"] + (hasOptions ? ["OPTIONS"] : []) + ["~DESCRIPTION"])
            for rule in rules {
                let trigger = rule["ScheduleExpression"]?.string ?? (rule["EventPattern"] == nil ? "" : "pattern")
                table.add(
                    [rule.cell("Name"), rule.cell("State"), rule.cell("EventBusName"), trigger]
                        + (hasOptions ? [options(rule)] : []) + [rule.cell("Description")])
            }
            session.output.table(table, empty: "There are no rules.")
        }
        return .success
    }

    /// What a rule allows, in short: `5 at a time, 10/s, once in 60s by $.detail.id`.
    private static func options(_ rule: JSON) -> String {
        let options = rule["Options"]
        var parts: [String] = []
        if let count = options?["MaximumConcurrency"]?.int { parts.append("\(count) at a time") }
        if let rate = options?["MaximumEventsPerSecond"]?.int { parts.append("\(rate)/s") }
        if let window = options?["DeduplicationWindowInSeconds"]?.int {
            parts.append("once in \(window)s" + (options?["DeduplicationKey"]?.string.map { " by \($0)" } ?? ""))
        }
        return parts.joined(separator: ", ")
    }

    private static let describeRule = Command(
        "describe", "Show a rule with its pattern and its targets.",
        examples: [Example("opsbus rules describe file-drift", "Show the rule file-drift")],
        options: [CommonOptions.bus], arguments: [rule]
    ) { arguments, session in
        let connection = try session.connect()
        let name = JSON.string(try arguments.required(rule))
        let bus = JSON.text(arguments[CommonOptions.bus])
        var output = try await connection.call("events:DescribeRule", input([("Name", name), ("EventBusName", bus)]))
        let targets = try await connection.callAll(
            "events:ListTargetsByRule", input([("Rule", name), ("EventBusName", bus)]), list: "Targets")
        output["Targets"] = targets["Targets"]
        session.output.result(output) { show(output, session.output) }
        return .success
    }

    private static func show(_ rule: JSON, _ output: Output) {
        let pattern = rule["EventPattern"]?.string
        output.record([
            ("Name", rule.cell("Name")), ("Bus", rule.cell("EventBusName")), ("State", rule.cell("State")),
            ("Description", rule.cell("Description")), ("Schedule", rule.cell("ScheduleExpression")),
            ("Options", options(rule)),
            // A pattern that cannot be read is shown as it is.
            ("Pattern", pattern.map { (try? JSON(parsing: $0))?.prettyText ?? $0 } ?? ""), ("Arn", rule.cell("Arn")),
        ])
        for target in rule["Targets"]?.array ?? [] {
            output.line("")
            let others = (target.object?.members ?? []).filter { $0.key != "Id" && $0.key != "Arn" }
            output.record(
                [("Target", target.cell("Id")), ("Arn", target.cell("Arn"))] + others.map { ($0.key, $0.value.cell) })
        }
    }

    private static let enableRule = change("enable", "Let a rule match.", "events:EnableRule", "enabled")
    private static let disableRule = change("disable", "Keep a rule from matching.", "events:DisableRule", "disabled")

    private static let deleteRule = Command(
        "delete", "Delete a rule with its targets.",
        discussion: "A rule that comes from a file comes back with the file.",
        examples: [Example("opsbus rules delete old-rule", "Delete the rule old-rule")],
        options: [CommonOptions.bus], arguments: [rule]
    ) { arguments, session in
        let connection = try session.connect()
        let name = JSON.string(try arguments.required(rule))
        let bus = JSON.text(arguments[CommonOptions.bus])
        let targets = try await connection.callAll(
            "events:ListTargetsByRule", input([("Rule", name), ("EventBusName", bus)]), list: "Targets")
        let identifiers = (targets["Targets"]?.array ?? []).compactMap { $0["Id"] }
        if !identifiers.isEmpty {
            _ = try await connection.call(
                "events:RemoveTargets", input([("Rule", name), ("EventBusName", bus), ("Ids", .array(identifiers))]))
        }
        let output = try await connection.call("events:DeleteRule", input([("Name", name), ("EventBusName", bus)]))
        session.output.result(output) { session.output.line("\(name.cell) deleted") }
        return .success
    }

    private static func change(
        _ verb: String, _ summary: String, _ operation: String, _ done: String
    ) -> Command {
        Command(
            verb, summary, examples: [Example("opsbus rules \(verb) file-drift", summary)],
            options: [CommonOptions.bus], arguments: [rule]
        ) { arguments, session in
            let name = try arguments.required(rule)
            let output = try await session.connect().call(
                operation, input([("Name", .string(name)), ("EventBusName", .text(arguments[CommonOptions.bus]))]))
            session.output.result(output) { session.output.line("\(name) \(done)") }
            return .success
        }
    }

    private static let prefix = Option("prefix", "TEXT", .text, "Only rules whose names begin with it.")
    private static let rule = Argument("RULE", .text.completing(.live(.rules)), "The rule's name.")
}
