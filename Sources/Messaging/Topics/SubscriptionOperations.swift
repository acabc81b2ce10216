internal import API
internal import Core
internal import Platform
internal import Storage

/// Subscriptions: which queues get the messages of a topic.
struct SubscriptionOperations: Sendable {
    let calls: TopicCalls

    /// Of one topic; each is looked at for every message.
    private static let subscriptionsMax = 10_000
    private static let protocols: Set<String> = [
        "http", "https", "email", "email-json", "sms", "application", "lambda", "firehose",
    ]
    private static let subscriptionARN = Field.required("SubscriptionArn", .string())
    private static let attributes = Field.optional("Attributes", .map(.string()))
    private static let page: [Field] = [.optional("Subscriptions", .list(.any)), .optional("NextToken", .string())]

    var all: [Operation] {
        let nextToken = Field.optional("NextToken", .string())
        return [
            Operation(
                "sns:Subscribe", "Sends the messages of a topic to a queue.", .writes,
                input: [
                    TopicCalls.topicARN, .required("Protocol", .string()), .optional("Endpoint", .string()),
                    SubscriptionOperations.attributes, .optional("ReturnSubscriptionArn", .boolean),
                ], output: [.optional("SubscriptionArn", .string())], handler: subscribe),
            Operation(
                "sns:Unsubscribe", "Ends a subscription; one that does not exist is no error.", .writes,
                input: [SubscriptionOperations.subscriptionARN], handler: unsubscribe),
            Operation(
                "sns:ListSubscriptions", "Lists subscriptions, the oldest first.", .reads, input: [nextToken],
                output: SubscriptionOperations.page, handler: list),
            Operation(
                "sns:ListSubscriptionsByTopic", "Lists the subscriptions of a topic, the oldest first.", .reads,
                input: [TopicCalls.topicARN, nextToken], output: SubscriptionOperations.page, handler: listByTopic),
            Operation(
                "sns:GetSubscriptionAttributes", "Answers how a subscription is set up.", .reads,
                input: [SubscriptionOperations.subscriptionARN], output: [SubscriptionOperations.attributes],
                handler: getAttributes),
            Operation(
                "sns:SetSubscriptionAttributes", "Sets up a subscription, one attribute at a time.", .writes,
                input: [
                    SubscriptionOperations.subscriptionARN, .required("AttributeName", .string()),
                    .optional("AttributeValue", .string()),
                ], handler: setAttribute),
        ]
    }

    private func subscribe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        var random = BlockRandom()
        var given = Subscription(
            id: Identifier(using: &random).description, topic: name, protocol: input["Protocol"]?.string ?? "",
            endpoint: input["Endpoint"]?.string ?? "", attributes: [:])
        try SubscriptionOperations.check(given.protocol)
        try given.set(input["Attributes"], isNew: true)
        let subscription = given
        let id = try await calls.database.write(context) { transaction in
            let topic = try TopicStore.topic(name, transaction)
            try SubscriptionOperations.check(endpoint: subscription.endpoint, of: topic)
            let id = try insert(subscription, transaction)
            try transaction.audit(
                "Subscribe", on: topic.subject, outcome: .success,
                detail: ["SubscriptionId": .string(id), "Endpoint": .string(subscription.endpoint)])
            return id
        }
        return ["SubscriptionArn": .string(arn(id, of: name))]
    }

    private static func check(_ protocol: String) throws(ServiceError) {
        if `protocol` == "sqs" { return }
        throw TopicMessage.invalid(
            protocols.contains(`protocol`)
                ? "Protocol Reason: OpsBus delivers the messages of topics to sqs and to its own stream, not by "
                    + `protocol`
                : "Amazon SNS does not support this protocol string: \(`protocol`)")
    }

    private static func check(endpoint: String, of topic: Topic) throws(ServiceError) {
        guard let arn = ARN(endpoint), arn.service == "sqs" else { throw TopicMessage.invalid("SQS endpoint ARN") }
        if arn.resource.hasSuffix(".fifo") && !topic.isFIFO {
            throw TopicMessage.invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
        }
    }

    /// - Returns: The id of the subscription, or of the one that this endpoint has.
    private func insert(_ subscription: Subscription, _ transaction: borrowing Transaction) throws -> String {
        let existing = try transaction.queryOne(
            """
            SELECT \(Subscription.columns) FROM topic_subscriptions WHERE topic = ? AND protocol = ? AND endpoint = ?
            """, subscription.topic, subscription.protocol, subscription.endpoint
        ) { try Subscription($0) }
        if let existing {
            guard subscription.attributes == [:] || subscription.attributes == existing.attributes else {
                throw TopicMessage.invalid("Attributes Reason: Subscription already exists with different attributes")
            }
            return existing.id
        }
        let count = try transaction.queryOne(
            "SELECT count(*) FROM topic_subscriptions WHERE topic = ?", subscription.topic
        ) { row -> Int in try row[0] }
        guard count ?? 0 < SubscriptionOperations.subscriptionsMax else {
            throw ServiceError(
                .subscriptionLimitExceeded,
                "A topic has at most \(SubscriptionOperations.subscriptionsMax) subscriptions.")
        }
        try transaction.execute(
            "INSERT INTO topic_subscriptions (\(Subscription.columns)) VALUES (?, ?, ?, ?, ?)", subscription.id,
            subscription.topic, subscription.protocol, subscription.endpoint, subscription.attributes)
        return subscription.id
    }

    private func unsubscribe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let id = try id(input["SubscriptionArn"])
        try await calls.database.write(context) { transaction in
            guard let subscription = try SubscriptionOperations.find(id, transaction) else { return }
            try transaction.execute("DELETE FROM topic_subscriptions WHERE id = ?", id)
            try transaction.audit(
                "Unsubscribe", on: Subject(.topic, subscription.topic), outcome: .success,
                detail: ["SubscriptionId": .string(id), "Endpoint": .string(subscription.endpoint)])
        }
        return [:]
    }

    // MARK: Listing

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let offset = try TopicCalls.offset(input["NextToken"])
        let found = try await calls.database.read { transaction in
            try transaction.query(
                "SELECT \(Subscription.columns) FROM topic_subscriptions ORDER BY number LIMIT ? OFFSET ?",
                TopicCalls.pageSize + 1, offset
            ) { describe(try Subscription($0)) }
        }
        return TopicCalls.page("Subscriptions", found, after: offset)
    }

    private func listByTopic(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let offset = try TopicCalls.offset(input["NextToken"])
        let found = try await calls.database.read { transaction in
            _ = try TopicStore.topic(name, transaction)
            return try transaction.query(
                """
                SELECT \(Subscription.columns) FROM topic_subscriptions WHERE topic = ? ORDER BY number LIMIT ? OFFSET ?
                """, name, TopicCalls.pageSize + 1, offset
            ) { describe(try Subscription($0)) }
        }
        return TopicCalls.page("Subscriptions", found, after: offset)
    }

    private func describe(_ subscription: Subscription) -> JSON {
        [
            "SubscriptionArn": .string(arn(subscription.id, of: subscription.topic)),
            "Owner": .string(calls.account.id), "Protocol": .string(subscription.protocol),
            "Endpoint": .string(subscription.endpoint), "TopicArn": .string(calls.arn(subscription.topic)),
        ]
    }

    // MARK: Attributes

    private func getAttributes(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let id = try id(input["SubscriptionArn"])
        let subscription = try await calls.database.read { try SubscriptionOperations.subscription(id, $0) }
        var attributes = describe(subscription)
        attributes["PendingConfirmation"] = "false"
        attributes["ConfirmationWasAuthenticated"] = "true"
        attributes["RawMessageDelivery"] = "false"
        for member in subscription.attributes.object?.members ?? [] { attributes[member.key] = member.value }
        attributes["FilterPolicyScope"] = subscription.filter.map { _ in .string(subscription.scope.rawValue) }
        return ["Attributes": attributes]
    }

    private func setAttribute(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let id = try id(input["SubscriptionArn"])
        let name = input["AttributeName"]?.string ?? ""
        let given: JSON = .object(JSONObject([.init(key: name, value: input["AttributeValue"] ?? "")]))
        try await calls.database.write(context) { transaction in
            var subscription = try SubscriptionOperations.subscription(id, transaction)
            try subscription.set(given, isNew: false)
            try transaction.execute(
                "UPDATE topic_subscriptions SET attributes = ? WHERE id = ?", subscription.attributes, id)
            try transaction.audit(
                "SetSubscriptionAttributes", on: Subject(.topic, subscription.topic), outcome: .success,
                detail: ["SubscriptionId": .string(id), "Attributes": given])
        }
        return [:]
    }

    // MARK: Names

    private func arn(_ id: String, of topic: String) -> String { "\(calls.arn(topic)):\(id)" }

    /// The id in a subscription's ARN.
    private func id(_ value: JSON?) throws(ServiceError) -> String {
        let text = value?.string ?? ""
        guard let arn = ARN(text), let id = arn.resource.split(separator: ":").last else {
            throw TopicMessage.invalid("SubscriptionArn Reason: \(text) is no ARN of a subscription")
        }
        return String(id)
    }

    private static func find(
        _ id: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Subscription? {
        try transaction.queryOne("SELECT \(Subscription.columns) FROM topic_subscriptions WHERE id = ?", id) {
            try Subscription($0)
        }
    }

    private static func subscription(
        _ id: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Subscription {
        guard let subscription = try find(id, transaction) else {
            throw ServiceError(.notFound, "Subscription does not exist")
        }
        return subscription
    }
}
