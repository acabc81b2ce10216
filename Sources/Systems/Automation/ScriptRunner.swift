internal import Core
internal import Documents
internal import Glibc
internal import Platform

/// Runs the script of `aws:executeScript` in a process of its own, in a directory that is removed afterwards.
///
/// Python: `Handler(events, context)` is called with the `InputPayload`; what it returns is the `Payload`. Bash, an
/// addition of OpsBus: the payload is in the environment, whole as `InputPayload` and each of its members as
/// `INPUT_<name>`; the last line of output, if it is JSON, is the `Payload`, else all of the output as text.
struct ScriptRunner: Sendable {
    let processes: ProcessLoop
    let directory: String

    private static let secondsMax: Int64 = 600
    private static let outputBytesMax = 1 << 20
    private static let payloadBytesMax = 100 << 10

    /// Removes what scripts of an earlier run left behind.
    func sweep() throws {
        try Files.createDirectory(directory, mode: 0o700)
        for name in try Files.names(in: directory) { try Files.remove("\(directory)/\(name)") }
    }

    /// - Parameter inputs: `Runtime`, `Handler`, `Script`, `InputPayload`, resolved.
    /// - Throws: `RunbookStepFailure`.
    func run(_ inputs: JSON, until deadline: Timestamp, clock: any Clock) async throws -> JSON {
        guard let runtime = ScriptRuntime(name: inputs["Runtime"]?.string ?? "") else {
            throw RunbookStepFailure("Runtime must be python3 or bash.", stage: .inputValidation, isRetriable: false)
        }
        guard let script = inputs["Script"]?.string else {
            throw RunbookStepFailure("Script is missing.", stage: .inputValidation, isRetriable: false)
        }
        var random = SystemRandomNumberGenerator()
        let workspace = "\(directory)/\(Identifier(using: &random))"
        try Files.createDirectory(workspace, mode: 0o700)
        // A directory that cannot be removed is swept with the others at the next start.
        defer { try? Files.remove(workspace) }
        let payload = inputs["InputPayload"] ?? [:]
        let limit = clock.now + .seconds(ScriptRunner.secondsMax)
        let timeout = min(deadline, limit) - clock.now
        switch runtime {
        case .python3:
            let handler = inputs["Handler"]?.string ?? ""
            return try await runPython(script, handler, payload, in: workspace, timeout)
        case .bash: return try await runBash(script, payload, in: workspace, timeout)
        }
    }

    // MARK: Python

    /// Reads the payload from standard input, so that it can be of any size, and answers in a file, so that the script
    /// may print what it likes.
    private static let pythonRunner = """
        import json, sys
        sys.path.insert(0, ".")
        import opsbus_script
        result = getattr(opsbus_script, sys.argv[1])(json.load(sys.stdin), {})
        with open("result.json", "w") as file:
            json.dump(result, file)
        """

    private func runPython(
        _ script: String, _ handler: String, _ payload: JSON, in workspace: String, _ timeout: Duration
    ) async throws -> JSON {
        guard !handler.isEmpty else {
            throw RunbookStepFailure(
                "Handler, the name of the function to call, is missing.", stage: .inputValidation, isRetriable: false)
        }
        try Files.write(Array(script.utf8), to: workspace + "/opsbus_script.py", mode: 0o600)
        try Files.write(Array(ScriptRunner.pythonRunner.utf8), to: workspace + "/opsbus_runner.py", mode: 0o600)
        let request = ProcessRequest(
            "/usr/bin/env", ["python3", "opsbus_runner.py", handler], environment: ScriptRunner.environment,
            directory: workspace, input: payload.bytes, timeout: timeout)
        try await execute(request)
        let result = try Files.read(workspace + "/result.json", bytesMax: ScriptRunner.payloadBytesMax)
        return ["Payload": try JSON(parsing: result)]
    }

    // MARK: Bash

    private func runBash(
        _ script: String, _ payload: JSON, in workspace: String, _ timeout: Duration
    ) async throws -> JSON {
        try Files.write(Array(script.utf8), to: workspace + "/script.sh", mode: 0o600)
        var environment = ScriptRunner.environment
        environment["InputPayload"] = payload.text
        for member in payload.object ?? JSONObject() {
            environment["INPUT_\(member.key)"] = member.value.string ?? member.value.text
        }
        let request = ProcessRequest(
            "/usr/bin/env", ["bash", "script.sh"], environment: environment, directory: workspace, timeout: timeout)
        let output = try await execute(request)
        let lines = output.split(separator: "\n", omittingEmptySubsequences: true)
        let last = lines.last.flatMap { try? JSON(parsing: String($0)) }
        return ["Payload": last ?? .string(output)]
    }

    // MARK: Shared

    private static var environment: [String: String] {
        var environment = ["LANG": "C.UTF-8", "HOME": "/"]
        environment["PATH"] = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return environment
    }

    /// - Returns: Standard output.
    /// - Throws: `RunbookStepFailure` for any end but exit code 0, with the end of standard error.
    @discardableResult
    private func execute(_ request: ProcessRequest) async throws -> String {
        let process = try await processes.start(request)
        let collected = await process.collect(bytesMax: ScriptRunner.outputBytesMax)
        let output = String(decoding: collected.standardOutput, as: UTF8.self)
        let errors = String(decoding: collected.standardError, as: UTF8.self)
        if collected.outcome.stopped == .timedOut {
            throw RunbookStepFailure("The script ran into its timeout.", isTimeout: true)
        }
        switch collected.outcome.status {
        case .exited(0): return output
        case .exited(let code):
            throw RunbookStepFailure("The script ended with code \(code): \(errors.suffix(2000))")
        case .signalled(let signal):
            throw RunbookStepFailure("The script was ended by signal \(signal): \(errors.suffix(2000))")
        }
    }
}
