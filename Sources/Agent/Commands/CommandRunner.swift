internal import API
internal import Core
internal import Documents
internal import Platform

/// Runs one command document on this node, step by step.
///
/// Every step is noted on the disk, through the agent, before its process is started and again when it has ended.
struct CommandRunner: Sendable {
    let command: NodeCommand
    let agent: Agent
    let store: AgentStore
    let processes: ProcessLoop
    /// What every script finds in its environment.
    let environment: [String: String]
    let user: ProcessUser?
    let limits: ProcessLimits
    let clock: any Clock

    private static let shell = "/bin/sh"

    /// What a step came to, before the document has its say about the status.
    private struct Execution {
        var ending: CommandStepEnding
        var standardOutput = ""
        var standardError = ""
        var start: Timestamp?
    }

    /// Runs to the end and hands the agent the outcome; a cancelled task leaves things as they stand on the disk.
    func run() async {
        guard clock.now < command.expiresAt else {
            return await agent.finished(command.id, .deliveryTimedOut, "It arrived after its time and was not started.")
        }
        var machine: CommandDocumentMachine
        do throws(DocumentError) {
            let document = try Document(parsing: Array(command.document.utf8))
            let parameters = try Parameters(binding: command.parameters.object ?? JSONObject(), to: document)
            machine = CommandDocumentMachine(document: document, parameters: parameters, platform: "Linux")
        } catch {
            return await agent.finished(command.id, .failed, "\(command.documentName): \(error)")
        }
        var reported = 0
        var action = machine.start()
        while true {
            if await agent.isCancelled(command.id), case .run = action {
                // Decided but not started: taken back as a cancelled step.
                _ = machine.cancel()
                action = machine.stepEnded(.cancelled)
            }
            var execution: Execution?
            if case .run(let step) = action {
                let done = await execute(step)
                if Task.isCancelled { return }
                if await agent.isCancelled(command.id) { _ = machine.cancel() }
                action = machine.stepEnded(done.ending)
                execution = done
            }
            let reports = newReports(machine, &reported, execution)
            if !reports.isEmpty { await agent.ended(command.id, reports) }
            if case .finish(let status, _) = action {
                return await agent.finished(command.id, CommandReport.Outcome(status), "")
            }
        }
    }

    /// Reports of all steps decided since the last call; the first of them is the one executed, if any was.
    private func newReports(
        _ machine: CommandDocumentMachine, _ reported: inout Int, _ execution: Execution?
    ) -> [StepReport] {
        var execution = execution
        var reports: [StepReport] = []
        while reported < machine.results.count, let status = StepReport.Status(machine.results[reported].status) {
            let step = machine.document.commandSteps[reported]
            let result = machine.results[reported]
            var report = StepReport(
                name: step.name, action: step.action, status: status, code: result.code,
                standardOutput: execution?.standardOutput ?? "", standardError: execution?.standardError ?? "",
                start: execution?.start, end: clock.now)
            report.add(result.message)
            reports.append(report)
            execution = nil
            reported += 1
        }
        return reports
    }

    // MARK: One step

    private func execute(_ step: CommandStepRun) async -> Execution {
        let start = clock.now
        guard let script = ShellScript(inputs: step.inputs) else {
            return Execution(ending: .failed(message: "runCommand must be a text or a list of texts"), start: start)
        }
        do {
            try await agent.began(command.id, step, at: start)
            let directory = try store.directory(of: step.name, in: command.id)
            let path = directory + "/_script.sh"
            try Files.write(Array(script.text.utf8), to: path, mode: 0o700, isDurable: false)
            try store.giveToScript(path)
            let child = try await processes.start(request(script, path, step))
            await agent.spawned(command.id, child)
            return await follow(child, step, start)
        } catch {
            return Execution(ending: .failed(message: "the step cannot be started: \(error)"), start: start)
        }
    }

    private func request(_ script: ShellScript, _ path: String, _ step: CommandStepRun) -> ProcessRequest {
        var variables = environment.merging(step.environment) { _, argument in argument }
        variables["SSM_COMMAND_ID"] = command.id.description
        var request = ProcessRequest(
            CommandRunner.shell, ["-c", ShellScript.quote(path)], environment: variables,
            directory: workingDirectory(script), timeout: .seconds(script.timeoutSeconds))
        request.user = user
        request.limits = limits
        return request
    }

    /// A relative directory is one of the command's downloads, or else does not count.
    private func workingDirectory(_ script: ShellScript) -> String? {
        if script.workingDirectory.hasPrefix("/") { return script.workingDirectory }
        let path = store.downloads(of: command.id) + "/" + script.workingDirectory
        return !script.workingDirectory.isEmpty && Files.isDirectory(path) ? path : nil
    }

    private func follow(_ child: ChildProcess, _ step: CommandStepRun, _ start: Timestamp) async -> Execution {
        var captures = [OutputStream: OutputCapture]()
        var streams: [OutputStream: StreamedOutput] = [:]
        for stream in OutputStream.allCases {
            captures[stream] = OutputCapture()
            streams[stream] = StreamedOutput(
                NodeOutput(command: command.id, step: step.name, stream: stream.rawValue, offset: 0))
        }
        var ending = CommandStepEnding.failed(message: "the step's process was lost")
        while let event = await child.next() {
            switch event {
            case .output(let stream, let bytes):
                captures[stream]?.append(bytes)
                if let piece = streams[stream]?.take(bytes) { await agent.stream(piece) }
            case .ended(let outcome):
                ending = CommandStepEnding(outcome)
                // What left the group, as daemons do, is ended with it.
                if outcome.stopped != nil { _ = ProcessIdentity.killGroups(marker: "SSM_COMMAND_ID=\(command.id)") }
            }
        }
        for stream in OutputStream.allCases {
            if let rest = streams[stream]?.takeRest() { await agent.stream(rest) }
        }
        return Execution(
            ending: ending, standardOutput: captures[.standardOutput]?.text ?? "",
            standardError: captures[.standardError]?.text ?? "", start: start)
    }
}

extension CommandStepEnding {
    fileprivate init(_ outcome: ProcessOutcome) {
        switch (outcome.stopped, outcome.status) {
        case (.timedOut?, _): self = .timedOut
        case (.cancelled?, _): self = .cancelled
        case (nil, .exited(let code)): self = .exited(code: Int(code))
        // As a shell reports it.
        case (nil, .signalled(let signal)): self = .exited(code: 128 + Int(signal))
        }
    }
}

extension CommandReport.Outcome {
    fileprivate init(_ status: CommandStepResult.Status) {
        switch status {
        case .success, .skipped: self = .success
        case .timedOut: self = .executionTimedOut
        case .cancelled: self = .cancelled
        case .failed, .notStarted, .inProgress: self = .failed
        }
    }
}

extension StepReport.Status {
    /// Nil for a step that is not done.
    fileprivate init?(_ status: CommandStepResult.Status) {
        switch status {
        case .success, .skipped: self = .success
        case .failed: self = .failed
        case .timedOut: self = .timedOut
        case .cancelled: self = .cancelled
        case .notStarted, .inProgress: return nil
        }
    }
}

extension StepReport {
    /// Adds what the document machine has to say: to the output of a step that went well, whose errors then do not
    /// count, to the errors of any other.
    fileprivate mutating func add(_ message: String) {
        guard !message.isEmpty else { return }
        if status == .success {
            standardOutput = StepReport.join(standardOutput, message)
            standardError = ""
        } else {
            standardError = StepReport.join(standardError, message)
        }
    }

    private static func join(_ text: String, _ message: String) -> String {
        let room = OutputCapture.bytesMax - message.utf8.count - 2
        let kept = OutputCapture.prefix(of: text, bytesMax: room)
        return kept.isEmpty || kept.utf8.last == UInt8(ascii: "\n") ? kept + message + "\n" : "\(kept)\n\(message)\n"
    }
}
