public import Core

/// The run of a command document on one node: which step is next, and what became of the whole.
///
/// A value that decides and does nothing: the caller runs the steps it is given, one at a time, and reports their ends.
/// By default every step runs, whatever became of the ones before it; exit codes and the inputs `onFailure`,
/// `onSuccess` and `finallyStep` change that.
/// - Source: amazon-ssm-agent, `runpluginutil`; user guide, "Shared inputs", "Handling reboots when running commands".
public struct CommandDocumentMachine: Sendable, Equatable {
    /// What the caller is to do.
    public enum Action: Sendable, Equatable {
        case run(CommandStepRun)
        /// End the processes of the step that runs, then report its end.
        case cancel(step: String)
        case finish(CommandStepResult.Status, code: Int)
        /// The call did not fit the state, and changed nothing.
        case nothing
    }

    /// Exit codes by which a script speaks to the document.
    private enum ExitCode {
        static let endDocumentWithSuccess = 168
        static let endDocumentWithFailure = 169
        static let reboot = 194
        static let killed = 137
    }

    /// What is run.
    public let document: Document
    /// With what.
    public let parameters: Parameters
    /// `Linux`, `MacOS` or `Windows`.
    public let platform: String
    /// One for each step of the document, in order.
    public private(set) var results: [CommandStepResult]
    /// Why the steps left are not to run; nil while they are.
    private var endReason: String?
    private var isCancelled = false

    /// - Parameters:
    ///   - document: A command document; a runbook has no such steps, and ends as soon as it starts.
    ///   - platform: `Linux`, `MacOS` or `Windows`.
    public init(document: Document, parameters: Parameters, platform: String) {
        self.document = document
        self.parameters = parameters
        self.platform = platform
        results = Array(repeating: CommandStepResult(), count: document.commandSteps.count)
    }

    // MARK: Inputs

    /// Begins, or goes on after the caller restarted and reported the end of a step that ran.
    public mutating func start() -> Action {
        guard current == nil, !isFinished else { return .nothing }
        return advance()
    }

    /// Takes the end of the step that runs.
    public mutating func stepEnded(_ ending: CommandStepEnding) -> Action {
        guard let index = current else { return .nothing }
        results[index] = result(of: ending)
        applyFlow(index)
        return advance()
    }

    /// Ends the document early: no further step starts, the last one with `finallyStep` no more than the others.
    public mutating func cancel() -> Action {
        guard !isFinished, !isCancelled else { return .nothing }
        isCancelled = true
        if let index = current { return .cancel(step: document.commandSteps[index].name) }
        return advance()
    }

    // MARK: Outcome

    /// The step that runs.
    private var current: Int? { results.firstIndex { $0.status == .inProgress } }

    /// Whether no step runs and none is to run.
    public var isFinished: Bool { results.allSatisfy { $0.status != .notStarted && $0.status != .inProgress } }

    /// What became of the document: a failure outweighs a timeout, and that a cancel.
    public var status: CommandStepResult.Status {
        for status in [CommandStepResult.Status.failed, .timedOut, .cancelled]
        where results.contains(where: { $0.status == status }) {
            return status
        }
        return isFinished ? .success : .inProgress
    }

    /// 0 for a success, else the code of the first step that has the document's status.
    public var code: Int {
        let status = self.status
        return status == .success ? 0 : results.first { $0.status == status }?.code ?? -1
    }

    // MARK: Transitions

    private mutating func advance() -> Action {
        while let index = results.firstIndex(where: { $0.status == .notStarted }) {
            if let decided = decide(index) {
                results[index] = decided
                continue
            }
            results[index].status = .inProgress
            let step = document.commandSteps[index]
            return .run(
                CommandStepRun(
                    index: index, name: step.name, action: step.action, inputs: scope.resolve(inputs: step.inputs),
                    environment: scope.environment))
        }
        return .finish(status, code: code)
    }

    private var scope: CommandScope { CommandScope(parameters: parameters) }

    /// The result of a step that need not run; nil for one that must.
    private func decide(_ index: Int) -> CommandStepResult? {
        let step = document.commandSteps[index]
        if isCancelled { return CommandStepResult(.cancelled, -1, "the command was cancelled") }
        if let endReason, !isFinally(index) { return CommandStepResult(.skipped, 0, endReason) }
        guard let plugin = ActionSchema.command(step.action) else {
            return CommandStepResult(.failed, 1, "the plugin \(step.action) is unknown")
        }
        guard plugin.isExecutable else {
            let message = "the plugin \(step.action) does not run on this node"
            return document.schema == .command22
                ? CommandStepResult(.skipped, 0, message) : CommandStepResult(.failed, 1, message)
        }
        if step.precondition?.isNull == false, document.schema != .command22 {
            return CommandStepResult(.failed, 1, "preconditions need schema 2.2, this document has another")
        }
        switch Precondition(scope: scope, platform: platform).evaluate(step.precondition) {
        case .holds: return nil
        case .skips(let reason): return CommandStepResult(.skipped, 0, reason)
        case .fails(let reason): return CommandStepResult(.failed, 1, reason)
        }
    }

    private func result(of ending: CommandStepEnding) -> CommandStepResult {
        switch ending {
        case .timedOut: return CommandStepResult(.timedOut, ExitCode.killed, "the step took longer than it may")
        case .cancelled: return CommandStepResult(.cancelled, ExitCode.killed, "the command was cancelled")
        case .failed(let message): return CommandStepResult(.failed, 1, message)
        case .exited(0): return CommandStepResult(.success, 0)
        case .exited(ExitCode.endDocumentWithSuccess):
            return CommandStepResult(.success, ExitCode.endDocumentWithSuccess, "exit code 168 ended the document")
        case .exited(ExitCode.endDocumentWithFailure):
            return CommandStepResult(.failed, ExitCode.endDocumentWithFailure, "exit code 169 ended the document")
        case .exited(ExitCode.reboot):
            return CommandStepResult(
                .failed, ExitCode.reboot, "exit code 194 asks for a reboot, which OpsBus does not support yet")
        case .exited(ExitCode.killed):
            return isCancelled
                ? CommandStepResult(.cancelled, ExitCode.killed, "the command was cancelled")
                : CommandStepResult(.timedOut, ExitCode.killed, "the step's process was killed")
        case .exited(let code): return CommandStepResult(.failed, code)
        }
    }

    /// Decides after a step whether the rest is to run.
    private mutating func applyFlow(_ index: Int) {
        let name = document.commandSteps[index].name
        let inputs = scope.resolve(inputs: document.commandSteps[index].inputs)
        switch results[index].status {
        case .success:
            if results[index].code == ExitCode.endDocumentWithSuccess || inputs["onSuccess"] == "exit" {
                endReason = "the step \"\(name)\" ended the document"
            }
        case .failed where [ExitCode.endDocumentWithFailure, ExitCode.reboot].contains(results[index].code):
            endReason = "the step \"\(name)\" ended the document"
        case .failed, .timedOut:
            if inputs["onFailure"] == "exit" {
                endReason = "the step \"\(name)\" failed and ended the document"
            } else if inputs["onFailure"] == "successAndExit" {
                endReason = "the step \"\(name)\" failed and ended the document as a success"
                results[index].status = .success
                results[index].code = ExitCode.endDocumentWithSuccess
            }
        default: break
        }
    }

    /// Whether a step runs even after the document was ended: only the last can.
    private func isFinally(_ index: Int) -> Bool {
        let value = scope.resolve(inputs: document.commandSteps[index].inputs)["finallyStep"]
        return index == results.count - 1 && value?.plainText.flatMap(Bool.init(spelled:)) == true
    }
}

extension CommandDocumentMachine {
    /// Everything but the document, for ``init(resuming:document:)``.
    public var json: JSON {
        var json: JSON = [
            "Parameters": .object(parameters.values), "Platform": .string(platform),
            "Results": .array(results.map(\.json)), "Cancelled": .bool(isCancelled),
        ]
        json["EndReason"] = endReason.map { .string($0) }
        return json
    }

    /// A machine as its ``json`` was kept.
    /// - Returns: Nil where the text is no such state, or of another document.
    public init?(resuming json: JSON, document: Document) {
        guard let parameters = json["Parameters"]?.object, let platform = json["Platform"]?.string,
            let results = json["Results"]?.array?.map({ CommandStepResult($0) }),
            results.count == document.commandSteps.count, results.allSatisfy({ $0 != nil })
        else { return nil }
        self.init(
            document: document, parameters: Parameters(bound: parameters, to: document), platform: platform)
        self.results = results.compactMap { $0 }
        isCancelled = json["Cancelled"]?.bool ?? false
        endReason = json["EndReason"]?.string
    }
}
