internal import API
internal import Core
internal import Storage

/// What rules and subscribers are told of a parameter; its value is never part of it.
/// - Source: user guide, "Reference: Amazon EventBridge event patterns and types for Systems Manager".
enum ParameterEvent {
    enum Change: String {
        case create = "Create"
        case update = "Update"
        case delete = "Delete"
        case label = "LabelParameterVersion"
    }

    case changed(ParameterVersion, Change)
    case acted(ParameterPolicies.Policy, ParameterVersion)

    /// Puts the event into the outbox of the transaction that makes it true.
    func emit(_ account: Account, _ transaction: borrowing Transaction) throws {
        let parameter: ParameterVersion
        let detailType: String
        var detail: JSON
        switch self {
        case .changed(let version, let change):
            parameter = version
            detailType = "Parameter Store Change"
            detail = [
                "operation": .string(change.rawValue), "name": .string(version.name),
                "type": .string(version.kind.rawValue),
            ]
            detail["description"] = version.description.map { .string($0) }
            if version.dataType == ParameterDataType.image.rawValue, change != .delete {
                detail["dataType"] = .string(version.dataType)
                if case .plain(let value) = version.value {
                    detail["exception"] = ParameterDataType.image.doubt(about: value).map { .string($0) }
                }
            }
        case .acted(let policy, let version):
            parameter = version
            detailType = "Parameter Store Policy Action"
            detail = [
                "parameter-name": .string(version.name), "policy-type": .string(policy.rule.kind.rawValue),
                "policy-content": .string(policy.text), "action-status": "Success",
            ]
        }
        var generator = SystemRandomNumberGenerator()
        let event = EventEnvelope(
            id: Identifier(using: &generator), source: "aws.ssm", detailType: detailType, account: account,
            time: transaction.now, resources: [parameter.arn(in: account).description], detail: detail)
        let context = transaction.context
        try transaction.put(
            event,
            context: OperationContext(
                principal: context.principal, cause: parameter.subject, hops: context.hops + 1))
    }
}

/// Acts on the policies of parameters when their time has come.
struct ParameterUpkeep: Sendable {
    let database: Database
    let account: Account

    /// Deletes what has expired, and tells of what is due, each in a transaction of its own.
    func run() async throws {
        for parameter in try await database.read({ try ParameterStore.withPolicies($0) }) {
            try await act(on: parameter.key)
        }
    }

    private func act(on key: String) async throws {
        try await database.maintain { transaction in
            guard var parameter = try ParameterStore.latest(key, transaction) else { return }
            for policy in parameter.policies.takeDue(modified: parameter.modified, now: transaction.now) {
                if policy.rule.kind == .expiration {
                    try ParameterStore.remove(key, transaction)
                } else {
                    try ParameterStore.update(parameter, transaction)
                }
                try transaction.audit(
                    policy.rule.kind.rawValue, on: parameter.subject, outcome: .success,
                    detail: ["Policy": .string(policy.text)])
                try ParameterEvent.acted(policy, parameter).emit(account, transaction)
                if policy.rule.kind == .expiration {
                    try ParameterEvent.changed(parameter, .delete).emit(account, transaction)
                }
            }
        }
    }
}
