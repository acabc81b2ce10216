internal import API
internal import Core

/// Why a subscriber has not taken a message.
struct SubscriberFailure: Error, Sendable {
    let code: String
    let message: String
    /// Whether the same message may be taken later.
    var isRetryable = true
    /// The server is stopping: the attempt does not count.
    var isCutShort = false

    init(code: String, message: String, isRetryable: Bool = true, isCutShort: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.isCutShort = isCutShort
    }
}

/// Hands a message to an HTTP endpoint or a function, once.
struct SubscriberCaller: Sendable {
    let http: any HTTPSender
    let operations: any OperationCaller
    let topics: TopicCalls

    private static let timeout = Duration.seconds(15)
    private static let userAgent = "Amazon Simple Notification Service Agent"

    /// - Throws: `SubscriberFailure`.
    func send(
        _ delivery: SubscriberDelivery, to subscription: Subscription, _ policy: DeliveryPolicy
    ) async throws(SubscriberFailure) {
        if subscription.protocol.isHTTP {
            try await post(delivery, to: subscription, policy)
        } else {
            try await invoke(delivery, of: subscription)
        }
    }

    private func post(
        _ delivery: SubscriberDelivery, to subscription: Subscription, _ policy: DeliveryPolicy
    ) async throws(SubscriberFailure) {
        let type = delivery.isRaw ? policy.contentType : DeliveryPolicy.standardContentType
        let topic = topics.arn(delivery.topic)
        var headers = [
            HTTPField("Content-Type", type), HTTPField("User-Agent", SubscriberCaller.userAgent),
            HTTPField("x-amz-sns-message-type", delivery.kind.rawValue),
            HTTPField("x-amz-sns-message-id", delivery.messageID), HTTPField("x-amz-sns-topic-arn", topic),
        ]
        if delivery.kind != .confirmation {
            headers.append(HTTPField("x-amz-sns-subscription-arn", "\(topic):\(subscription.id)"))
        }
        if delivery.isRaw { headers.append(HTTPField("x-amz-sns-rawdelivery", "true")) }
        let call = HTTPCall(
            method: "POST", url: subscription.endpoint, headers: headers, body: Array(delivery.body.utf8),
            timeout: SubscriberCaller.timeout)
        let answer: HTTPAnswer
        do throws(HTTPFailure) {
            answer = try await http.send(call)
        } catch {
            throw SubscriberFailure(error)
        }
        if let failure = SubscriberFailure(status: answer.status) { throw failure }
    }

    private func invoke(_ delivery: SubscriberDelivery, of subscription: Subscription) async throws(SubscriberFailure) {
        let input: JSON = [
            "FunctionName": .string(subscription.endpoint), "InvocationType": "Event", "Payload": .string(delivery.body),
            // So that an event that was taken before a crash is not taken again.
            "OpsBusToken": .string("sns/\(delivery.messageID)/\(subscription.id)"),
        ]
        let context = OperationContext(
            principal: Principal("topic/\(delivery.topic)"), cause: delivery.subject, hops: delivery.context.hops + 1)
        do throws(ServiceError) {
            _ = try await operations.call("lambda:Invoke", input, context)
        } catch {
            throw SubscriberFailure(
                code: error.code.rawValue, message: error.message, isRetryable: error.code.isRetryable)
        }
    }
}

extension SubscriberFailure {
    init(_ failure: HTTPFailure) {
        self.init(
            code: failure.code.rawValue, message: failure.message, isRetryable: failure.code != .invalid,
            isCutShort: failure.code == .cancelled)
    }

    /// Nil for a status that says that the message was taken. Redirects are not followed.
    init?(status: Int) {
        if (200..<300).contains(status) { return nil }
        self.init(
            code: "HTTP_\(status)", message: "The endpoint answered with status \(status).",
            isRetryable: status == 429 || status >= 500 || status < 200)
    }
}
