internal import Core

extension Command {
    static let commands = Command(
        "commands", "Look at commands that were sent to nodes, and cancel them.",
        subcommands: [listCommands, showCommand, cancelCommand])

    private static let listCommands = Command(
        "list", "List commands, the latest first.",
        examples: [Example("opsbus commands list --limit 5", "The last five commands")],
        options: [CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "ssm:ListCommands", [:], list: "Commands", max: arguments[CommonOptions.limit] ?? 50)
        session.output.result(output) {
            var table = Table(["COMMAND", "REQUESTED", "*STATUS", ">NODES", ">DONE", ">ERRORS", "DOCUMENT"])
            for command in output["Commands"]?.array ?? [] {
                table.add([
                    command.cell("CommandId"), command.timeCell("RequestedDateTime"), command.cell("StatusDetails"),
                    command.cell("TargetCount"), command.cell("CompletedCount"), command.cell("ErrorCount"),
                    command.cell("DocumentName"),
                ])
            }
            session.output.table(table, empty: "No commands have been sent.")
        }
        return .success
    }

    private static let showCommand = Command(
        "show", "Show how a command goes on each node, with its output.",
        examples: [Example("opsbus commands show 7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d", "Show a command")],
        arguments: [identifier]
    ) { arguments, session in
        let connection = try session.connect()
        let identifier = JSON.string(try arguments.required(identifier))
        let commands = try await connection.call("ssm:ListCommands", ["CommandId": identifier])
        guard let command = commands["Commands"]?[0] else {
            throw CommandError.failure("there is no command \(identifier.cell)", fix: "see 'opsbus commands list'")
        }
        let invocations = try await connection.callAll(
            "ssm:ListCommandInvocations", ["CommandId": identifier], list: "CommandInvocations")
        var results: [JSON] = []
        for invocation in invocations["CommandInvocations"]?.array ?? [] {
            results.append(
                try await connection.call(
                    "ssm:GetCommandInvocation",
                    ["CommandId": identifier, "InstanceId": invocation["InstanceId"] ?? .null]))
        }
        session.output.result(["Command": command, "Invocations": .array(results)]) {
            show(command, results, session.output)
        }
        return .success
    }

    private static func show(_ command: JSON, _ invocations: [JSON], _ output: Output) {
        output.record([
            ("Command", command.cell("CommandId")), ("Document", command.cell("DocumentName")),
            ("Status", output.style.status(command.cell("StatusDetails"))), ("Comment", command.cell("Comment")),
            ("Requested", command.timeCell("RequestedDateTime")), ("Parameters", command.cell("Parameters")),
        ])
        for invocation in invocations {
            let status = output.style.status(invocation.cell("Status"))
            output.line("\n\(output.style.heading(invocation.cell("InstanceId"))) \(status)")
            CommandProgress.show(invocation, output)
        }
    }

    private static let cancelCommand = Command(
        "cancel", "End a command on all nodes where it has not ended.",
        examples: [Example("opsbus commands cancel 7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d", "Cancel a command")],
        arguments: [identifier]
    ) { arguments, session in
        let identifier = try arguments.required(identifier)
        let output = try await session.connect().call("ssm:CancelCommand", ["CommandId": .string(identifier)])
        session.output.result(output) { session.output.line("\(identifier) is being cancelled") }
        return .success
    }

    private static let identifier = Argument("ID", .text.completing(.live(.commands)), "The command's id.")
}
