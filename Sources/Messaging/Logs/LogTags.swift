internal import API
internal import Core
internal import Storage

/// Tags of log groups.
struct LogTags: Sendable {
    let database: Database
    let account: Account

    static let map = Shape.map(
        .string(length: 0...256, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#), keys: key, count: 1...50)
    private static let key = Shape.string(length: 1...128, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$"#)
    private static let tagsMax = 50

    var all: [Operation] {
        let group = Field.required("logGroupName", LogOperations.group)
        let resource = Field.required("resourceArn", .string(length: 1...1011))
        let tags = Field.required("tags", LogTags.map)
        let answer = [Field.optional("tags", .map(.string()))]
        return [
            Operation("logs:TagLogGroup", "Sets tags of a log group.", .writes, input: [group, tags], handler: tag),
            Operation(
                "logs:UntagLogGroup", "Removes tags of a log group.", .writes,
                input: [group, .required("tags", .list(LogTags.key, count: 1...Int.max))], handler: untag),
            Operation(
                "logs:ListTagsLogGroup", "Lists the tags of a log group.", .reads, input: [group], output: answer,
                handler: list),
            Operation("logs:TagResource", "Sets tags of a log group.", .writes, input: [resource, tags], handler: tag),
            Operation(
                "logs:UntagResource", "Removes tags of a log group.", .writes,
                input: [resource, .required("tagKeys", .list(LogTags.key, count: 0...50))], handler: untag),
            Operation(
                "logs:ListTagsForResource", "Lists the tags of a log group.", .reads, input: [resource],
                output: answer, handler: list),
        ]
    }

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let given = input["tags"]?.object ?? JSONObject()
        guard given.keys.allSatisfy({ (1...128).contains($0.unicodeScalars.count) }) else {
            throw ServiceError(.invalidParameterException, "A tag's key must have 1 to 128 characters.")
        }
        return try await change("TagLogGroup", input, context) { tags throws(ServiceError) in
            for member in given { tags[member.key] = member.value }
            guard tags.object?.count ?? 0 <= LogTags.tagsMax else {
                throw ServiceError(.invalidParameterException, "A log group has at most \(LogTags.tagsMax) tags.")
            }
        }
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let keys = ((input["tagKeys"] ?? input["tags"])?.array ?? []).compactMap(\.string)
        return try await change("UntagLogGroup", input, context) { tags in
            for key in keys { tags[key] = nil }
        }
    }

    private func change(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ body: @escaping @Sendable (inout JSON) throws(ServiceError) -> Void
    ) async throws -> JSON {
        let group = try group(input)
        try await database.write(context) { transaction in
            guard var tags = try LogStore.tags(group, transaction) else { throw LogOperations.noGroup }
            try body(&tags)
            try transaction.execute("UPDATE log_groups SET tags = ? WHERE name = ?", tags, group)
            try transaction.audit(action, on: Subject(.log, group), outcome: .success, detail: ["Tags": tags])
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = try group(input)
        guard let tags = try await database.read({ try LogStore.tags(group, $0) }) else { throw LogOperations.noGroup }
        return ["tags": tags]
    }

    private func group(_ input: JSON) throws(ServiceError) -> String {
        try account.logGroup((input["logGroupName"] ?? input["resourceArn"])?.string ?? "")
    }
}

extension Account {
    /// The name of a log group given by its name or by its ARN, which may end in `:*`.
    /// - Throws: `ServiceError` `.resourceNotFound` for an ARN of something else.
    func logGroup(_ identifier: String) throws(ServiceError) -> String {
        guard let arn = ARN(identifier) else { return identifier }
        guard let name = arn.name(ofType: "log-group"), resolve(arn) == self.arn("logs", arn.resource) else {
            throw LogOperations.noGroup
        }
        return name.hasSuffix(":*") ? String(name.dropLast(2)) : name
    }

    /// The group that the input of an operation means, by its name or its identifier.
    /// - Throws: `ServiceError` `.invalidParameterException` where neither is given, or both are; `.validation`.
    func logGroup(of input: JSON) throws(ServiceError) -> String {
        switch (input["logGroupName"]?.string, input["logGroupIdentifier"]?.string) {
        case (let name?, nil): return name
        case (nil, let identifier?):
            // The one constraint of which the service says that it is broken, and does not show the value.
            guard LogOperations.identifierPattern.matches(identifier) else {
                throw ServiceError(
                    .validation,
                    "1 validation error detected: Value at 'logGroupIdentifier' failed to satisfy constraint: Member "
                        + "must satisfy regular expression pattern: \(LogOperations.identifierPattern)")
            }
            return try logGroup(identifier)
        case (nil, nil):
            throw ServiceError(
                .invalidParameterException, "Either logGroupName or logGroupIdentifier must be specified.")
        case (_?, _?):
            throw ServiceError(
                .invalidParameterException, "LogGroup name and LogGroup identifier are mutually exclusive parameters.")
        }
    }
}
