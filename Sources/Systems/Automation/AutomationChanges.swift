internal import API
internal import Core
internal import Documents
internal import Storage

/// What one input did to an execution, written in one transaction: its row, audit records, progress and events.
struct AutomationChanges: Sendable {
    let before: RunbookMachine
    let after: AutomationExecution
    let account: Account

    /// Steps whose status or attempt changed.
    private var steps: [RunbookStepRecord] {
        zip(before.steps, after.machine.steps).filter { $0.status != $1.status || $0.attempt != $1.attempt }.map(\.1)
    }

    /// Whether the change is one that the audit log tells; waiting for a timer, say, is not.
    var isAudited: Bool { !steps.isEmpty || before.status != after.machine.status }

    func write(_ transaction: borrowing Transaction) throws {
        try AutomationStore.update(after, transaction)
        // In the order in which a reader expects them: a beginning before its first step, an end after its last.
        let hasNewStatus = before.status != after.machine.status
        if hasNewStatus && !after.machine.status.isTerminal { try writeStatus(transaction) }
        for step in steps { try write(step, transaction) }
        if hasNewStatus && after.machine.status.isTerminal { try writeStatus(transaction) }
    }

    private func write(_ step: RunbookStepRecord, _ transaction: borrowing Transaction) throws {
        var detail: JSON = [
            "StepName": .string(step.name), "Action": .string(step.action), "Status": .string(step.status.rawValue),
            "Attempt": .integer(step.attempt),
        ]
        detail["FailureMessage"] = step.failure.map { .string($0.message) }
        if step.status.isTerminal { detail["Outputs"] = AutomationExecution.lists(step.outputTexts) }
        let subject = after.subject(ofStep: step.name)
        try transaction.audit(
            "UpdateStepStatus", on: subject, outcome: AutomationChanges.outcome(step.status), detail: detail,
            context: after.context.caused(by: after.subject))
        var message = detail
        message["Outputs"] = nil
        try publish(message, transaction)
        try emit(
            "EC2 Automation Step Status-change Notification", cause: subject,
            detail: [
                "StepName": .string(step.name), "Action": .string(step.action), "Status": .string(step.status.rawValue),
            ],
            started: step.startedAt, ended: step.endedAt, transaction)
    }

    private func writeStatus(_ transaction: borrowing Transaction) throws {
        let status = after.machine.status
        var detail: JSON = ["DocumentName": .string(after.documentName), "Status": .string(status.rawValue)]
        detail["FailureMessage"] = after.machine.failureMessage.map { .string($0) }
        try transaction.audit(
            "UpdateAutomationStatus", on: after.subject, outcome: AutomationChanges.outcome(status), detail: detail,
            context: after.context)
        try publish(detail, transaction)
        try emit(
            "EC2 Automation Execution Status-change Notification", cause: after.subject,
            detail: [
                "Status": .string(status.rawValue), "ExecutedBy": .string(after.context.principal.name),
            ], started: after.startedAt, ended: after.endedAt, transaction)
    }

    private static func outcome(_ status: RunbookStatus) -> AuditOutcome {
        switch status {
        case .pending, .inProgress, .cancelling: .started
        case .success: .success
        case .timedOut, .cancelled, .failed: .failure(status.rawValue)
        }
    }

    /// One message for the subscribers of `automation/<id>/`.
    private func publish(_ detail: JSON, _ transaction: borrowing Transaction) throws {
        var message = detail
        message["AutomationExecutionId"] = .string(after.id.description)
        message["Time"] = .string(transaction.now.millisecondDescription)
        try transaction.publish(
            message, to: StreamTopic.automation(after.id.description), context: after.context.caused(by: after.subject))
    }

    private func emit(
        _ detailType: String, cause: Subject, detail: JSON, started: Timestamp?, ended: Timestamp?,
        _ transaction: borrowing Transaction
    ) throws {
        var detail = detail
        detail["ExecutionId"] = .string(after.id.description)
        detail["Definition"] = .string(after.documentName)
        detail["DefinitionVersion"] = .number(JSONNumber(Double(after.documentVersion) ?? 1))
        detail["StartTime"] = started.map { .string($0.description) }
        if let started, let ended {
            detail["EndTime"] = .string(ended.description)
            detail["Time"] = .integer((ended - started).microseconds / 1000)
        }
        var random = SystemRandomNumberGenerator()
        let event = EventEnvelope(
            id: Identifier(using: &random), source: "aws.ssm", detailType: detailType, account: account,
            time: transaction.now,
            resources: [
                account.arn("ssm", "automation-execution/\(after.id)").description,
                account.arn("ssm", "automation-definition/\(after.documentName):\(after.documentVersion)").description,
            ], detail: detail)
        let context = OperationContext(
            principal: after.context.principal, cause: cause, hops: after.context.hops + 1)
        try transaction.put(event, context: context)
    }
}
