internal import Core
internal import Documents
internal import Storage

/// One run of a runbook.
struct AutomationExecution: Sendable {
    let id: Identifier
    let documentName: String
    let documentVersion: String
    /// The runbook's text as it was at the start.
    let content: String
    var machine: RunbookMachine
    /// Who started it and why; its steps act for the same principal.
    let context: OperationContext
    /// `StartAutomationExecution`'s input.
    let request: JSON
    let startedAt: Timestamp
    var endedAt: Timestamp?

    var subject: Subject { Subject(.automation, id.description) }

    func subject(ofStep name: String) -> Subject { Subject(.step, "\(id)/\(name)") }

    /// The context in which a step acts.
    func context(ofStep name: String) -> OperationContext {
        OperationContext(principal: context.principal, cause: subject(ofStep: name), hops: context.hops)
    }

    /// `AutomationExecution` of the API; `AutomationExecutionMetadata` without the steps.
    func json(withSteps: Bool) -> JSON {
        var json: JSON = [
            "AutomationExecutionId": .string(id.description), "DocumentName": .string(documentName),
            "DocumentVersion": .string(documentVersion),
            "AutomationExecutionStatus": .string(machine.status.rawValue),
            "ExecutionStartTime": .string(startedAt.millisecondDescription),
            "ExecutedBy": .string(context.principal.name), "Mode": "Auto",
            "Parameters": AutomationExecution.lists(machine.parameters.texts),
            "Outputs": .object(
                JSONObject(
                    machine.outputs.map { .init(key: $0.key, value: [.string($0.value.string ?? $0.value.text)]) })),
        ]
        json["ExecutionEndTime"] = endedAt.map { .string($0.millisecondDescription) }
        json["FailureMessage"] = machine.failureMessage.map { .string($0) }
        let running = machine.steps.first { !$0.status.isTerminal && $0.status != .pending }
        json["CurrentStepName"] = running.map { .string($0.name) }
        json["CurrentAction"] = running.map { .string($0.action) }
        if withSteps { json["StepExecutions"] = .array(machine.steps.map { $0.apiJSON(of: self) }) }
        return json
    }

    static func lists(_ texts: [String: [String]]) -> JSON {
        .object(
            JSONObject(
                texts.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .array($0.value.map { .string($0) })) }
            ))
    }
}

extension RunbookStepRecord {
    /// `StepExecution` of the API.
    func apiJSON(of execution: AutomationExecution) -> JSON {
        var json: JSON = [
            "StepName": .string(name), "Action": .string(action), "StepStatus": .string(status.rawValue),
            "StepExecutionId": .string("\(execution.id)/\(name)"), "MaxAttempts": .integer(maxAttempts),
            "IsEnd": .bool(isEnd), "IsCritical": .bool(isCritical),
            "Inputs": .object(
                JSONObject(
                    inputTexts.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })),
            "Outputs": AutomationExecution.lists(outputTexts),
        ]
        json["ExecutionStartTime"] = startedAt.map { .string($0.millisecondDescription) }
        json["ExecutionEndTime"] = endedAt.map { .string($0.millisecondDescription) }
        json["NextStep"] = nextStep.map { .string($0) }
        json["Response"] = response.map { .string($0.text) }
        if let failure {
            json["FailureMessage"] = .string(failure.message)
            json["FailureDetails"] = [
                "FailureStage": .string(failure.stage.rawValue), "FailureType": .string(failure.kind.rawValue),
            ]
        }
        return json
    }
}
