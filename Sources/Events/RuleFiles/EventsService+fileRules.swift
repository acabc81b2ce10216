internal import API
public import Core
internal import Platform

extension EventsService {
    /// Brings rules, buses, archives and schedules in line with files. What cannot be loaded is logged; the rules of
    /// its file stay as they were loaded last.
    /// - Returns: How many rules were written and how many deleted.
    /// - Throws: `ServiceError` where a rule that an operation has just made has the name of one; all that was there
    ///   stays then.
    @discardableResult
    public func load(
        _ directory: RuleDirectory, _ context: OperationContext
    ) async throws -> (written: Int, deleted: Int) {
        try await fileResources.put(directory.resources, context)
        let (rules, misfits) = await fitting(directory)
        let brokenFiles = directory.brokenFiles.union(misfits)
        let change = try await replaceFileRules(
            rules.filter { !misfits.contains($0.file ?? "") }, brokenFiles: brokenFiles, context)
        // Now that no rule is left on a bus that is to go.
        try await fileResources.remove(except: directory.resources, brokenFiles: brokenFiles, context)
        return change
    }

    /// Finds what does not fit to what is there. A template's rule for a bus that does not exist is left out, and the
    /// others of the template are used; any other file with a misfit is not used.
    private func fitting(_ directory: RuleDirectory) async -> (rules: [Rule], misfits: Set<String>) {
        let buses = buses.snapshot
        let catalog = await matcher.catalog
        let log = fileResources.log
        var misfits: Set<String> = []
        let rules = directory.rules.filter { rule in
            let file = rule.file ?? ""
            if let existing = catalog.entry(rule.bus, rule.name)?.rule, existing.file == nil {
                log.error(
                    "\(file): a rule \(rule.name) was made with PutRule; delete it or rename this one. The rules "
                        + "loaded before from this file stay in force.")
                misfits.insert(file)
            } else if buses.name(of: rule.bus) == nil {
                guard !directory.templates.contains(file) else {
                    log.warning("\(file): rule \(rule.name) is left out: event bus \(rule.bus) does not exist")
                    return false
                }
                log.error(
                    "\(file): event bus \(rule.bus) of rule \(rule.name) does not exist. The rules loaded before from "
                        + "this file stay in force.")
                misfits.insert(file)
            }
            return true
        }
        return (rules, misfits)
    }

    /// Brings the rules that come from files in line with what the files say now, in one step.
    /// - Parameters:
    ///   - rules: All rules of all files that could be read; each names its file.
    ///   - brokenFiles: Files whose rules stay as they are, because the files cannot be read now.
    /// - Returns: How many rules were written and how many deleted.
    /// - Throws: `ServiceError` where a rule of another origin has the same name; nothing was changed then.
    @discardableResult
    func replaceFileRules(
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
