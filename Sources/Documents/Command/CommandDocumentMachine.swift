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
        /// Keep the machine, restart the node and call `start` again, which runs the same step once more; or say by
        /// `rebootFailed` that the node cannot be restarted.
        case reboot(step: String)
        case finish(CommandStepResult.Status, code: Int)
        /// The call did not fit the state, and changed nothing.
        case nothing
    }

    /// Exit codes by which a script speaks to the document.
    private enum ExitCode {
        static let endDocumentWithSuccess = 168
        static let endDocumentWithFailure = 169
        static let reboot = 194
        static let rebootOfWindows = 3010
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
    /// Restarts of the node that steps asked for so far.
    private var reboots = 0
    private let rebootsMax: Int

    /// Restarts that one run may ask for: beyond it the script is one that never ends.
    public static let rebootsMax = 10

    /// - Parameters:
    ///   - document: A command document; a runbook has no such steps, and ends as soon as it starts.
    ///   - platform: `Linux`, `MacOS` or `Windows`.
    ///   - isNested: Whether a step of another document runs this one; its steps then cannot restart the node.
    public init(document: Document, parameters: Parameters, platform: String, isNested: Bool = false) {
        self.document = document
        self.parameters = parameters
        self.platform = platform
        rebootsMax = isNested ? 0 : Self.rebootsMax
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
        if asksForReboot(ending), !isCancelled, reboots < rebootsMax {
            reboots += 1
            results[index] = CommandStepResult()
            return .reboot(step: document.commandSteps[index].name)
        }
        results[index] = result(of: ending)
        applyFlow(index)
        return advance()
    }

    /// The restart that the next step asked for did not come about: the step has failed, and ends the document.
    public mutating func rebootFailed(_ reason: String) -> Action {
        guard current == nil, reboots > 0, let index = results.firstIndex(where: { $0.status == .notStarted }) else {
            return .nothing
        }
        results[index] = CommandStepResult(.failed, rebootCode, "the step asked for a reboot: \(reason)")
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
    public var isFinished: Bool { results.allSatisfy(\.isOver) }

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
                    index: index, name: step.name, action: step.action, inputs: inputs(index),
                    environment: scope.environment))
        }
        return .finish(status, code: code)
    }

    /// What the arguments and the steps with these arguments refer to in Parameter Store, each name once.
    public var storedNames: [String] {
        let inputs = results.indices.map(inputs)
        return StoredParameters.names(in: .array(inputs + [.object(parameters.values)]))
    }

    private var scope: CommandScope { CommandScope(parameters: parameters) }

    /// The inputs of a step, references resolved.
    private func inputs(_ index: Int) -> JSON {
        let step = document.commandSteps[index]
        return scope.resolve(inputs: step.inputs, of: step.action)
    }

    private var rebootCode: Int {
        platform == PlatformType.windows.rawValue ? ExitCode.rebootOfWindows : ExitCode.reboot
    }

    private func asksForReboot(_ ending: CommandStepEnding) -> Bool { ending == .exited(code: rebootCode) }

    /// The result of a step that need not run; nil for one that must.
    private func decide(_ index: Int) -> CommandStepResult? {
        let step = document.commandSteps[index]
        if isCancelled { return CommandStepResult(.cancelled, -1, "the command was cancelled") }
        if let endReason, !isFinally(index) { return CommandStepResult(.skipped, 0, endReason) }
        let plugin = ActionSchema.command(step.action)
        if let plugin, !plugin.platforms.contains(where: { $0.rawValue == platform }) {
            let message = "the plugin \(step.action) does not run on \(platform)"
            return document.schema == .command22
                ? CommandStepResult(.skipped, 0, message) : CommandStepResult(.failed, 1, message)
        }
        if step.precondition?.isNull == false, document.schema != .command22 {
            return CommandStepResult(.failed, 1, "preconditions need schema 2.2, this document has another")
        }
        switch Precondition(scope: scope, platform: platform).evaluate(step.precondition) {
        case .holds: return plugin == nil ? CommandStepResult(.failed, 1, "the plugin \(step.action) is unknown") : nil
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
        case .exited(rebootCode) where !isCancelled:
            let reason =
                rebootsMax == 0
                ? "a document within a document cannot restart the node"
                : "\(rebootsMax) reboots of one command are allowed"
            return CommandStepResult(.failed, rebootCode, "exit code \(rebootCode) asks for a reboot, and \(reason)")
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
        let inputs = inputs(index)
        switch results[index].status {
        case .success:
            if results[index].code == ExitCode.endDocumentWithSuccess || inputs["onSuccess"] == "exit" {
                endReason = "the step \"\(name)\" ended the document"
            }
        case .failed where [ExitCode.endDocumentWithFailure, rebootCode].contains(results[index].code):
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
        let value = inputs(index)["finallyStep"]
        return index == results.count - 1 && value?.plainText.flatMap(Bool.init(spelled:)) == true
    }
}

extension CommandDocumentMachine {
    /// Everything but the document, for ``init(resuming:document:)``.
    public var json: JSON {
        var json: JSON = [
            "Parameters": .object(parameters.values), "Platform": .string(platform),
            "Results": .array(results.map(\.json)), "Cancelled": .bool(isCancelled),
            "Reboots": .integer(reboots),
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
        reboots = json["Reboots"]?.int ?? 0
    }
}
