internal import Core

extension Command {
    static let archives = Command(
        "archives", "Keep the events of a bus, to replay them or to try rules on them.",
        subcommands: [createArchive, listArchives, showArchive, deleteArchive])

    private static let createArchive = Command(
        "create", "Create an archive: it keeps what comes from now on.",
        examples: [
            Example("opsbus archives create everything", "Keep all events of the default bus for ever"),
            Example(
                #"opsbus archives create orders --pattern '{"source":["shop.orders"]}' --retention-days 30"#,
                "Keep some, for a month"),
        ],
        options: [CommonOptions.bus, pattern, retention, description], arguments: [newName]
    ) { arguments, session in
        let connection = try session.connect()
        let bus = try await connection.call(
            "events:DescribeEventBus", ["Name": .string(arguments[CommonOptions.bus] ?? "default")])
        let pattern = try arguments[pattern].map { String(decoding: try session.text($0), as: UTF8.self) }
        let output = try await connection.call(
            "events:CreateArchive",
            input([
                ("ArchiveName", .string(try arguments.required(newName))), ("EventSourceArn", bus["Arn"]),
                ("EventPattern", .text(pattern)), ("RetentionDays", .number(of: arguments[retention])),
                ("Description", .text(arguments[description])),
            ]))
        session.output.result(output) { session.output.line(output.cell("ArchiveArn")) }
        return .success
    }

    private static let listArchives = Command(
        "list", "List archives and how much they hold.",
        examples: [Example("opsbus archives list", "Every archive")], options: [CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "events:ListArchives", [:], list: "Archives", max: arguments[CommonOptions.limit] ?? 100_000)
        session.output.result(output) {
            var table = Table(["ARCHIVE", "*STATE", "BUS", "CREATED", ">RETENTION", ">EVENTS", ">BYTES"])
            for archive in output["Archives"]?.array ?? [] {
                table.add([
                    archive.cell("ArchiveName"), archive.cell("State"), name(archive, "EventSourceArn", "event-bus"),
                    archive.timeCell("CreationTime"), days(archive), archive.cell("EventCount"),
                    archive.cell("SizeBytes"),
                ])
            }
            session.output.table(table, empty: "There are no archives.")
        }
        return .success
    }

    private static let showArchive = Command(
        "show", "Show an archive with its pattern.",
        examples: [Example("opsbus archives show orders", "Show the archive orders")], arguments: [archive]
    ) { arguments, session in
        let output = try await session.connect().call(
            "events:DescribeArchive", ["ArchiveName": .string(try arguments.required(archive))])
        session.output.result(output) {
            session.output.record([
                ("Name", output.cell("ArchiveName")), ("Bus", name(output, "EventSourceArn", "event-bus")),
                ("State", output.cell("State")), ("Description", output.cell("Description")),
                ("Created", output.timeCell("CreationTime")), ("Retention", days(output)),
                ("Events", output.cell("EventCount")), ("Bytes", output.cell("SizeBytes")),
                ("Pattern", output.cell("EventPattern")), ("Arn", output.cell("ArchiveArn")),
            ])
        }
        return .success
    }

    private static let deleteArchive = Command(
        "delete", "Delete an archive with all that it holds.",
        examples: [Example("opsbus archives delete orders", "Delete the archive orders")], arguments: [archive]
    ) { arguments, session in
        let name = try arguments.required(archive)
        let output = try await session.connect().call("events:DeleteArchive", ["ArchiveName": .string(name)])
        session.output.result(output) { session.output.line("\(name) deleted") }
        return .success
    }

    /// The name in a member that holds an ARN.
    static func name(_ value: JSON, _ member: String, _ type: String) -> String {
        ARN(value.cell(member))?.name(ofType: type) ?? value.cell(member)
    }

    private static func days(_ archive: JSON) -> String {
        let days = archive["RetentionDays"]?.int ?? 0
        return days == 0 ? "for ever" : counted(days, "day")
    }

    private static let archive = Argument("ARCHIVE", .text.completing(.live(.archives)), "The archive's name.")
    private static let newName = Argument("NAME", .text, "The archive's name.")
    private static let pattern = Option(
        "pattern", "JSON", .text, "Which events to keep: JSON, @FILE, or - for standard input. [all]")
    private static let retention = Option(
        "retention-days", "N", .count, "How long events are kept; 0 is for ever. [0]")
    private static let description = Option("description", "TEXT", .text, "What the archive is for.")
}
