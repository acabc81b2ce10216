internal import Core

/// Who gets the messages of topics.
extension Command {
    static let subscribeTopic = Command(
        "subscribe", "Send a topic's messages to a queue, a function or an HTTP endpoint.",
        discussion: """
            An HTTP endpoint is sent a message of type SubscriptionConfirmation first. It gets no others until \
            somebody has opened the SubscribeURL in it, or confirmed with its Token. Messages bear no signature.
            """,
        examples: [
            Example("opsbus topics subscribe on-call https://hooks.example/ops", "An endpoint"),
            Example("opsbus topics subscribe on-call arn:aws:sqs:::alarms --raw", "A queue, with the text alone"),
            Example(
                "opsbus topics subscribe on-call https://hooks.example/ops --dead-letters missed --delivery-policy "
                    + #"'{"healthyRetryPolicy": {"numRetries": 10}}'"#, "With ten retries, and a place to fail"),
        ],
        options: [isRaw, filter, policy, undelivered], arguments: [topic, endpoint]
    ) { arguments, session in
        let connection = try session.connect()
        let endpoint = try arguments.required(endpoint)
        guard let `protocol` = subscriptionProtocol(of: endpoint) else {
            throw CommandError.usage(
                "'\(endpoint)' is no endpoint", fix: "give an http:// or https:// URL, or the ARN of a queue or function")
        }
        var attributes = JSONObject()
        if arguments[isRaw] { attributes["RawMessageDelivery"] = "true" }
        attributes["FilterPolicy"] = .text(arguments[filter])
        attributes["DeliveryPolicy"] = .text(arguments[policy])
        if let queue = arguments[undelivered] {
            let arn = ARN(queue) == nil ? "arn:aws:sqs:::\(queue)" : queue
            attributes["RedrivePolicy"] = .string((["deadLetterTargetArn": .string(arn)] as JSON).text)
        }
        let output = try await connection.call(
            "sns:Subscribe",
            input([
                ("TopicArn", .string(try await topicARN(try arguments.required(topic), connection))),
                ("Protocol", .string(`protocol`)), ("Endpoint", .string(endpoint)),
                ("Attributes", attributes.isEmpty ? nil : .object(attributes)),
            ]))
        session.output.result(output) { session.output.line(output.cell("SubscriptionArn")) }
        return .success
    }

    private static func subscriptionProtocol(of endpoint: String) -> String? {
        if let arn = ARN(endpoint) { return arn.service == "sqs" || arn.service == "lambda" ? arn.service : nil }
        return ["https", "http"].first { endpoint.hasPrefix("\($0)://") }
    }

    static let confirmSubscription = Command(
        "confirm", "Confirm a subscription with the token that its endpoint was sent.",
        examples: [Example("opsbus topics confirm on-call 2336412f37fb687f…", "From a SubscriptionConfirmation")],
        arguments: [topic, token]
    ) { arguments, session in
        let connection = try session.connect()
        let arn = try await topicARN(try arguments.required(topic), connection)
        let output = try await connection.call(
            "sns:ConfirmSubscription", ["TopicArn": .string(arn), "Token": .string(try arguments.required(token))])
        session.output.result(output) { session.output.line(output.cell("SubscriptionArn")) }
        return .success
    }

    static let listSubscriptions = Command(
        "subscriptions", "List the subscriptions, of one topic or of all.",
        examples: [Example("opsbus topics subscriptions on-call", "Who gets the messages of the topic on-call")],
        arguments: [anyTopic]
    ) { arguments, session in
        let connection = try session.connect()
        let output: JSON
        if let topic = arguments[anyTopic] {
            let arn = try await topicARN(topic, connection)
            output = try await connection.callAll(
                "sns:ListSubscriptionsByTopic", ["TopicArn": .string(arn)], list: "Subscriptions")
        } else {
            output = try await connection.callAll("sns:ListSubscriptions", [:], list: "Subscriptions")
        }
        session.output.result(output) {
            var table = Table(["TOPIC", "PROTOCOL", "ENDPOINT", "SUBSCRIPTION"])
            for subscription in output["Subscriptions"]?.array ?? [] {
                let topic = subscription.cell("TopicArn")
                table.add([
                    ARN(topic)?.resource ?? topic, subscription.cell("Protocol"), subscription.cell("Endpoint"),
                    subscription.cell("SubscriptionArn"),
                ])
            }
            session.output.table(table, empty: "There are no subscriptions.")
        }
        return .success
    }

    static let unsubscribeTopic = Command(
        "unsubscribe", "End a subscription; one that does not exist is no error.",
        examples: [Example("opsbus topics unsubscribe arn:aws:sns:…:on-call:2f0c…", "By its ARN")],
        arguments: [subscription]
    ) { arguments, session in
        let arn = try arguments.required(subscription)
        let output = try await session.connect().call("sns:Unsubscribe", ["SubscriptionArn": .string(arn)])
        session.output.result(output) { session.output.line("\(arn) has ended") }
        return .success
    }

    private static let topic = Argument("TOPIC", .text.completing(.live(.topics)), "The topic's name or ARN.")
    private static let anyTopic = Argument(
        "TOPIC", .text.completing(.live(.topics)), count: 0...1, "The topic's name or ARN.")
    private static let endpoint = Argument("ENDPOINT", .text, "A URL, or the ARN of a queue or function.")
    private static let token = Argument("TOKEN", .text, "The Token in the message.")
    private static let subscription = Argument("ARN", .text, "The ARN of the subscription.")
    private static let isRaw = Flag("raw", "Send the text alone, without what tells of it.")
    private static let filter = Option("filter", "JSON", .text, "Only messages that pass this filter policy.")
    private static let policy = Option("delivery-policy", "JSON", .text, "How an HTTP endpoint is tried again.")
    private static let undelivered = Option(
        "dead-letters", "QUEUE", .text, "Where messages go that could not be delivered.")
}
