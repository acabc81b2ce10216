internal import API
internal import Core
internal import Storage

extension ParameterOperations {
    func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let selection = ParameterSelection(input["Name"]?.string ?? "")
        let found = try await database.read { try ParameterStore.find(selection, $0) }
        let text = try shown(found, input, context)
        return ["Parameter": found.json(showing: text, selector: selection.selector, in: account)]
    }

    func getSeveral(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (found, missing) = try await reader.find(input["Names"]?.strings ?? [])
        var parameters: [JSON] = []
        for (selection, version) in found {
            let text = try shown(version, input, context)
            parameters.append(version.json(showing: text, selector: selection.selector, in: account))
        }
        return [
            "Parameters": .array(parameters), "InvalidParameters": .array(missing.map { .string($0) }),
        ]
    }

    func getByPath(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let path = try ParameterPath(input["Path"]?.string ?? "")
        let isRecursive = input["Recursive"]?.bool ?? false
        let filter = try ParameterFilter(byPath: input)
        let page = try await page(below: path.prefix, input) { latest, transaction in
            guard path.contains(latest.key, recursive: isRecursive) else { return nil }
            // Of a parameter with a label it is the version that has it.
            let version =
                filter.labels.isEmpty
                ? latest
                : try ParameterStore.versions(latest.key, transaction).last {
                    $0.labels.contains(where: filter.labels.contains)
                }
            return version.flatMap { filter.matches($0, tags: []) ? $0 : nil }
        }
        return try page.json("Parameters") { version in
            version.json(showing: try shown(version, input, context), in: account)
        }
    }

    func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let filter = try ParameterFilter(describing: input)
        // Nothing is shared with this account by another.
        if input["Shared"]?.bool == true { return ["Parameters": []] }
        let page = try await page(below: "/", input) { latest, transaction in
            let tags = filter.needsTags ? try TagTable.parameters.tags(of: latest.key, transaction) : []
            return filter.matches(latest, tags: tags) ? latest : nil
        }
        return page.json("Parameters") { version in
            var json = version.metadata(in: account)
            json["ARN"] = .string(version.arn(in: account).description)
            return json
        }
    }

    func history(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let selection = ParameterSelection(input["Name"]?.string ?? "")
        let versions = try await database.read { try ParameterStore.versions(selection.key, $0) }
        guard !versions.isEmpty, selection.version == .latest else {
            throw ServiceError(.parameterNotFound, "Parameter \(selection.text) not found.")
        }
        let page = try Page(
            of: versions, after: input["NextToken"]?.string, count: input["MaxResults"]?.int ?? Self.pageMax
        ) { String($0.version) }
        return try page.json("Parameters") { version in
            var json = version.metadata(in: account)
            json["Value"] = .string(try shown(version, input, context))
            json["Labels"] = .array(version.labels.map { .string($0) })
            return json
        }
    }

    /// The value as the caller asked for it: a SecureString in clear, or as it is kept, in Base64.
    private func shown(
        _ version: ParameterVersion, _ input: JSON, _ context: OperationContext
    ) throws -> String {
        try reader.text(of: version, decrypting: input["WithDecryption"]?.bool ?? false, for: context.principal)
    }

    /// One page of what `choose` answers for the parameters below a prefix, in the order of their keys; a token names
    /// the last one answered.
    private func page(
        below prefix: String, _ input: JSON,
        _ choose: @escaping @Sendable (ParameterVersion, borrowing ReadTransaction) throws -> ParameterVersion?
    ) async throws -> Page<ParameterVersion> {
        let token = input["NextToken"]?.string
        guard token?.hasPrefix("/") ?? true else {
            throw ServiceError(.invalidNextToken, "The NextToken is not of this list; begin again without one.")
        }
        let count = input["MaxResults"]?.int ?? Self.shortPage
        return try await database.read { transaction in
            var found: [ParameterVersion] = []
            try ParameterStore.forEachLatest(below: prefix, after: token ?? "", transaction) { latest in
                if let chosen = try choose(latest, transaction) { found.append(chosen) }
                return found.count <= count
            }
            return Page(first: count, of: found, key: \.key)
        }
    }
}
