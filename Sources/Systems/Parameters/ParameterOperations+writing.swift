internal import API
internal import Core
internal import Storage

extension ParameterOperations {
    func put(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        guard input["Overwrite"]?.bool != true || (input["Tags"]?.array ?? []).isEmpty else {
            throw ServiceError(
                .validation,
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
                    + "remove overwrite flag. To update tags for an existing parameter, please use "
                    + "AddTagsToResource or RemoveTagsFromResource.")
        }
        let name = try ParameterName(new: input["Name"]?.string ?? "", in: account)
        let tags = [ManagedNode.Tag](json: input["Tags"])
        guard Set(tags.map(\.key)).count <= TagOperations.tagsMax else { throw TagOperations.tooMany }
        let version = try await database.write(context) { transaction in
            let existing = try ParameterStore.latest(name.key, transaction)
            let draft = try ParameterDraft(
                input, name: name,
                in: ParameterDraft.Situation(
                    existing: existing, defaultTier: try ServiceSettings.defaultTier(transaction),
                    parameterCount: existing == nil ? try ParameterStore.count(transaction) : 0),
                now: transaction.now)
            let version = try self.version(draft, existing, transaction)
            try makeRoom(for: version, transaction)
            try ParameterStore.add(version, transaction)
            for tag in tags { try TagTable.parameters.set(tag, on: version.key, transaction) }
            try transaction.audit(
                "PutParameter", on: version.subject, outcome: .success,
                detail: [
                    "Type": .string(version.kind.rawValue), "Version": .integer(version.version),
                    "Tier": .string(version.tier.rawValue),
                ])
            try ParameterEvent.changed(version, existing == nil ? .create : .update).emit(account, transaction)
            return version
        }
        return ["Version": .integer(version.version), "Tier": .string(version.tier.rawValue)]
    }

    private func version(
        _ draft: ParameterDraft, _ existing: ParameterVersion?, _ transaction: borrowing Transaction
    ) throws -> ParameterVersion {
        var value = ParameterVersion.Value.plain(draft.value)
        if let keyID = draft.keyID {
            try reader.secrets.check(keyID)
            try reader.authorizer.authorize(transaction.context.principal, "kms:Encrypt", on: reader.secrets.keyARN)
            value = .sealed(reader.secrets.seal(draft.value, of: draft.name))
        }
        return ParameterVersion(
            name: existing?.name ?? draft.name.text, kind: draft.kind, version: draft.version, value: value,
            description: draft.description, allowedPattern: draft.allowedPattern, keyID: draft.keyID,
            dataType: draft.dataType.rawValue, tier: draft.tier, policies: draft.policies, modified: transaction.now,
            modifiedBy: transaction.context.principal)
    }

    /// Removes the oldest version where there are as many as there can be.
    private func makeRoom(for version: ParameterVersion, _ transaction: borrowing Transaction) throws {
        guard version.version > ParameterDraft.versionsMax else { return }
        let versions = try ParameterStore.versions(version.key, transaction)
        guard versions.count >= ParameterDraft.versionsMax, let oldest = versions.first else { return }
        guard oldest.labels.isEmpty else {
            throw ServiceError(
                .parameterMaxVersionLimitExceeded,
                "You attempted to create a new version of \(version.name) by calling the PutParameter API with the "
                    + "overwrite flag. Version \(oldest.version), the oldest version, can't be deleted because it has "
                    + "a label associated with it. Move the label to another version of the parameter, and try again.")
        }
        try ParameterStore.remove(version: oldest.version, of: version.key, transaction)
    }

    // MARK: Deleting

    func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        try await database.write(context) { transaction in
            guard try remove(name, "DeleteParameter", transaction) else {
                throw ServiceError(.parameterNotFound, "Parameter \(name) not found.")
            }
        }
        return [:]
    }

    func deleteSeveral(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let names = input["Names"]?.strings ?? []
        let deleted = try await database.write(context) { transaction in
            var deleted: [String] = []
            for name in names where try remove(name, "DeleteParameters", transaction) { deleted.append(name) }
            return deleted
        }
        let invalid = names.filter { !deleted.contains($0) }
        return [
            "DeletedParameters": .array(deleted.map { .string($0) }),
            "InvalidParameters": .array(invalid.map { .string($0) }),
        ]
    }

    /// Returns whether there was such a parameter.
    private func remove(_ name: String, _ action: String, _ transaction: borrowing Transaction) throws -> Bool {
        let key = ParameterName.key(ParameterName.trimmed(name))
        guard let last = try ParameterStore.latest(key, transaction) else { return false }
        try ParameterStore.remove(key, transaction)
        try transaction.audit(action, on: last.subject, outcome: .success)
        try ParameterEvent.changed(last, .delete).emit(account, transaction)
        return true
    }

    // MARK: Labels

    func label(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let labels = input["Labels"]?.strings ?? []
        let invalid = labels.filter { !Self.isLabel($0) }
        let valid = labels.filter(Self.isLabel)
        return try await database.write(context) { transaction in
            var versions = try self.versions(input, transaction)
            let index = try self.index(input["ParameterVersion"]?.int, in: versions)
            let added = valid.filter { !versions[index].labels.contains($0) }
            guard versions[index].labels.count + Set(added).count <= Self.labelsMax else {
                throw ServiceError(
                    .parameterVersionLabelLimitExceeded,
                    "A parameter version can have maximum \(Self.labelsMax) labels.Move one or more labels to another "
                        + "version and try again.")
            }
            for other in versions.indices where versions[other].labels.contains(where: valid.contains) {
                versions[other].labels.removeAll(where: valid.contains)
                if other != index { try ParameterStore.update(versions[other], transaction) }
            }
            for label in valid where !versions[index].labels.contains(label) { versions[index].labels.append(label) }
            try keep(versions[index], "LabelParameterVersion", valid, transaction)
            if !valid.isEmpty { try ParameterEvent.changed(versions[index], .label).emit(account, transaction) }
            return [
                "InvalidLabels": .array(invalid.map { .string($0) }),
                "ParameterVersion": .integer(versions[index].version),
            ]
        }
    }

    func unlabel(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let labels = input["Labels"]?.strings ?? []
        return try await database.write(context) { transaction in
            var versions = try self.versions(input, transaction)
            let index = try self.index(input["ParameterVersion"]?.int, in: versions)
            let removed = labels.filter(versions[index].labels.contains)
            let invalid = labels.filter { !removed.contains($0) }
            versions[index].labels.removeAll(where: removed.contains)
            try keep(versions[index], "UnlabelParameterVersion", removed, transaction)
            return [
                "RemovedLabels": .array(removed.map { .string($0) }),
                "InvalidLabels": .array(invalid.map { .string($0) }),
            ]
        }
    }

    private static let labelsMax = 10

    private static func isLabel(_ text: String) -> Bool {
        let lower = text.lowercased()
        let first = text.utf8.first ?? 0
        return text.utf8.allSatisfy(ParameterName.isLevelByte)
            && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) && !lower.hasPrefix("aws")
            && !lower.hasPrefix("ssm")
    }

    private func versions(_ input: JSON, _ transaction: borrowing Transaction) throws -> [ParameterVersion] {
        let name = input["Name"]?.string ?? ""
        let versions = try ParameterStore.versions(ParameterName.key(name), transaction)
        guard !versions.isEmpty else { throw ServiceError(.parameterNotFound, "Parameter \(name) not found.") }
        return versions
    }

    /// - Parameter number: Nil for the latest.
    private func index(_ number: Int?, in versions: [ParameterVersion]) throws(ServiceError) -> Int {
        guard let number else { return versions.count - 1 }
        guard let index = versions.firstIndex(where: { $0.version == number }) else {
            throw ServiceError(
                .parameterVersionNotFound,
                "Systems Manager could not find version \(number) of \(versions[0].name). Verify the version and try "
                    + "again.")
        }
        return index
    }

    private func keep(
        _ version: ParameterVersion, _ action: String, _ labels: [String], _ transaction: borrowing Transaction
    ) throws {
        try ParameterStore.update(version, transaction)
        try transaction.audit(
            action, on: version.subject, outcome: .success,
            detail: [
                "Version": .integer(version.version), "Labels": .array(labels.map { .string($0) }),
            ])
    }
}
