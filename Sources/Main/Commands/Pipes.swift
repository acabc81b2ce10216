internal import Core

extension Command {
    static let pipes = Command(
        "pipes", "Look at pipes, start and stop them.",
        subcommands: [listPipes, showPipe, startPipe, stopPipe, deletePipe])

    private static let listPipes = Command(
        "list", "List the pipes.", examples: [Example("opsbus pipes list", "Every pipe")],
        options: [CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "pipes:ListPipes", [:], list: "Pipes", max: arguments[CommonOptions.limit] ?? 1000)
        session.output.result(output) {
            var table = Table(["NAME", "*STATE", "SOURCE", "TARGET", "~REASON"])
            for pipe in output["Pipes"]?.array ?? [] {
                table.add([
                    pipe.cell("Name"), pipe.cell("CurrentState"), pipe.cell("Source"), pipe.cell("Target"),
                    pipe.cell("StateReason"),
                ])
            }
            session.output.table(table, empty: "There are no pipes.")
        }
        return .success
    }

    private static let showPipe = Command(
        "show", "Show a pipe.", examples: [Example("opsbus pipes show orders", "Show the pipe orders")],
        arguments: [name]
    ) { arguments, session in
        let output = try await session.connect().call(
            "pipes:DescribePipe", ["Name": .string(try arguments.required(name))])
        session.output.result(output) {
            session.output.record(
                (output.object?.members ?? []).map { member in
                    let isTime = ["CreationTime", "LastModifiedTime"].contains(member.key)
                    return (member.key, isTime ? output.timeCell(member.key) : member.value.cell)
                })
        }
        return .success
    }

    private static let startPipe = change("start", "Let a pipe run.", "pipes:StartPipe", "started")
    private static let stopPipe = change(
        "stop", "Let a pipe stop; what it has in its hands it brings to an end.", "pipes:StopPipe", "stopped")
    private static let deletePipe = change("delete", "Delete a pipe.", "pipes:DeletePipe", "deleted")

    private static func change(_ verb: String, _ summary: String, _ operation: String, _ done: String) -> Command {
        Command(
            verb, summary, examples: [Example("opsbus pipes \(verb) orders", "The pipe orders")], arguments: [name]
        ) { arguments, session in
            let name = try arguments.required(name)
            let output = try await session.connect().call(operation, ["Name": .string(name)])
            session.output.result(output) { session.output.line("\(name) \(done)") }
            return .success
        }
    }

    private static let name = Argument("PIPE", .text, "The pipe's name.")
}
