internal import Core
internal import Platform

extension Command {
    static let commands = Command(
        "commands", "Look at commands that were sent to nodes, and cancel them.",
        subcommands: [listCommands, showCommand, showOutput, cancelCommand])

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
        var results: [[JSON]] = []
        for invocation in invocations["CommandInvocations"]?.array ?? [] {
            results.append(
                try await CommandProgress.results(
                    of: identifier.cell, on: invocation.cell("InstanceId"), connection))
        }
        session.output.result(["Command": command, "Invocations": .array(results.flatMap(\.self))]) {
            show(command, Array(zip(invocations["CommandInvocations"]?.array ?? [], results)), session.output)
        }
        return .success
    }

    private static func show(_ command: JSON, _ invocations: [(JSON, [JSON])], _ output: Output) {
        output.record([
            ("Command", command.cell("CommandId")), ("Document", command.cell("DocumentName")),
            ("Status", output.style.status(command.cell("StatusDetails"))), ("Comment", command.cell("Comment")),
            ("Requested", command.timeCell("RequestedDateTime")), ("Parameters", command.cell("Parameters")),
        ])
        for (invocation, results) in invocations {
            let status = invocation.cell("Status")
            output.line(
                "\n\(output.style.heading(invocation.cell("InstanceId"))) \(output.style.status(status))"
                    + CommandProgress.exitCode(results, status))
            CommandProgress.show(results, output)
        }
    }

    private static let showOutput = Command(
        "output", "Print all that a command wrote on a node, as far as it was kept.",
        discussion: "Without --node the only node is meant. In a pipe the output is printed as it was written.",
        examples: [
            Example(
                "opsbus commands output 7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d --node mi-0123456789abcdef0",
                "Print what it wrote there"),
            Example(
                "opsbus commands output 7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d --follow", "Print it as it is written"),
        ],
        options: [node, step, errors, follow], arguments: [identifier]
    ) { arguments, session in
        let connection = try session.connect()
        var input: JSON = ["CommandId": .string(try arguments.required(identifier))]
        input["InstanceId"] = .string(try await nodeOfOutput(arguments, connection))
        input["PluginName"] = arguments[step].map { .string($0) }
        if arguments[errors] { input["Stream"] = "stderr" }
        let request = input
        let isFollowed = arguments[follow]
        return try await session.untilInterrupted {
            try await printOutput(request, isFollowed: isFollowed, connection, session)
        }
    }

    private static func nodeOfOutput(_ arguments: Arguments, _ connection: any Connection) async throws -> String {
        if let node = arguments[node] { return node }
        let list = try await connection.call(
            "ssm:ListCommandInvocations", ["CommandId": .string(try arguments.required(identifier))])
        let nodes = (list["CommandInvocations"]?.array ?? []).map { $0.cell("InstanceId") }
        guard nodes.count == 1 else {
            throw CommandError.usage(
                nodes.isEmpty ? "the command went to no node" : "the command went to several nodes",
                fix: nodes.isEmpty ? "see 'opsbus commands show ID'" : "name one with --node, such as \(nodes[0])")
        }
        return nodes[0]
    }

    private static func printOutput(
        _ request: JSON, isFollowed: Bool, _ connection: any Connection, _ session: Session
    ) async throws -> ExitCode {
        var request = request
        while true {
            let page = try await connection.call("ssm:GetCommandOutput", request)
            let content = page.cell("Content")
            switch session.output.format {
            case .json: session.output.jsonLine(page)
            case .table where session.output.terminal.isInteractive: session.output.text(content)
            case .table: session.output.raw(content)
            }
            if page["IsComplete"]?.bool ?? true { return .success }
            if content.isEmpty {
                guard isFollowed else { return .success }
                try await session.clock.sleep(for: .milliseconds(500))
            }
            request["Offset"] = page["NextOffset"]
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

    private static let node = Option("node", "ID", .text.completing(.live(.nodes)), "The node.")
    private static let step = Option("step", "NAME", .text, "The document's step, where it has several.")
    private static let errors = Flag("errors", "Print what went to standard error instead.")
    private static let follow = Flag("follow", short: "f", "Go on until the command has ended on the node.")
    private static let identifier = Argument("ID", .text.completing(.live(.commands)), "The command's id.")
}
