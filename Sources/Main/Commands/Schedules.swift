internal import Core

extension Command {
    static let schedules = Command(
        "schedules", "Look at the schedules of EventBridge Scheduler, and when they are due.",
        discussion: "Rules with a schedule of their own are listed by 'opsbus rules list'.",
        subcommands: [listSchedules, showSchedule, nextTimes, deleteSchedule])

    private static let listSchedules = Command(
        "list", "List the schedules.",
        examples: [Example("opsbus schedules list --group nightly", "Those of one group")],
        options: [group, prefix, CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "scheduler:ListSchedules",
            input([("GroupName", .text(arguments[group])), ("NamePrefix", .text(arguments[prefix]))]),
            list: "Schedules", max: arguments[CommonOptions.limit] ?? 100_000)
        session.output.result(output) {
            var table = Table(["GROUP", "NAME", "*STATE", "TARGET"])
            for schedule in output["Schedules"]?.array ?? [] {
                table.add([
                    schedule.cell("GroupName"), schedule.cell("Name"), schedule.cell("State"),
                    schedule["Target"]?.cell("Arn") ?? "",
                ])
            }
            session.output.table(table, empty: "There are no schedules.")
        }
        return .success
    }

    private static let showSchedule = Command(
        "show", "Show a schedule with its target and the time it is due next.",
        examples: [Example("opsbus schedules show backup", "Show the schedule backup")],
        options: [group], arguments: [name]
    ) { arguments, session in
        let connection = try session.connect()
        let place = input([
            ("Name", .string(try arguments.required(name))), ("GroupName", .text(arguments[group])),
        ])
        let output = try await connection.call("scheduler:GetSchedule", place)
        var first = place
        first["Count"] = 1
        let next = try await connection.call("scheduler:ListUpcomingTimes", first)["Times"]?[0]
        session.output.result(output) {
            let times = ["CreationDate", "LastModificationDate", "StartDate", "EndDate"]
            session.output.record(
                [("Next", next?.cell("LocalTime") ?? "never")]
                    + (output.object?.members ?? []).map { member in
                        (member.key, times.contains(member.key) ? output.timeCell(member.key) : member.value.cell)
                    })
        }
        return .success
    }

    private static let nextTimes = Command(
        "next", "Show the next times of a schedule, or of an expression in a time zone.",
        discussion: """
            Times are shown with the clocks of the place: what they skip in spring is skipped, what they repeat in \
            autumn comes once.
            """,
        examples: [
            Example("opsbus schedules next backup", "The next ten times of the schedule backup"),
            Example(
                "opsbus schedules next --expression 'cron(30 2 * * ? *)' --timezone Europe/Berlin -n 3",
                "The next three times of an expression"),
        ],
        options: [group, expression, zone, CommonOptions.limit], arguments: [optionalName]
    ) { arguments, session in
        let name = arguments.all(optionalName).first
        guard (name == nil) != (arguments[expression] == nil) else {
            throw CommandError.usage("which times?", fix: "give the NAME of a schedule, or --expression EXPRESSION")
        }
        let output = try await session.connect().call(
            "scheduler:ListUpcomingTimes",
            input([
                ("Name", .text(name)), ("GroupName", .text(arguments[group])),
                ("ScheduleExpression", .text(arguments[expression])),
                ("ScheduleExpressionTimezone", .text(arguments[zone])),
                ("Count", .number(of: arguments[CommonOptions.limit])),
            ]))
        session.output.result(output) {
            var table = Table(["LOCAL", "UTC", "CALLED"])
            for time in output["Times"]?.array ?? [] {
                table.add([
                    time.cell("LocalTime"), time.cell("ScheduledTime"),
                    time[time["InvocationTime"] == nil ? "ScheduledTime" : "InvocationTime"]?.cell ?? "",
                ])
            }
            session.output.table(table, empty: "It is never due again.")
        }
        return .success
    }

    private static let deleteSchedule = Command(
        "delete", "Delete a schedule.",
        examples: [Example("opsbus schedules delete backup", "Delete the schedule backup")],
        options: [group], arguments: [name]
    ) { arguments, session in
        let name = try arguments.required(name)
        let output = try await session.connect().call(
            "scheduler:DeleteSchedule",
            input([("Name", .string(name)), ("GroupName", .text(arguments[group]))]))
        session.output.result(output) { session.output.line("\(name) deleted") }
        return .success
    }

    private static let group = Option("group", short: "g", "NAME", .text, "The schedules' group. [default]")
    private static let prefix = Option("prefix", "TEXT", .text, "Only schedules whose names begin with it.")
    private static let expression = Option(
        "expression", short: "e", "EXPRESSION", .text, "rate(...), cron(...) or at(...).")
    private static let zone = Option("timezone", short: "z", "ZONE", .text, "An IANA time zone. [UTC]")
    private static let name = Argument("NAME", .text, "The schedule's name.")
    private static let optionalName = Argument("NAME", .text, count: 0...1, "The schedule's name.")
}
