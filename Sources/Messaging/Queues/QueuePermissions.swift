internal import API
internal import Core
internal import Storage

/// Statements in the policy of a queue.
struct QueuePermissions: Sendable {
    let calls: QueueCalls

    private static let actions: Set<String> = [
        "*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl",
        "ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage",
    ]
    private static let actionsMax = 7
    private static let label = Field.required("Label", .string())

    var all: [Operation] {
        [
            Operation(
                "sqs:AddPermission", "Adds a statement to the policy of a queue.", .writes,
                input: [
                    QueueCalls.url, QueuePermissions.label, .required("AWSAccountIds", .list(.string())),
                    .required("Actions", .list(.string())),
                ], handler: add),
            Operation(
                "sqs:RemovePermission", "Removes a statement from the policy of a queue.", .writes,
                input: [QueueCalls.url, QueuePermissions.label], handler: remove),
        ]
    }

    private static func invalid(_ value: String, _ parameter: String, _ reason: String) -> ServiceError {
        ServiceError(
            .invalidParameterValue, "Value \(value) for parameter \(parameter) is invalid. Reason: \(reason)")
    }

    private func add(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let actions = (input["Actions"]?.array ?? []).compactMap(\.string)
        let accounts = (input["AWSAccountIds"]?.array ?? []).compactMap(\.string)
        return try await change("AddPermission", input, context) { policy, label throws(ServiceError) in
            guard (1...80).contains(label.utf8.count), CharacterRule.word.allows(label) else {
                throw QueuePermissions.invalid(
                    label, "Label", "Must be alphanumeric, hyphens and underscores, 1 to 80 in length.")
            }
            if policy.has(label) { throw QueuePermissions.invalid(label, "Label", "Already exists.") }
            if actions.isEmpty { throw OutgoingMessage.missing("Actions") }
            guard !accounts.isEmpty, accounts.allSatisfy({ $0.utf8.count == 12 && Int($0) != nil }) else {
                throw QueuePermissions.invalid(
                    "[\(accounts.joined(separator: ", "))]", "PrincipalId", "Unable to verify.")
            }
            guard actions.count <= QueuePermissions.actionsMax else {
                throw ServiceError(
                    .overLimit,
                    "\(actions.count) Actions were found, maximum allowed is \(QueuePermissions.actionsMax).")
            }
            if let action = actions.first(where: { !QueuePermissions.actions.contains($0) }) {
                throw QueuePermissions.invalid(
                    "SQS:\(action)", "ActionName", "Only the queue owner is allowed to invoke this action.")
            }
            policy.add(label, accounts: accounts, actions: actions)
        }
    }

    private func remove(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await change("RemovePermission", input, context) { policy, label throws(ServiceError) in
            guard policy.has(label) else {
                throw QueuePermissions.invalid(label, "Label", "can't find label on existing policy.")
            }
            policy.remove(label)
        }
    }

    private func change(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ body: @escaping @Sendable (inout ResourcePolicy, String) throws(ServiceError) -> Void
    ) async throws -> JSON {
        let label = input["Label"]?.string ?? ""
        try await calls.write(input["QueueUrl"], context) { queue, transaction in
            let arn = calls.contents.arn(queue.name)
            var policy = ResourcePolicy(
                service: "SQS", resource: arn,
                json: queue.attributes.texts["Policy"].flatMap { try? JSON(parsing: $0) },
                identifier: "\(arn)/SQSDefaultPolicy")
            try body(&policy, label)
            var attributes = queue.attributes
            try attributes.set(["Policy": .string(policy.json.text)], creating: false)
            try QueueStore.update(queue.name, attributes, transaction)
            try transaction.audit(action, on: queue.subject, outcome: .success, detail: input)
        }
        return [:]
    }
}
