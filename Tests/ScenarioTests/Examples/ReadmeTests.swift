import Foundation
import Testing

/// Runs the commands that README.md shows, in one shell and in order as a reader would, and compares what they print.
///
/// Its `console` blocks are run; its `sh` blocks need a build, the network or other machines. `/tmp/demo` stands for
/// the test's own directory, the server's endpoints are in it too, and `opsbus` is the program built with the tests.
@Suite("README")
struct ReadmeTests {
    @Test("Every command of the README prints what is shown below it", .timeLimit(.minutes(5)))
    func commands() throws {
        let page = try String(contentsOf: Scenario.repository.appending(path: "README.md"), encoding: .utf8)
        #expect(page.split(separator: "\n", omittingEmptySubsequences: false).count <= 200, "style: under 200 lines")
        try Scenario.run { scenario in
            let shell = try Shell(scenario)
            defer { shell.end() }
            let commands = try ConsoleBlock.commands(
                in: page.replacing("/tmp/demo", with: scenario.path("demo")), isComplete: shell.isComplete)
            #expect(commands.count > 10)
            for command in commands { try run(command, shell) }
        }
    }

    private func run(_ command: ShownCommand, _ shell: Shell) throws {
        if command.text.hasSuffix("&") {
            try shell.runInBackground(command.text)
            return
        }
        let attempt: () throws -> String? = {
            let outcome = try shell.run(command.text)
            // One that shows what it prints may show a failure.
            if command.output.isEmpty && outcome.status != 0 { return "exit code \(outcome.status)" }
            return ShownOutput.difference(shown: command.output, printed: outcome.lines)
        }
        guard command.looksOnly else {
            let difference = try attempt()
            #expect(difference == nil, "README.md:\(command.line)")
            return
        }
        // What the command before has set off may still be under way: a reader looks again.
        var difference: String?
        do {
            try eventually("README.md:\(command.line) prints what is shown", within: 10) {
                difference = try attempt()
                return difference == nil
            }
        } catch {
            Issue.record("\(error)\n\(difference ?? "")")
        }
    }
}

extension ShownCommand {
    /// Whether the command can be repeated without an effect.
    fileprivate var looksOnly: Bool {
        ["opsbus logs ", "opsbus audit ", "opsbus nodes list", "opsbus rules ", "node=$(opsbus nodes list"]
            .contains(where: text.hasPrefix)
    }
}

/// A shell that is given one command after the other.
private final class Shell {
    private let scenario: Scenario
    private let process: ChildProcess
    private let input: FileHandle
    private var count = 0
    private static let mark = "--- end of command"

    init(_ scenario: Scenario) throws {
        self.scenario = scenario
        let pipe = scenario.path("commands")
        guard mkfifo(pipe, 0o600) == 0 else { throw ScenarioError("no pipe: \(errno)") }
        try FileManager.default.createSymbolicLink(
            atPath: scenario.path("Rules"), withDestinationPath: Scenario.repository.appending(path: "Rules").path)
        let programs = URL(fileURLWithPath: Scenario.program).deletingLastPathComponent().path
        process = try scenario.start(
            "/bin/bash", ["-c", "exec bash --noprofile --norc -s < commands 2>&1"], name: "shell",
            environment: ["PATH": "\(programs):\(scenario.environment["PATH"] ?? "")"])
        guard let input = FileHandle(forWritingAtPath: pipe) else { throw ScenarioError("the pipe does not open") }
        self.input = input
    }

    /// Whether a text is a whole command: no quotes, parentheses or texts after `<<` are open.
    func isComplete(_ text: String) throws -> Bool {
        try scenario.write(text + "\n", to: "command.sh")
        let check = try scenario.start("/bin/bash", ["-n", "command.sh"], name: "complete")
        return try check.wait() == 0 && check.errorOutput.isEmpty
    }

    /// Runs a command to its end.
    func run(_ command: String) throws -> (lines: [String], status: Int) {
        let before = process.output.count
        count += 1
        let mark = "\(Shell.mark) \(count)"
        try input.write(contentsOf: Data("{ \(command)\n} < /dev/null\nprintf '%s %d\\n' '\(mark)' $?\n".utf8))
        let text: String = try eventually("the end of: \(command)", within: 60) {
            guard process.isRunning else { throw ScenarioError("the shell ended at: \(command)") }
            let text = String(process.output.dropFirst(before))
            return text.range(of: "\(mark) \\d+\n", options: .regularExpression) == nil ? nil : text
        }
        let end = try #require(text.range(of: mark))
        var lines = text[..<end.lowerBound].split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return (lines, Int(text[end.upperBound...].filter(\.isNumber)) ?? -1)
    }

    /// Starts a server, and waits until it answers and knows its own node, as readers do without noticing.
    func runInBackground(_ command: String) throws {
        _ = try run(command + "\necho $! > background")
        try eventually("the server started by: \(command)") {
            try scenario.opsbus("nodes", "list").output.contains("Online")
        }
    }

    /// Ends the shell and what it started.
    func end() {
        if let server = Int32(scenario.text("background").filter(\.isNumber)) { kill(server, SIGKILL) }
        // It may have ended by itself.
        try? input.close()
    }
}
