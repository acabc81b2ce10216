internal import API
internal import Core
internal import Documents
internal import Platform
internal import Synchronization

/// Does what a runbook's step asks for, once, within its deadline.
struct StepRunner: Sendable {
    let caller: any OperationCaller
    let commands: CommandStore
    let scripts: ScriptRunner
    let clock: any Clock
    /// Set when the server stops: steps are given up then, but the commands they wait for go on, and are found again
    /// at the next start.
    let commandsGoOn = Flag()

    /// Whether a step that was under way when the server stopped can simply be taken up again: it reads only, or finds
    /// what it began.
    static func canResume(_ action: String) -> Bool {
        action == "aws:runCommand" || action == "aws:assertAwsResourceProperty"
    }

    /// Runs a step to its end. Cancelling the task ends what the step began.
    func run(
        _ step: RunbookStepStart, of execution: AutomationExecution
    ) async -> Result<JSON, RunbookStepFailure> {
        let outcome = await withTaskGroup(of: Result<JSON, RunbookStepFailure>?.self) { group in
            group.addTask { await perform(step, execution) }
            group.addTask {
                do { try await clock.sleep(until: step.deadline) } catch { return nil }
                return .failure(
                    RunbookStepFailure("The step ran into its timeout.", isRetriable: true, isTimeout: true))
            }
            var first: Result<JSON, RunbookStepFailure>?
            while first == nil, let next = await group.next() { first = next }
            group.cancelAll()
            // What the step began is ended before anything else begins.
            await group.waitForAll()
            return first
        }
        return outcome ?? .failure(RunbookStepFailure("The step was cancelled.", isRetriable: false))
    }

    private func perform(
        _ step: RunbookStepStart, _ execution: AutomationExecution
    ) async -> Result<JSON, RunbookStepFailure> {
        let context = execution.context(ofStep: step.name)
        do {
            switch step.action {
            case "aws:runCommand":
                let token = "\(execution.id)/\(step.name)/\(step.attempt)"
                return .success(try await runCommand(step.inputs, token: token, context))
            case "aws:executeScript":
                return .success(try await scripts.run(step.inputs, until: step.deadline, clock: clock))
            case "aws:executeAwsApi", "aws:assertAwsResourceProperty":
                return .success(try await callOperation(step.inputs, context))
            default:
                throw RunbookStepFailure("\(step.action) cannot run here.", isRetriable: false)
            }
        } catch let failure as RunbookStepFailure {
            return .failure(failure)
        } catch let error as ServiceError {
            // An operation that does not exist says so by name, and trying again would not help.
            return .failure(RunbookStepFailure(error))
        } catch {
            return .failure(RunbookStepFailure("\(error)", kind: .internal))
        }
    }

    // MARK: aws:executeAwsApi, aws:assertAwsResourceProperty

    /// Members of a step's inputs that are not members of the operation's input.
    private static let ownInputs: Set<String> = ["Service", "Api", "PropertySelector", "DesiredValues"]

    private func callOperation(_ inputs: JSON, _ context: OperationContext) async throws -> JSON {
        let service = inputs["Service"]?.string ?? ""
        let operation = "\(service):\(inputs["Api"]?.string ?? "")"
        let input = JSONObject((inputs.object?.members ?? []).filter { !StepRunner.ownInputs.contains($0.key) })
        return try await caller.call(operation, .object(input), context)
    }

    // MARK: aws:runCommand

    private func runCommand(_ inputs: JSON, token: String, _ context: OperationContext) async throws -> JSON {
        var request = inputs
        request["ClientToken"] = .string(token)
        let output = try await caller.call("ssm:SendCommand", request, context)
        guard let text = output["Command"]?["CommandId"]?.string, let id = Identifier(text) else {
            throw RunbookStepFailure("SendCommand answered no command id.", kind: .internal)
        }
        do {
            try await waitUntilDone(id)
        } catch is CancellationError {
            if commandsGoOn.isSet { throw CancellationError() }
            _ = try? await caller.call("ssm:CancelCommand", ["CommandId": .string(text)], context)
            throw RunbookStepFailure("The step was cancelled, and with it command \(text).", isRetriable: false)
        }
        return try await response(of: text, id)
    }

    /// Looks at the command's row, seldom while nothing happens.
    private func waitUntilDone(_ id: Identifier) async throws {
        var pause = Duration.milliseconds(10)
        while true {
            guard let command = try await commands.command(id) else {
                throw RunbookStepFailure("Command \(id) is gone.", kind: .internal)
            }
            if command.status.isTerminal { return }
            try await clock.sleep(for: pause)
            pause = min(pause * 1.5, .milliseconds(500))
        }
    }

    private func response(of text: String, _ id: Identifier) async throws -> JSON {
        guard let command = try await commands.command(id) else {
            throw RunbookStepFailure("Command \(text) is gone.", kind: .internal)
        }
        // Outputs of many nodes make no single text; the first node's stands for them, as in Systems Manager.
        let steps = try await commands.invocations(of: command).first?.steps ?? []
        let response: JSON = [
            "CommandId": .string(text), "Status": .string(command.status.status),
            "ResponseCode": .integer(steps.last?.code ?? 0),
            "Output": .string(steps.map(\.combinedOutput).joined(separator: "\n")),
        ]
        guard command.status.rawValue == "Success" else {
            let last = steps.last { $0.code != 0 }
            let reason = last.map { "; step \($0.name) ended with code \($0.code): \($0.combinedOutput.suffix(500))" }
            throw RunbookStepFailure("Command \(text) ended \(command.status.rawValue)\(reason ?? "").")
        }
        return response
    }
}

extension RunbookStepFailure {
    init(_ error: ServiceError) {
        let kind: Kind =
            switch error.code {
            case .accessDenied: .permission
            case .throttling: .throttling
            case .internalFailure: .internal
            default: .action
            }
        self.init(error.description, kind: kind, isRetriable: error.code.isRetryable)
    }
}

/// Something that may become true, once.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
