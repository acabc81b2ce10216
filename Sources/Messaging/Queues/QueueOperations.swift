internal import API
internal import Core
internal import Platform
internal import Storage

/// Queues: made, set up, found and removed.
/// - Source: botocore's model of `sqs`, 2012-11-05; error texts as the service answers them.
struct QueueOperations: Sendable {
    let calls: QueueCalls
    let gauge: InFlightGauge

    private static let tagsMax = 50
    private static let secondsBetweenPurges = 60

    var all: [Operation] {
        [
            Operation(
                "sqs:CreateQueue", "Creates a queue; one that exists and is set up alike is answered.", .writes,
                input: [
                    .required("QueueName", .string()), .optional("Attributes", .map(.string())),
                    .optional("tags", QueueCalls.tags),
                ], output: [.optional("QueueUrl", .string())], handler: create),
            Operation(
                "sqs:DeleteQueue", "Deletes a queue with its messages.", .writes, input: [QueueCalls.url],
                handler: delete),
            Operation(
                "sqs:GetQueueUrl", "Answers the URL of a queue.", .reads,
                input: [.required("QueueName", .string()), .optional("QueueOwnerAWSAccountId", .string())],
                output: [.optional("QueueUrl", .string())], handler: getURL),
            Operation(
                "sqs:ListQueues", "Lists queues by name.", .reads,
                input: [
                    .optional("QueueNamePrefix", .string()), .optional("NextToken", .string()),
                    .optional("MaxResults", .integer()),
                ],
                output: [.optional("QueueUrls", .list(.string())), .optional("NextToken", .string())], handler: list),
            Operation(
                "sqs:GetQueueAttributes", "Answers how a queue is set up and how many messages it holds.", .reads,
                input: [QueueCalls.url, .optional("AttributeNames", .list(.string()))],
                output: [.optional("Attributes", .map(.string()))], handler: getAttributes),
            Operation(
                "sqs:SetQueueAttributes", "Sets up a queue.", .writes,
                input: [QueueCalls.url, .required("Attributes", .map(.string()))], handler: setAttributes),
            Operation(
                "sqs:PurgeQueue", "Removes all messages of a queue.", .writes, input: [QueueCalls.url], handler: purge),
            Operation(
                "sqs:TagQueue", "Sets tags of a queue.", .writes,
                input: [QueueCalls.url, .required("Tags", QueueCalls.tags)], handler: tag),
            Operation(
                "sqs:UntagQueue", "Removes tags of a queue.", .writes,
                input: [QueueCalls.url, .required("TagKeys", .list(.string()))], handler: untag),
            Operation(
                "sqs:ListQueueTags", "Lists the tags of a queue.", .reads, input: [QueueCalls.url],
                output: [.optional("Tags", .map(.string()))], handler: listTags),
            Operation(
                "sqs:ListDeadLetterSourceQueues", "Lists queues whose dead letters come to a queue.", .reads,
                input: [
                    QueueCalls.url, .optional("NextToken", .string()), .optional("MaxResults", .integer()),
                ],
                output: [.optional("queueUrls", .list(.string())), .optional("NextToken", .string())],
                handler: listSources),
        ]
    }

    // MARK: Making and removing

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["QueueName"]?.string ?? ""
        var attributes = QueueAttributes()
        try attributes.set(input["Attributes"], creating: true)
        try QueueOperations.check(name, isFIFO: attributes.isFIFO)
        let given = attributes
        let tags = try QueueOperations.merge([:], input["tags"], name)
        try await calls.database.write(context) { transaction in
            if let redrive = given.redrive { try check(redrive, given, of: name, transaction) }
            if let queue = try QueueStore.find(name, transaction) {
                if let different = queue.attributes.difference(from: given) {
                    throw ServiceError(
                        .queueNameExists,
                        "A queue already exists with the same name and a different value for attribute \(different)")
                }
            } else {
                try QueueStore.insert(name, given, tags: tags, transaction)
            }
            try transaction.audit(
                "CreateQueue", on: Subject(.queue, name), outcome: .success, detail: ["Attributes": given.json])
        }
        return ["QueueUrl": calls.url(name, context)]
    }

    private static func check(_ name: String, isFIFO: Bool) throws(ServiceError) {
        if isFIFO || name.hasSuffix(".fifo") {
            guard isFIFO, name.hasSuffix(".fifo"), (6...80).contains(name.utf8.count),
                CharacterRule.word.allows(String(name.dropLast(5)))
            else {
                throw ServiceError(
                    .invalidParameterValue,
                    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must "
                        + "end with .fifo suffix and be 1 to 80 in length")
            }
        } else if !(1...80).contains(name.utf8.count) || !CharacterRule.word.allows(name) {
            throw ServiceError(
                .invalidParameterValue,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
        }
    }

    /// - Throws: `ServiceError` `.invalidParameterValue` where dead letters cannot go where the policy wants them.
    private func check(
        _ redrive: RedrivePolicy, _ attributes: QueueAttributes, of name: String, _ transaction: borrowing Transaction
    ) throws {
        func invalid(_ reason: String) -> ServiceError {
            ServiceError(
                .invalidParameterValue,
                "Value \(redrive.text) for parameter RedrivePolicy is invalid. Reason: \(reason)")
        }
        let arn = calls.account.resolve(redrive.target)
        guard arn == calls.account.arn("sqs", arn.resource), let target = try QueueStore.find(arn.resource, transaction)
        else { throw invalid("Dead letter target does not exist.") }
        guard target.isFIFO == attributes.isFIFO else {
            throw invalid("Dead-letter queue must be same type of queue as the source.")
        }
        if let allowed = target.attributes.redriveAllow,
            !allowed.allows(calls.account.arn("sqs", name), in: calls.account)
        {
            throw invalid("The RedriveAllowPolicy of the dead-letter queue does not allow it for this source queue.")
        }
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            try QueueStore.delete(queue, transaction)
            try transaction.audit("DeleteQueue", on: queue.subject, outcome: .success)
            forget(queue, transaction)
        }
        return [:]
    }

    private func purge(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            if let purged = queue.purged,
                transaction.now - purged < .seconds(QueueOperations.secondsBetweenPurges)
            {
                throw ServiceError(
                    .purgeQueueInProgress,
                    "Only one PurgeQueue operation on \(queue.name) is allowed every "
                        + "\(QueueOperations.secondsBetweenPurges) seconds.")
            }
            try QueueStore.purge(queue, transaction)
            try transaction.audit("PurgeQueue", on: queue.subject, outcome: .success)
            forget(queue, transaction)
        }
        return [:]
    }

    private func forget(_ queue: Queue, _ transaction: borrowing Transaction) {
        let gauge = gauge
        transaction.afterCommit { gauge.forget(queue.contents) }
        // Who waits for a queue that is gone must hear of it.
        calls.contents.signal(queue.name, transaction)
    }

    // MARK: Finding

    private func getURL(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["QueueName"]?.string ?? ""
        let isOurs = input["QueueOwnerAWSAccountId"]?.string.map { $0 == calls.account.id } ?? true
        let queue = try await calls.database.read { try QueueStore.queue(isOurs ? name : "", $0) }
        return ["QueueUrl": calls.url(queue.name, context)]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let prefix = input["QueueNamePrefix"]?.string ?? ""
        return try await page(input, context, "QueueUrls") { after, limit, transaction in
            try QueueStore.names(prefix: prefix, after: after, limit: limit, transaction)
        }
    }

    private func listSources(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let target = try calls.name(input["QueueUrl"])
        return try await page(input, context, "queueUrls") { after, limit, transaction in
            _ = try QueueStore.queue(target, transaction)
            return try transaction.query(
                "SELECT name FROM queues WHERE dead_letters = ? AND name > ? ORDER BY name LIMIT ?", target, after,
                limit
            ) { try $0[0] }
        }
    }

    /// A page of queues by name; there is a token for the next one only where `MaxResults` asks for pages.
    private func page(
        _ input: JSON, _ context: OperationContext, _ member: String,
        _ names: @escaping @Sendable (String, Int, borrowing ReadTransaction) throws -> [String]
    ) async throws -> JSON {
        let most = try QueueCalls.integer(
            input, "MaxResults", 1...1000, "MaxResults must be an integer between 1 and 1000.")
        let after = try input["NextToken"]?.string.map { token throws(ServiceError) in
            guard let bytes = Base64.decode(token), let name = String(validating: bytes, as: UTF8.self) else {
                throw ServiceError(
                    .invalidParameterValue, "Value \(token) for parameter NextToken is invalid. Reason: Unknown token.")
            }
            return name
        }
        let limit = most ?? 1000
        let found = try await calls.database.read { try names(after ?? "", limit + 1, $0) }
        if found.isEmpty { return member == "queueUrls" ? ["queueUrls": []] : [:] }
        var output: JSON = [:]
        output[member] = .array(found.prefix(limit).map { calls.url($0, context) })
        if most != nil, found.count > limit {
            output["NextToken"] = .string(Base64.encode(Array(found[limit - 1].utf8)))
        }
        return output
    }

    // MARK: Attributes

    /// Those that are told and not set.
    private static let computed: Set<String> = [
        "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
    ]

    /// Whether queues have an attribute of that name.
    static func isKnown(_ name: String) -> Bool { computed.contains(name) || QueueAttributes.isKnown(name) }

    private func getAttributes(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let names = (input["AttributeNames"]?.array ?? []).compactMap(\.string)
        let now = calls.contents.clock.now
        let all = try await calls.read(input["QueueUrl"]) { queue, transaction in
            var all = queue.attributes.all
            let counts = try QueueStore.counts(queue, now: now, transaction)
            all["QueueArn"] = calls.contents.arn(queue.name)
            all["CreatedTimestamp"] = String(queue.created.seconds)
            all["LastModifiedTimestamp"] = String(queue.modified.seconds)
            all["ApproximateNumberOfMessages"] = String(counts.ready)
            all["ApproximateNumberOfMessagesNotVisible"] = String(counts.inFlight)
            all["ApproximateNumberOfMessagesDelayed"] = String(counts.delayed)
            return all
        }
        for name in names where name != "All" && !QueueOperations.isKnown(name) { throw QueueAttributes.unknown(name) }
        let chosen = all.filter { names.contains("All") || names.contains($0.key) }.sorted { $0.key < $1.key }
        if chosen.isEmpty { return [:] }
        return ["Attributes": .object(JSONObject(chosen.map { .init(key: $0.key, value: .string($0.value)) }))]
    }

    private func setAttributes(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let given = input["Attributes"]
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            var attributes = queue.attributes
            try attributes.set(given, creating: false)
            if let redrive = attributes.redrive, redrive != queue.attributes.redrive {
                try check(redrive, attributes, of: queue.name, transaction)
            }
            try QueueStore.update(queue.name, attributes, transaction)
            try transaction.audit(
                "SetQueueAttributes", on: queue.subject, outcome: .success, detail: ["Attributes": given ?? [:]])
            // A shorter wait, a longer retention: whoever waits shall know.
            calls.contents.signal(queue.name, transaction)
        }
        return [:]
    }

    // MARK: Tags

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let given = input["Tags"]
        if given?.object?.isEmpty ?? true { throw OutgoingMessage.missing("Tags") }
        return try await setTags("TagQueue", input, context) { queue throws(ServiceError) in
            try QueueOperations.merge(queue.tags, given, queue.name)
        }
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let keys = (input["TagKeys"]?.array ?? []).compactMap(\.string)
        guard !keys.isEmpty, keys.allSatisfy({ (1...128).contains($0.unicodeScalars.count) }) else {
            throw ServiceError(
                .invalidParameterValue, "Tag keys must be between 1 and 128 characters in length.")
        }
        return try await setTags("UntagQueue", input, context) { queue throws(ServiceError) in
            .object(JSONObject((queue.tags.object?.members ?? []).filter { !keys.contains($0.key) }))
        }
    }

    private func setTags(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ change: @escaping @Sendable (Queue) throws(ServiceError) -> JSON
    ) async throws -> JSON {
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            let tags = try change(queue)
            try transaction.execute("UPDATE queues SET tags = ? WHERE name = ?", tags, queue.name)
            try transaction.audit(action, on: queue.subject, outcome: .success, detail: ["Tags": tags])
        }
        return [:]
    }

    private static func merge(_ old: JSON, _ new: JSON?, _ queue: String) throws(ServiceError) -> JSON {
        var tags = old
        for member in new?.object?.members ?? [] {
            guard (1...128).contains(member.key.unicodeScalars.count) else {
                throw ServiceError(
                    .invalidParameterValue, "Tag keys must be between 1 and 128 characters in length.")
            }
            guard (member.value.string ?? "").unicodeScalars.count <= 256 else {
                throw ServiceError(
                    .invalidParameterValue, "Tag values must be between 0 and 256 characters in length.")
            }
            tags[member.key] = member.value
        }
        guard tags.object?.count ?? 0 <= tagsMax else {
            throw ServiceError(.invalidParameterValue, "Too many tags added for queue \(queue).")
        }
        return tags
    }

    private func listTags(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let tags = try await calls.read(input["QueueUrl"]) { queue, _ in queue.tags }
        return tags.object?.isEmpty == false ? ["Tags": tags] : [:]
    }
}
