internal import API
public import Core

extension EventsService {
    /// Brings the rules that come from files in line with what the files say now, in one step.
    /// - Parameters:
    ///   - rules: All rules of all files that could be read; each names its file.
    ///   - brokenFiles: Files whose rules stay as they are, because the files cannot be read now.
    ///   - topics: Names of topics that must exist because rules send to them.
    /// - Returns: How many rules were written and how many deleted.
    /// - Throws: `ServiceError` where a rule of another origin has the same name; nothing was changed then.
    @discardableResult
    public func replaceFileRules(
        _ rules: [Rule], brokenFiles: Set<String>, _ context: OperationContext
    ) async throws -> (written: Int, deleted: Int) {
        let named = Set(rules.map { RuleCatalog.Key(bus: $0.bus, name: $0.name) })
        for rule in rules { try RuleOperations.check(rule) }
        let buses = buses.snapshot
        for rule in rules where buses.name(of: rule.bus) == nil {
            throw ServiceError(
                .resourceNotFound, "\(rule.file ?? ""): event bus \(rule.bus) of rule \(rule.name) does not exist.")
        }
        let change = try await matcher.change(context) { catalog in
            var change = RuleChange(action: "LoadRule")
            for rule in rules {
                let existing = catalog.entry(rule.bus, rule.name)?.rule
                if let existing, existing.file == nil {
                    throw ServiceError(
                        .resourceAlreadyExists,
                        "\(rule.file ?? ""): a rule \(rule.name) was made with PutRule; delete it or rename this one.")
                }
                if existing != rule { change.puts.append(rule) }
            }
            change.deletions = catalog.rules.filter { rule in
                guard let file = rule.file, !brokenFiles.contains(file) else { return false }
                return !named.contains(RuleCatalog.Key(bus: rule.bus, name: rule.name))
            }
            return change
        }
        if !change.puts.isEmpty || !change.deletions.isEmpty { await schedules.wake() }
        return (change.puts.count, change.deletions.count)
    }
}
