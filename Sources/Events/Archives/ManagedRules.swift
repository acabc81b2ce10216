internal import API
internal import Core

/// The rules that stand for archives: each archive keeps what a rule of its own matches, and shows it.
struct ManagedRules: Sendable {
    let archiver: Archiver
    let account: Account

    /// What `ListRules` answers of those of a bus.
    func list(on bus: String) async -> [(name: String, json: JSON)] {
        await archiver.archives.values.filter { $0.bus == bus }.map { archive in
            let rule = archive.managedRule(in: account)
            var json = rule.json(in: account)
            json["ManagedBy"] = .string(Archive.ruleManager)
            return (rule.name, json)
        }
    }

    /// What `DescribeRule` answers; nil where there is no such rule.
    func describe(_ name: String, on bus: String) async -> JSON? {
        guard let archive = await archive(name, on: bus) else { return nil }
        var json = archive.managedRule(in: account).json(in: account)
        json["ManagedBy"] = .string(Archive.ruleManager)
        json["CreatedBy"] = .string(account.id)
        return json
    }

    /// What `ListTargetsByRule` answers; nil where there is no such rule.
    func targets(_ name: String, on bus: String) async -> [JSON]? {
        await archive(name, on: bus).map { [$0.managedTarget(in: account)] }
    }

    /// - Throws: `ServiceError` `.managedRule` for the rule of an archive, which only the archive changes.
    func refuse(_ name: String, on bus: String) async throws(ServiceError) {
        guard let archive = await archive(name, on: bus) else { return }
        throw ServiceError(
            .managedRule, "Rule \(name) stands for the archive \(archive.name); use UpdateArchive or DeleteArchive.")
    }

    private func archive(_ rule: String, on bus: String) async -> Archive? {
        guard rule.hasPrefix(Archive.rulePrefix) else { return nil }
        let archive = await archiver.archives[String(rule.dropFirst(Archive.rulePrefix.count))]
        return archive?.bus == bus ? archive : nil
    }
}
