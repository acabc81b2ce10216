internal import API
internal import Core
internal import Platform
internal import Storage

/// Ends of subscriptions, and what the endpoints of subscribers have to say to them: that they want the messages, that
/// they want no more, that they want them again.
///
/// Both operations stand in URLs that endpoints are sent, and so come unsigned: the token, or the id of the
/// subscription, says that it is the endpoint that asks.
struct ConfirmationOperations: Sendable {
    let calls: TopicCalls
    let messages: SubscriberMessages

    /// - Source: SNS API reference, `ConfirmSubscription`.
    private static let tokenAge = Duration.seconds(2 * 86_400)
    private static let tokenWords = 8

    var all: [Operation] {
        [
            Operation(
                "sns:ConfirmSubscription", "Begins to send an endpoint the messages that it was asked about.", .writes,
                input: [
                    TopicCalls.topicARN, .required("Token", .string(), sensitive: true),
                    .optional("AuthenticateOnUnsubscribe", .string()),
                ], output: [.optional("SubscriptionArn", .string())], allowsUnsigned: true, handler: confirm),
            Operation(
                "sns:Unsubscribe", "Ends a subscription; one that does not exist is no error.", .writes,
                input: [.required("SubscriptionArn", .string())], allowsUnsigned: true, handler: unsubscribe),
        ]
    }

    /// Gives a subscription a token that nobody can guess.
    static func makeToken(for subscription: inout Subscription, now: Timestamp) {
        var random = BlockRandom()
        let words = (0..<tokenWords).map { _ in random.next() }
        subscription.token = words.withUnsafeBytes { Array($0).hexadecimal }
        subscription.tokenExpiry = now + tokenAge
    }

    private func confirm(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let token = input["Token"]?.string ?? ""
        let isGuarded = input["AuthenticateOnUnsubscribe"]?.string?.lowercased() == "true"
        let arn = try await calls.database.write(context) { transaction in
            let topic = try TopicStore.topic(name, transaction)
            guard var subscription = try SubscriptionStore.find(token: token, of: name, transaction),
                let expiry = subscription.tokenExpiry, transaction.now < expiry
            else { throw TopicMessage.invalid("Token") }
            // Who confirms twice is told the same twice.
            if subscription.state != .confirmed {
                subscription.state = .confirmed
                subscription.wasAuthenticated = context.principal != .anonymous
                subscription.isGuarded = isGuarded && subscription.wasAuthenticated
                try SubscriptionStore.update(subscription, transaction)
            }
            try transaction.audit(
                "ConfirmSubscription", on: topic.subject, outcome: .success,
                detail: [
                    "SubscriptionId": .string(subscription.id), "Endpoint": .string(subscription.shownEndpoint),
                ])
            return calls.arn(of: subscription)
        }
        return ["SubscriptionArn": .string(arn)]
    }

    private func unsubscribe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let id = try calls.subscriptionID(input["SubscriptionArn"])
        try await calls.database.write(context) { transaction in
            guard let subscription = try SubscriptionStore.find(id, transaction) else { return }
            if subscription.isGuarded && context.principal == .anonymous {
                throw ServiceError(.accessDenied, "Only a signed request may end this subscription.")
            }
            try SubscriptionStore.delete(id, transaction)
            if subscription.protocol.isHTTP && subscription.state == .confirmed {
                try keepForRestoring(subscription, transaction)
            }
            try transaction.audit(
                "Unsubscribe", on: Subject(.topic, subscription.topic), outcome: .success,
                detail: ["SubscriptionId": .string(id), "Endpoint": .string(subscription.shownEndpoint)])
        }
        return [:]
    }

    private func keepForRestoring(_ subscription: Subscription, _ transaction: borrowing Transaction) throws {
        var ended = subscription
        ended.state = .ended
        ConfirmationOperations.makeToken(for: &ended, now: transaction.now)
        try SubscriptionStore.insert(ended, transaction)
        try messages.tellOfEnd(of: ended, transaction)
    }
}
