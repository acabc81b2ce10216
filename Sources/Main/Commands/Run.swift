internal import Core
internal import Platform

extension Command {
    static let run = Command(
        "run", "Run a command document, or a shell command, on nodes.",
        discussion: """
            Without --wait the command's id is printed and 'opsbus commands show ID' tells how it goes. With --wait \
            each node's progress and output are printed; the exit code is 0 only where every node succeeded.
            """,
        examples: [
            Example("opsbus run --shell 'df -h /' --node mi-0123456789abcdef0 --wait", "Run a shell command"),
            Example(
                "opsbus run Restart-Service --target tag:role=web --parameter service=nginx --max-concurrency 2 --wait",
                "Run a document on all nodes with a tag, two at a time"),
        ],
        options: [
            shell, nodeList, CommonOptions.targets, CommonOptions.parameters, CommonOptions.wait, timeout,
            maxConcurrency,
            maxErrors, comment,
        ],
        arguments: [document]
    ) { arguments, session in
        let request = try commandRequest(arguments)
        let connection = try session.connect()
        let output = try await connection.call("ssm:SendCommand", request)
        guard let identifier = output["Command"]?["CommandId"]?.string else {
            throw CommandError(.internal, "the server answered no CommandId")
        }
        guard arguments[CommonOptions.wait] else {
            session.output.result(output) { session.output.line(identifier) }
            return .success
        }
        let progress = CommandProgress(identifier: identifier, connection: connection, output: session.output)
        return try await session.untilInterrupted {
            do {
                return try await progress.follow()
            } catch is CancellationError {
                session.output.remark("the command goes on; to end it: opsbus commands cancel \(identifier)")
                return .interrupted
            }
        }
    }

    private static func commandRequest(_ arguments: Arguments) throws(CommandError) -> JSON {
        var parameters = CommonOptions.parameterMap(arguments)
        let name: String
        switch (arguments[document], arguments[shell]) {
        case (let document?, nil): name = document
        case (nil, let script?):
            name = "AWS-RunShellScript"
            parameters["commands"] = .array(
                script.split(separator: "\n", omittingEmptySubsequences: false).map { .string(String($0)) })
        case (.some, .some): throw .usage("DOCUMENT and --shell exclude each other", fix: "give one of them")
        case (nil, nil): throw .usage("nothing to run", fix: "give a DOCUMENT or --shell COMMAND")
        }
        let targets = CommonOptions.targetList(arguments)
        let instances = arguments.all(nodeList).flatMap { CommonOptions.commaSeparated($0) }
        guard !instances.isEmpty || targets != [] else {
            throw .usage("no nodes given", fix: "give --node ID,... or --target tag:KEY=VALUE")
        }
        return input([
            ("DocumentName", .string(name)),
            ("InstanceIds", instances.isEmpty ? nil : .array(instances)),
            ("Targets", targets == [] ? nil : targets),
            ("Parameters", parameters == [:] ? nil : parameters),
            ("TimeoutSeconds", .number(of: arguments[timeout].map { Int($0.components.seconds) })),
            ("MaxConcurrency", .text(arguments[maxConcurrency])),
            ("MaxErrors", .text(arguments[maxErrors])),
            ("Comment", .text(arguments[comment])),
        ])
    }

    private static let shell = Option("shell", short: "s", "COMMAND", .text, "Run this with AWS-RunShellScript.")
    private static let nodeList = Option(
        "node", "ID[,ID]", .text.completing(.live(.nodes)), repeated: true, "Nodes by their ids.")
    private static let timeout = Option(
        "timeout", "DURATION", .duration, "Give up on nodes that have not begun by then (30s or more).")
    private static let maxConcurrency = Option(
        "max-concurrency", "N|N%", .countOrPercentage, "How many nodes run it at a time. [50]")
    private static let maxErrors = Option(
        "max-errors", "N|N%", .countOrPercentage, "Stop sending after more failed nodes than this. [0]")
    private static let comment = Option("comment", "TEXT", .text, "Why, for the record.")
    private static let document = Argument(
        "DOCUMENT", .text.completing(.live(.documents)), count: 0...1, "The command document's name.")
}

extension ValueSyntax where Value == String {
    /// As the API takes MaxConcurrency and MaxErrors.
    static let countOrPercentage = ValueSyntax { (text) throws(ValueError) in
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let number = Int(digits), number >= 0, !text.hasSuffix("%") || number <= 100 else {
            throw ValueError("is neither a number such as 10 nor a percentage such as 25%")
        }
        return text
    }
}

/// Follows a command until it has ended on all its nodes.
struct CommandProgress: Sendable {
    let identifier: String
    let connection: any Connection
    let output: Output

    private static let running: Set<String> = ["Pending", "InProgress", "Delayed", "Cancelling", ""]

    /// Prints each change, and each node's output when it has ended.
    /// - Returns: Success only where the command's status is `Success`.
    func follow() async throws -> ExitCode {
        var shown: [String: String] = [:]
        var outcome = ""
        try await watch(
            [StreamTopic.command(identifier)], on: connection, every: .seconds(1), remark: { output.remark($0) }
        ) {
            // The command before its nodes: they are then at least as far as it says.
            let commands = try await connection.call("ssm:ListCommands", ["CommandId": .string(identifier)])
            // NoInstancesInTag has the status Success, though nothing was run.
            outcome = commands["Commands"]?[0]?.cell("StatusDetails") ?? ""
            let invocations = try await connection.callAll(
                "ssm:ListCommandInvocations", ["CommandId": .string(identifier)], list: "CommandInvocations")
            for invocation in invocations["CommandInvocations"]?.array ?? [] {
                let (node, status) = (invocation.cell("InstanceId"), invocation.cell("Status"))
                guard shown[node] != status else { continue }
                shown[node] = status
                try await show(node, status)
            }
            return !CommandProgress.running.contains(outcome)
        }
        if output.format == .table {
            let successes = shown.values.count { $0 == "Success" }
            output.line("\(identifier) \(output.style.status(outcome)): \(successes) of \(shown.count) nodes succeeded")
        }
        return outcome == "Success" ? .success : .failure
    }

    private func show(_ node: String, _ status: String) async throws {
        let hasEnded = !CommandProgress.running.contains(status)
        if output.format == .table { output.line("\(output.style.heading(node)) \(output.style.status(status))") }
        guard hasEnded else { return }
        let result = try await connection.call(
            "ssm:GetCommandInvocation", ["CommandId": .string(identifier), "InstanceId": .string(node)])
        switch output.format {
        case .json: output.jsonLine(result)
        case .table: CommandProgress.show(result, output)
        }
    }

    /// Prints what a node wrote, indented; what went to standard error in its colour.
    static func show(_ invocation: JSON, _ output: Output) {
        for line in lines(invocation.cell("StandardOutputContent")) { output.line("    \(line)") }
        for line in lines(invocation.cell("StandardErrorContent")) { output.line("    \(output.style.bad(line))") }
    }

    private static func lines(_ text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}
