internal import API
internal import Core
internal import Storage

/// Rules to write and to delete in one step.
struct RuleChange: Sendable {
    var puts: [Rule] = []
    var deletions: [Rule] = []
    /// By the ARN of the rule that is new.
    var tags: [String: ResourceTags] = [:]
    /// The operation's name for the audit log.
    var action: String
}

extension Matcher {
    /// Plans a change against the rules as they are, makes it durable and puts it into effect.
    func change(
        _ context: OperationContext, _ plan: @Sendable (RuleCatalog) throws -> RuleChange
    ) async throws -> RuleChange {
        let owner = self.account
        return try await change(
            context, prepare: plan,
            write: { change, position, transaction in
                for rule in change.deletions {
                    try RuleStore.delete(rule, transaction)
                    try TagStore.removeAll(of: rule.arn(in: owner).description, transaction)
                    try RuleChange.audit("DeleteRule", rule, position, transaction)
                }
                for rule in change.puts {
                    try RuleStore.put(rule, transaction)
                    try RuleChange.audit(change.action, rule, position, transaction)
                }
                for (arn, tags) in change.tags { try TagStore.add(tags, to: arn, transaction) }
                if change.puts.isEmpty && change.deletions.isEmpty {
                    try transaction.audit(
                        change.action, on: Subject(.operation, "events:\(change.action)"), outcome: .success)
                }
                return change
            },
            apply: { change, catalog in
                for rule in change.deletions { catalog.remove(bus: rule.bus, name: rule.name) }
                try catalog.put(change.puts)
            })
    }
}

extension RuleChange {
    /// Records the rule as it is from now on, and the journal position after which it holds.
    fileprivate static func audit(
        _ action: String, _ rule: Rule, _ position: UInt64, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        var detail: JSON = ["AfterSequence": .integer(position), "State": .string(rule.state.rawValue)]
        detail["EventPattern"] = rule.eventPattern.map { .string($0) }
        detail["ScheduleExpression"] = rule.scheduleExpression.map { .string($0) }
        detail["Targets"] = .array(rule.targets.map(\.json))
        detail["Options"] = rule.options.json
        detail["File"] = rule.file.map { .string($0) }
        try transaction.audit(action, on: rule.subject, outcome: .success, detail: detail)
    }
}
