internal import API
internal import Core
internal import Platform
internal import Storage

/// Subscriptions: who gets the messages of a topic.
struct SubscriptionOperations: Sendable {
    let calls: TopicCalls
    let messages: SubscriberMessages
    /// Tells whether who subscribes a function may call it.
    let operations: any OperationCaller

    private static let subscriptionARN = Field.required("SubscriptionArn", .string())
    private static let attributes = Field.optional("Attributes", .map(.string()))
    private static let page: [Field] = [.optional("Subscriptions", .list(.any)), .optional("NextToken", .string())]

    var all: [Operation] {
        let nextToken = Field.optional("NextToken", .string())
        return [
            Operation(
                "sns:Subscribe", "Sends the messages of a topic to a queue, a function or an HTTP endpoint.", .writes,
                input: [
                    TopicCalls.topicARN, .required("Protocol", .string()),
                    // A URL may hold a password.
                    .optional("Endpoint", .string(), sensitive: true), SubscriptionOperations.attributes,
                    .optional("ReturnSubscriptionArn", .boolean),
                ], output: [.optional("SubscriptionArn", .string())], handler: subscribe),
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
        ] + ConfirmationOperations(calls: calls, messages: messages).all
    }

    private func subscribe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let `protocol` = try SubscriptionProtocol(given: input["Protocol"]?.string ?? "")
        var random = BlockRandom()
        var given = Subscription(
            id: Identifier(using: &random).description, topic: name, protocol: `protocol`,
            endpoint: input["Endpoint"]?.string ?? "", attributes: [:])
        try given.set(input["Attributes"], isNew: true)
        if `protocol`.isHTTP { given.state = .pending }
        if `protocol` == .lambda { try await checkCall(of: given.endpoint, context) }
        let subscription = given
        let stored = try await calls.database.write(context) { transaction in
            let topic = try TopicStore.topic(name, transaction)
            try `protocol`.check(endpoint: subscription.endpoint, of: topic)
            let stored = try insert(subscription, transaction)
            try transaction.audit(
                "Subscribe", on: topic.subject, outcome: .success,
                detail: ["SubscriptionId": .string(stored.id), "Endpoint": .string(stored.shownEndpoint)])
            return stored
        }
        let isShown = stored.state == .confirmed || input["ReturnSubscriptionArn"]?.bool == true
        return ["SubscriptionArn": .string(isShown ? calls.arn(of: stored) : "pending confirmation")]
    }

    /// A topic calls functions for whoever subscribed them; one that does not exist yet may be there later.
    private func checkCall(of function: String, _ context: OperationContext) async throws {
        do throws(ServiceError) {
            _ = try await operations.call(
                "lambda:Invoke", ["FunctionName": .string(function), "InvocationType": "DryRun"], context)
        } catch {
            if error.code == .accessDenied { throw error }
        }
    }

    /// - Returns: The subscription, or the one that this endpoint has. One that waits to be confirmed is asked about
    ///   again, with a token of its own.
    private func insert(_ given: Subscription, _ transaction: borrowing Transaction) throws -> Subscription {
        var subscription = given
        if let existing = try SubscriptionStore.find(like: given, transaction) {
            if existing.state == .ended {
                try SubscriptionStore.delete(existing.id, transaction)
            } else {
                guard given.attributes == [:] || given.attributes == existing.attributes else {
                    throw TopicMessage.invalid(
                        "Attributes Reason: Subscription already exists with different attributes")
                }
                if existing.state == .confirmed { return existing }
                subscription = existing
                try SubscriptionStore.delete(existing.id, transaction)
            }
        }
        if subscription.state == .pending {
            ConfirmationOperations.makeToken(for: &subscription, now: transaction.now)
            subscription.wasAuthenticated = false
        }
        try SubscriptionStore.insert(subscription, transaction)
        if subscription.state == .pending { try messages.askForConfirmation(of: subscription, transaction) }
        return subscription
    }

    // MARK: Listing

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await page(of: nil, input)
    }

    private func listByTopic(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await page(of: try calls.name(input["TopicArn"]), input)
    }

    private func page(of topic: String?, _ input: JSON) async throws -> JSON {
        let offset = try TopicCalls.offset(input["NextToken"])
        let found = try await calls.database.read { transaction in
            if let topic { _ = try TopicStore.topic(topic, transaction) }
            return try SubscriptionStore.list(
                topic: topic, limit: TopicCalls.pageSize + 1, offset: offset, transaction)
        }
        let shown = found.map { subscription -> JSON in
            var description = describe(subscription)
            if subscription.state == .pending { description["SubscriptionArn"] = "PendingConfirmation" }
            return description
        }
        return TopicCalls.page("Subscriptions", shown, after: offset)
    }

    private func describe(_ subscription: Subscription) -> JSON {
        [
            "SubscriptionArn": .string(calls.arn(of: subscription)), "Owner": .string(calls.account.id),
            "Protocol": .string(subscription.protocol.rawValue), "Endpoint": .string(subscription.shownEndpoint),
            "TopicArn": .string(calls.arn(subscription.topic)),
        ]
    }

    // MARK: Attributes

    private func getAttributes(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let id = try calls.subscriptionID(input["SubscriptionArn"])
        let (subscription, policy) = try await calls.database.read { transaction in
            let subscription = try SubscriptionStore.subscription(id, transaction)
            let topic = try TopicStore.topic(subscription.topic, transaction)
            return (subscription, topic.deliveryPolicy(of: subscription))
        }
        var attributes = describe(subscription)
        attributes["PendingConfirmation"] = subscription.state == .pending ? "true" : "false"
        attributes["ConfirmationWasAuthenticated"] = subscription.wasAuthenticated ? "true" : "false"
        attributes["RawMessageDelivery"] = "false"
        if subscription.protocol.isHTTP { attributes["EffectiveDeliveryPolicy"] = .string(policy.json.text) }
        for member in subscription.attributes.object?.members ?? [] { attributes[member.key] = member.value }
        attributes["FilterPolicyScope"] = subscription.filter.map { _ in .string(subscription.scope.rawValue) }
        return ["Attributes": attributes]
    }

    private func setAttribute(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let id = try calls.subscriptionID(input["SubscriptionArn"])
        let name = input["AttributeName"]?.string ?? ""
        let given: JSON = .object(JSONObject([.init(key: name, value: input["AttributeValue"] ?? "")]))
        try await calls.database.write(context) { transaction in
            var subscription = try SubscriptionStore.subscription(id, transaction)
            try subscription.set(given, isNew: false)
            try SubscriptionStore.update(subscription, transaction)
            try transaction.audit(
                "SetSubscriptionAttributes", on: Subject(.topic, subscription.topic), outcome: .success,
                detail: ["SubscriptionId": .string(id), "Attributes": given])
        }
        return [:]
    }
}
