internal import API
internal import Core
internal import Storage

/// Statements in the policy of a topic.
struct TopicPermissions: Sendable {
    let calls: TopicCalls
    /// The policy of a topic that has none of its own.
    let standard: @Sendable (_ topic: String) -> JSON

    static let actions = [
        "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
        "ListSubscriptionsByTopic", "Publish",
    ]
    private static let label = Field.required("Label", .string())

    var all: [Operation] {
        [
            Operation(
                "sns:AddPermission", "Adds a statement to the policy of a topic.", .writes,
                input: [
                    TopicCalls.topicARN, TopicPermissions.label, .required("AWSAccountId", .list(.string())),
                    .required("ActionName", .list(.string())),
                ], handler: add),
            Operation(
                "sns:RemovePermission", "Removes a statement from the policy of a topic.", .writes,
                input: [TopicCalls.topicARN, TopicPermissions.label], handler: remove),
        ]
    }

    private func add(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let actions = (input["ActionName"]?.array ?? []).compactMap(\.string)
        let accounts = (input["AWSAccountId"]?.array ?? []).compactMap(\.string)
        guard !actions.isEmpty, !accounts.isEmpty else { throw TopicMessage.invalid("AWSAccountId or ActionName") }
        return try await change("AddPermission", input, context) { policy, label throws(ServiceError) in
            if policy.has(label) { throw TopicMessage.refused("Statement already exists") }
            guard actions.allSatisfy(TopicPermissions.actions.contains) else {
                throw TopicMessage.refused("Policy statement action out of service scope!")
            }
            policy.add(label, accounts: accounts, actions: actions)
        }
    }

    private func remove(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await change("RemovePermission", input, context) { policy, label in policy.remove(label) }
    }

    private func change(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ body: @escaping @Sendable (inout ResourcePolicy, String) throws(ServiceError) -> Void
    ) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let label = input["Label"]?.string ?? ""
        try await calls.database.write(context) { transaction in
            var topic = try TopicStore.topic(name, transaction)
            let json = topic.attributes["Policy"]?.string.flatMap { try? JSON(parsing: $0) } ?? standard(name)
            var policy = ResourcePolicy(service: "SNS", resource: calls.arn(name), json: json, identifier: "")
            try body(&policy, label)
            topic.attributes["Policy"] = .string(policy.json.text)
            try TopicStore.update(topic, transaction)
            try transaction.audit(action, on: topic.subject, outcome: .success, detail: input)
        }
        return [:]
    }
}
