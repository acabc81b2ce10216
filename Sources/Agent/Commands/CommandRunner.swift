internal import API
internal import Core
internal import Documents
internal import Platform

/// Runs one command document on this node, step by step.
///
/// Every step is noted on the disk, through the agent, before its process is started and again when it has ended.
struct CommandRunner: Sendable {
    let command: NodeCommand
    /// Where a restart of the machine interrupted the command; nil for one that begins.
    let interruption: CommandState.Reboot?
    let agent: Agent
    let store: AgentStore
    let processes: ProcessLoop
    /// What every script finds in its environment.
    let environment: [String: String]
    let user: ProcessUser?
    let limits: ProcessLimits
    let clock: any Clock

    /// What a step came to, before the document has its say about the status.
    private struct Execution {
        var ending: CommandStepEnding
        var standardOutput = ""
        var standardError = ""
        var start: Timestamp?
    }

    /// Runs to the end and hands the agent the outcome; a cancelled task leaves things as they stand on the disk.
    func run() async {
        guard interruption != nil || clock.now < command.expiresAt else {
            return await agent.finished(command.id, .deliveryTimedOut, "It arrived after its time and was not started.")
        }
        var machine: CommandDocumentMachine
        let stored: StoredParameters
        do {
            machine = try self.machine()
            stored = try await StoredParameters(for: machine, in: command.id, agent: agent, clock: clock)
        } catch let error as StepEnd {
            if Task.isCancelled { return }
            return await agent.finished(command.id, CommandReport.Outcome(error), error.explained(command))
        } catch {
            return await agent.finished(command.id, .failed, "\(command.documentName): \(error)")
        }
        var reported = machine.results.prefix(while: \.isOver).count
        var action = interruption?.failure.map { machine.rebootFailed($0) } ?? machine.start()
        while true {
            if await agent.isCancelled(command.id), case .run = action {
                // Decided but not started: taken back as a cancelled step.
                _ = machine.cancel()
                action = machine.stepEnded(.cancelled)
            }
            var execution: Execution?
            if case .run(let step) = action {
                let done = await execute(step, stored)
                if Task.isCancelled { return }
                if await agent.isCancelled(command.id) { _ = machine.cancel() }
                action = machine.stepEnded(done.ending)
                execution = done
            }
            if case .reboot(let step) = action { return await agent.paused(command.id, step, machine.json) }
            let reports = newReports(machine, &reported, execution)
            let isLast = if case .finish = action { true } else { false }
            if !reports.isEmpty { await agent.ended(command.id, reports, isLast: isLast) }
            if case .finish(let status, _) = action {
                return await agent.finished(command.id, CommandReport.Outcome(status), "")
            }
        }
    }

    private func machine() throws(DocumentError) -> CommandDocumentMachine {
        let document = try Document(parsing: Array(command.document.utf8))
        if let interruption {
            guard let machine = CommandDocumentMachine(resuming: interruption.machine, document: document) else {
                throw DocumentError(.content, "the state that was kept over the restart is not of this document")
            }
            return machine
        }
        let parameters = try Parameters(binding: command.parameters.object ?? JSONObject(), to: document)
        return CommandDocumentMachine(document: document, parameters: parameters, platform: Machine.platformType)
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

    private func execute(_ step: CommandStepRun, _ stored: StoredParameters) async -> Execution {
        let start = clock.now
        let output = StepOutput(await agent.nextOutputs(of: step.name, in: command.id), agent: agent)
        do {
            // What is kept on the disk has the references.
            try await agent.began(command.id, step, at: start)
            let step = try step.resolving(stored)
            var variables = environment.merging(step.environment) { _, argument in argument }
            variables["SSM_COMMAND_ID"] = command.id.description
            let context = StepContext(
                command: command, step: step.name, depth: 0, environment: variables,
                directory: try store.directory(of: step.name, in: command.id), agent: agent, store: store,
                processes: processes, user: user, limits: limits, clock: clock, output: output)
            let ending = await StepExecution(run: step, context: context).execute()
            await output.finish()
            return Execution(
                ending: ending, standardOutput: output.text(.standardOutput),
                standardError: output.text(.standardError), start: start)
        } catch {
            return Execution(ending: .failed(message: "the step cannot be started: \(error)"), start: start)
        }
    }
}

extension StepEnd {
    /// What the command is said to have failed with.
    fileprivate func explained(_ command: NodeCommand) -> String {
        if case .failed(let message) = ending { return "\(command.documentName): \(message)" }
        return ""
    }
}

extension CommandReport.Outcome {
    fileprivate init(_ end: StepEnd) { self = end.ending == .cancelled ? .cancelled : .failed }

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
