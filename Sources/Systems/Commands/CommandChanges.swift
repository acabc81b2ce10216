internal import API
internal import Core
internal import Storage

/// What one input did to a command, to be written in one transaction: rows, audit records, progress and events.
struct CommandChanges: Sendable {
    /// After the change.
    let record: CommandRecord
    /// Those whose row is to be written, after the change.
    let invocations: [CommandMachine.Invocation]
    let effects: [CommandMachine.Effect]
    let account: Account

    /// Whether a status changed; where none did the change is bookkeeping, which the audit log leaves out.
    var isAudited: Bool {
        effects.contains { effect in
            switch effect {
            case .invocationChanged, .commandChanged: true
            case .run, .cancel: false
            }
        }
    }

    func write(in transaction: borrowing Transaction) throws {
        for invocation in invocations { try CommandStore.update(invocation, of: record.id, in: transaction) }
        if isAudited { try CommandStore.update(record, in: transaction) }
        for effect in effects {
            switch effect {
            case .invocationChanged(let node, let status): try write(status, of: node, in: transaction)
            case .commandChanged(let status): try write(status, in: transaction)
            case .run, .cancel: break
            }
        }
    }

    private func write(_ status: InvocationStatus, of node: String, in transaction: borrowing Transaction) throws {
        try transaction.audit(
            "UpdateInvocationStatus", on: record.invocation(on: node),
            outcome: CommandChanges.outcome(status.rawValue, isTerminal: status.isTerminal),
            detail: ["InstanceId": .string(node), "StatusDetails": .string(status.rawValue)],
            context: record.context.caused(by: record.subject))
        let progress = CommandProgress(record: record, node: node)
        try progress.emit(
            ["Status": .string(status.status), "StatusDetails": .string(status.rawValue)], in: transaction)
        try CommandNotification.add(status, of: record, on: node, in: transaction)
        if status.isTerminal { try OutputDelivery.end(record, on: node, in: transaction) }
        guard CommandChanges.eventStatuses.contains(status.status) else { return }
        try emit(
            "EC2 Command Invocation Status-change Notification", cause: record.invocation(on: node),
            resources: [account.arn("ssm", "managed-instance/\(node)").description],
            detail: [
                "command-id": .string(record.id.description), "document-name": .string(record.documentName),
                "instance-id": .string(node),
                "requested-date-time": .string(record.requestedAt.millisecondDescription),
                "status": .string(status.status),
            ], in: transaction)
    }

    private func write(_ status: CommandStatus, in transaction: borrowing Transaction) throws {
        try transaction.audit(
            "UpdateCommandStatus", on: record.subject,
            outcome: CommandChanges.outcome(status.rawValue, isTerminal: status.isTerminal),
            detail: ["StatusDetails": .string(status.rawValue)], context: record.context)
        try CommandProgress(record: record).emit(
            ["Status": .string(status.status), "StatusDetails": .string(status.rawValue)], in: transaction)
        try CommandNotification.add(status, of: record, in: transaction)
        guard CommandChanges.eventStatuses.contains(status.status) else { return }
        try emit(
            "EC2 Command Status-change Notification", cause: record.subject,
            resources: record.instanceIDs.map { account.arn("ssm", "managed-instance/\($0)").description },
            detail: [
                "command-id": .string(record.id.description), "document-name": .string(record.documentName),
                "expire-after": .string(record.expiresAt.millisecondDescription), "parameters": record.parameters,
                "requested-date-time": .string(record.requestedAt.millisecondDescription),
                "status": .string(status.status),
            ], in: transaction)
    }

    /// The statuses that events tell of.
    private static let eventStatuses: Set<String> = ["InProgress", "Success", "TimedOut", "Cancelled", "Failed"]

    private static func outcome(_ details: String, isTerminal: Bool) -> AuditOutcome {
        if !isTerminal { return .started }
        return details == "Success" ? .success : .failure(details)
    }

    private func emit(
        _ detailType: String, cause: Subject, resources: [String], detail: JSON, in transaction: borrowing Transaction
    ) throws {
        var generator = SystemRandomNumberGenerator()
        let event = EventEnvelope(
            id: Identifier(using: &generator), source: "aws.ssm", detailType: detailType, account: account,
            time: transaction.now, resources: resources, detail: detail)
        try transaction.put(event, context: record.consequence(of: cause))
    }
}

extension CommandRecord {
    /// The context of what follows from this command.
    func consequence(of cause: Subject) -> OperationContext {
        OperationContext(principal: context.principal, cause: cause, hops: context.hops + 1)
    }
}

/// What subscribers of `command/ID/` get to see.
struct CommandProgress: Sendable {
    let record: CommandRecord
    /// Nil for the command as a whole.
    var node: String?

    /// Puts one message on the command's stream topic.
    /// - Parameter members: What there is to tell; the command, the node and the time are added.
    func emit(_ members: JSON, in transaction: borrowing Transaction) throws {
        var body: JSON = ["CommandId": .string(record.id.description)]
        body["InstanceId"] = node.map { .string($0) }
        for member in members.object?.members ?? [] { body[member.key] = member.value }
        body["Time"] = .string(transaction.now.millisecondDescription)
        let cause = node.map { record.invocation(on: $0) } ?? record.subject
        try transaction.publish(
            body, to: StreamTopic.command(record.id.description), context: record.consequence(of: cause))
    }
}
