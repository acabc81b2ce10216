internal import Core
internal import Documents
internal import Platform

/// `aws:runShellScript` and `aws:runPowerShellScript`: a script is written to the step's directory and run.
/// - Source: Systems Manager user guide, "aws:runShellScript"; amazon-ssm-agent for what it leaves open.
struct ScriptPlugin: Plugin {
    enum Language {
        case shell, powerShell
    }

    private static let shell = "/bin/sh"
    private let language: Language

    init(_ language: Language) { self.language = language }

    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        guard let script = ShellScript(inputs: inputs) else {
            throw .failure("runCommand must be a text or a list of texts")
        }
        try context.files { () throws(FileError) in
            try Files.createDirectory(context.directory, mode: 0o700)
            try context.store.giveToScript(context.directory)
        }
        let timeout = Duration.seconds(script.timeoutSeconds)
        let directory = workingDirectory(script, context)
        switch language {
        case .shell:
            let path = try write(script.text, "_script.sh", context)
            return try await context.run(
                context.scriptRequest(ScriptPlugin.shell, ["-c", ShellScript.quote(path)], directory, timeout))
        case .powerShell:
            let program = try context.require("pwsh", for: "aws:runPowerShellScript")
            // A script's exit code is that of the last program it ran, as with a shell.
            let path = try write(script.text + "exit $LASTEXITCODE\n", "_script.ps1", context)
            return try await context.run(
                context.scriptRequest(
                    program, ["-NoLogo", "-NoProfile", "-NonInteractive", "-File", path], directory, timeout))
        }
    }

    private func write(_ text: String, _ name: String, _ context: StepContext) throws(StepEnd) -> String {
        let path = context.directory + "/" + name
        try context.files { () throws(FileError) in
            try Files.write(Array(text.utf8), to: path, mode: 0o700, isDurable: false)
            try context.store.giveToScript(path)
        }
        return path
    }

    /// A relative directory is one of the command's downloads, an empty one that of the downloads itself; the agent's
    /// own where there is none.
    private func workingDirectory(_ script: ShellScript, _ context: StepContext) -> String? {
        let text = script.workingDirectory
        guard let path = text.isEmpty ? context.downloads : try? context.path(text) else { return nil }
        return text.hasPrefix("/") || Files.isDirectory(path) ? path : nil
    }
}

extension StepContext {
    /// A request for a script: as its own user and within its limits.
    fileprivate func scriptRequest(
        _ program: String, _ arguments: [String], _ directory: String?, _ timeout: Duration
    ) -> ProcessRequest {
        var request = request(program, arguments, directory: directory, timeout: timeout)
        request.user = user
        request.limits = limits
        return request
    }
}
