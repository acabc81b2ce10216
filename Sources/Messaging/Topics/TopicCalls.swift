internal import API
internal import Core
internal import Storage

/// What the operations of topics have in common.
struct TopicCalls: Sendable {
    let database: Database
    let account: Account

    static let topicARN = Field.required("TopicArn", .string())
    static let pageSize = 100

    func arn(_ name: String) -> String { account.arn("sns", name).description }

    func arn(of subscription: Subscription) -> String { "\(arn(subscription.topic)):\(subscription.id)" }

    /// The topic's name in its ARN.
    /// - Throws: `ServiceError` `.invalidParameter`.
    func name(_ value: JSON?) throws(ServiceError) -> String {
        let text = value?.string ?? ""
        guard let parsed = ARN(text) else {
            let count = text.split(separator: ":", omittingEmptySubsequences: false).count
            throw ServiceError(
                .invalidParameter,
                "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not \(count)")
        }
        let arn = account.resolve(parsed)
        guard arn.service == "sns", arn.account == account.id, arn.region == account.region else {
            throw ServiceError(.invalidParameter, "Invalid parameter: TopicArn Reason: \(text) is no topic here")
        }
        return arn.resource
    }

    /// The id in a subscription's ARN.
    /// - Throws: `ServiceError` `.invalidParameter`.
    func subscriptionID(_ value: JSON?) throws(ServiceError) -> String {
        let text = value?.string ?? ""
        guard let arn = ARN(text), let id = arn.resource.split(separator: ":").last else {
            throw TopicMessage.invalid("SubscriptionArn Reason: \(text) is no ARN of a subscription")
        }
        return String(id)
    }

    /// How many elements the pages before this one had.
    /// - Throws: `ServiceError` `.invalidParameter` for a token that is none of ours.
    static func offset(_ token: JSON?) throws(ServiceError) -> Int {
        guard let text = token?.string else { return 0 }
        guard let offset = Int(text), offset >= 0 else {
            throw ServiceError(
                .invalidParameter, "Invalid parameter: NextToken Reason: \(text) is no token of this service")
        }
        return offset
    }

    /// A page of a list, from one element more than there is room for.
    static func page(_ member: String, _ elements: [JSON], after offset: Int) -> JSON {
        var output: JSON = [:]
        output[member] = .array(Array(elements.prefix(pageSize)))
        if elements.count > pageSize { output["NextToken"] = .string(String(offset + pageSize)) }
        return output
    }
}
