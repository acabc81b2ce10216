internal import API
internal import Core
internal import Platform

/// Follows a command until it has ended on all its nodes.
struct CommandProgress: Sendable {
    /// Whose output is printed.
    enum Shown: String, Sendable, CaseIterable {
        case all, failed, none
    }

    let identifier: String
    let connection: any Connection
    let output: Output
    var shown = Shown.all

    private static let running: Set<String> = ["Pending", "InProgress", "Delayed", "Cancelling", ""]

    /// Prints each change, and each node's output when it has ended.
    /// - Returns: Success only where the command's status is `Success`.
    func follow() async throws -> ExitCode {
        var statuses: [String: String] = [:]
        var outcome = ""
        let line = StatusLine(output)
        defer { line.clear() }
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
                guard statuses[node] != status else { continue }
                statuses[node] = status
                try await show(node, status, line)
            }
            line.show(CommandProgress.count(statuses.values))
            return !CommandProgress.running.contains(outcome)
        }
        line.clear()
        if output.format == .table {
            let successes = statuses.values.count { $0 == "Success" }
            output.line(
                "\(identifier) \(output.style.status(outcome)): \(successes) of \(statuses.count) nodes succeeded")
        }
        return outcome == "Success" ? .success : .failure
    }

    private static func count(_ statuses: some Collection<String>) -> String {
        let ended = statuses.filter { !running.contains($0) }
        let failed = ended.count { $0 != "Success" }
        let begun = statuses.count { $0 == "InProgress" || $0 == "Cancelling" }
        return "\(ended.count) of \(statuses.count) done, \(failed) failed, \(begun) running, "
            + "\(statuses.count - ended.count - begun) waiting"
    }

    private func show(_ node: String, _ status: String, _ line: StatusLine) async throws {
        let hasEnded = !CommandProgress.running.contains(status)
        // A terminal counts below what is not done; elsewhere each change is a line.
        guard hasEnded || output.format == .table && !line.isLive else { return }
        let results = hasEnded ? try await CommandProgress.results(of: identifier, on: node, connection) : []
        if output.format == .json {
            for result in results { output.jsonLine(result) }
            return
        }
        line.clear()
        output.line(
            "\(output.style.heading(node)) \(output.style.status(status))\(CommandProgress.exitCode(results, status))")
        if shown == .all || shown == .failed && status != "Success" { CommandProgress.show(results, output) }
    }

    /// What a command came to on a node, step by step.
    static func results(of identifier: String, on node: String, _ connection: any Connection) async throws -> [JSON] {
        let input: JSON = ["CommandId": .string(identifier), "InstanceId": .string(node)]
        do {
            return [try await connection.call("ssm:GetCommandInvocation", input)]
        } catch let error as ServiceError where error.code == .invalidPluginName {
            var detailed = input
            detailed["Details"] = true
            let list = try await connection.call("ssm:ListCommandInvocations", detailed)
            var results: [JSON] = []
            for step in list["CommandInvocations"]?[0]?["CommandPlugins"]?.array ?? [] {
                var one = input
                one["PluginName"] = step["Name"]
                results.append(try await connection.call("ssm:GetCommandInvocation", one))
            }
            return results
        }
    }

    /// ` (exit code 3)`, where a script ended with one that is not 0.
    static func exitCode(_ results: [JSON], _ status: String) -> String {
        let code = results.last { $0["Status"]?.string == "Failed" }?["ResponseCode"]?.int ?? 0
        return status == "Failed" && code > 0 ? " (exit code \(code))" : ""
    }

    /// Prints what a node wrote, indented; what went to standard error in its colour. Of several steps each has a line.
    static func show(_ results: [JSON], _ output: Output) {
        for result in results {
            if results.count > 1 {
                let status = result.cell("Status")
                let name = output.style.faint(result.cell("PluginName"))
                output.line("  \(name) \(output.style.status(status))\(exitCode([result], status))")
            }
            for line in lines(result.cell("StandardOutputContent")) { output.line("    \(line)") }
            for line in lines(result.cell("StandardErrorContent")) { output.line("    \(output.style.bad(line))") }
        }
    }

    private static func lines(_ text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

/// The last line of a terminal, which changes while the lines above it grow. Elsewhere it is not there.
final class StatusLine {
    private let output: Output
    private var isShown = false

    init(_ output: Output) { self.output = output }

    /// Whether it is shown at all.
    var isLive: Bool { output.terminal.isInteractive && output.format == .table }

    func show(_ text: String) {
        guard isLive else { return }
        output.raw("\r\u{1B}[K" + output.style.faint(truncated(text, to: output.terminal.width - 1)))
        isShown = true
    }

    /// Takes it away, for other lines to be printed.
    func clear() {
        if isShown { output.raw("\r\u{1B}[K") }
        isShown = false
    }
}
