import Core
import Foundation
import Platform
import Testing

/// One try of the whole system: a directory of its own, a server on endpoints in it, and programs that use it.
///
/// Everything started is killed at the end, whatever has happened.
final class Scenario {
    struct Outcome {
        let exitCode: Int32
        let output: String
        let errorOutput: String

        /// What a command printed with `--output json`.
        func json() throws -> JSON { try JSON(parsing: Array(output.utf8)) }

        /// The JSON objects printed one a line.
        func jsonLines() throws -> [JSON] {
            try output.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
        }
    }

    let directory: URL
    /// Added to the environment of everything that is started.
    var environment: [String: String]
    private var children: [ChildProcess] = []
    private var count = 0

    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let clients = repository.appendingPathComponent("Tests/ScenarioTests/Clients").path
    /// Built beside the tests themselves.
    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("opsbus").path
    /// One that has pyzmq; `Tests/run.sh` makes it.
    private static let python = ProcessInfo.processInfo.environment["OPSBUS_PYTHON"] ?? "python3"

    private init() throws {
        // Short: the path of a socket has at most 107 bytes.
        var template = Array("/tmp/opsbus-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ScenarioError("no temporary directory: \(errno)") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        directory = URL(fileURLWithPath: path)
        environment = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": path]
        for name in ["requests", "stream", "nodes"] {
            environment["OPSBUS_\(name.uppercased())"] = "ipc://\(path)/\(name)"
        }
        environment["OPSBUS_DATA"] = "\(path)/data"
        environment["OPSBUS_HTTP"] = "none"
        // No caches beside the sources.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["SWIFT_BACKTRACE"] = "enable=no"
    }

    static func run(_ body: (Scenario) throws -> Void) throws {
        let scenario = try Scenario()
        defer { scenario.end() }
        do {
            try body(scenario)
        } catch {
            for child in scenario.children where child.name.hasPrefix("server") || child.name.hasPrefix("agent") {
                print("--- \(child.name) said:\n\(child.errorOutput.suffix(3000))")
            }
            throw error
        }
    }

    private func end() {
        for child in children { child.kill() }
        // A directory that cannot be removed is left to the system's own cleaning of /tmp.
        try? FileManager.default.removeItem(at: directory)
    }

    // MARK: Files

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    func write(_ text: String, to name: String) throws {
        let file = directory.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file, options: .atomic)
    }

    /// The file's text; empty where there is none.
    func text(_ name: String) -> String {
        String(decoding: (try? Files.read(path(name))) ?? [], as: UTF8.self)
    }

    // MARK: Programs

    /// Starts a program and goes on.
    func start(
        _ executable: String, _ arguments: [String], name: String, input: String? = nil,
        environment extra: [String: String] = [:]
    ) throws -> ChildProcess {
        count += 1
        let child = try ChildProcess(
            executable, arguments, name: "\(name)-\(count)", files: directory, directory: directory,
            environment: environment.merging(extra) { $1 }, input: input)
        children.append(child)
        return child
    }

    /// Starts a server and waits until it is ready.
    @discardableResult
    func startServer(_ flags: String..., environment: [String: String] = [:]) throws -> ChildProcess {
        try startServer(flags, environment: environment)
    }

    @discardableResult
    func startServer(_ flags: [String], environment: [String: String] = [:]) throws -> ChildProcess {
        let server = try start(
            Scenario.program, ["serve"] + flags, name: "server", environment: environment)
        try eventually("the server is ready", within: 30) {
            // Every start has an error output of its own.
            if server.errorOutput.contains("ready in") { return true }
            if !server.isRunning { throw ScenarioError("the server ended:\n\(server.errorOutput)") }
            return false
        }
        return server
    }

    /// Runs the command line to its end.
    @discardableResult
    func opsbus(
        _ arguments: String..., input: String? = nil, environment: [String: String] = [:]
    ) throws -> Outcome {
        try opsbus(arguments, input: input, environment: environment)
    }

    func opsbus(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
    ) throws -> Outcome {
        let child = try start(
            Scenario.program, arguments, name: "opsbus", input: input, environment: environment)
        let exitCode = try child.wait()
        return Outcome(exitCode: exitCode, output: child.output, errorOutput: child.errorOutput)
    }

    /// Runs lines of shell in the scenario's directory, which must succeed.
    func shell(_ lines: String) throws {
        let child = try start("/bin/sh", ["-ec", lines], name: "sh")
        guard try child.wait() == 0 else { throw ScenarioError("\(lines): \(child.errorOutput)") }
    }

    /// Makes a key pair, in the file NAME.key, and registers it with the server.
    func addKey(_ name: String, _ grants: String...) throws {
        let made = try opsbus("keys", "generate", "--out", "\(name).key")
        let publicKey = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let added = try opsbus(["keys", "add", name, "--public", publicKey] + grants)
        guard added.exitCode == 0 else { throw ScenarioError(added.errorOutput) }
    }

    /// Calls an operation through the command line, which must succeed.
    func call(_ operation: String, _ input: JSON = [:]) throws -> JSON {
        let outcome = try opsbus("call", operation, input.text)
        guard outcome.exitCode == 0 else {
            throw ScenarioError("\(operation) failed: \(outcome.exitCode) \(outcome.errorOutput)")
        }
        return try outcome.json()
    }

    /// Starts one of the Python programs of `Clients`, or one that an absolute path names.
    func startPython(_ script: String, _ arguments: [String], input: String? = nil) throws -> ChildProcess {
        // `env` looks for it along the path of the tests themselves, which may be longer than that of the system.
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let file = script.hasPrefix("/") ? script : "\(Scenario.clients)/\(script)"
        return try start(
            "/usr/bin/env", [Scenario.python, "-B", file] + arguments, name: URL(fileURLWithPath: file).lastPathComponent,
            input: input, environment: ["PATH": path])
    }

    /// Runs aws-cli, which must succeed.
    func aws(_ arguments: [String], _ endpoint: String) throws -> String {
        let child = try start(
            "/usr/bin/env", [Scenario.python, "-m", "awscli", "--endpoint-url", endpoint] + arguments, name: "aws",
            environment: [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "AWS_ACCESS_KEY_ID": "any",
                "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_PAGER": "",
            ])
        guard try child.wait(within: 60) == 0 else { throw ScenarioError("aws \(arguments):\n\(child.errorOutput)") }
        return child.output
    }

    /// Runs one of the Python programs of `Clients` to its end, which must be success.
    @discardableResult
    func python(_ script: String, _ arguments: String..., within seconds: Double = 60) throws -> Outcome {
        let child = try startPython(script, arguments)
        let exitCode = try child.wait(within: seconds)
        guard exitCode == 0 else { throw ScenarioError("\(script) exited \(exitCode):\n\(child.errorOutput)") }
        return Outcome(exitCode: exitCode, output: child.output, errorOutput: child.errorOutput)
    }
}
