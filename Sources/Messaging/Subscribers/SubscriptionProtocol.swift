internal import API
internal import Core
internal import Storage

/// How the messages of a topic reach a subscriber.
enum SubscriptionProtocol: String, Sendable, SQLConvertible {
    case sqs, http, https, lambda

    /// Those of the service that OpsBus has not.
    private static let refused: Set<String> = ["email", "email-json", "sms", "application", "firehose"]

    /// - Throws: `ServiceError` `.invalidParameter`.
    init(given text: String) throws(ServiceError) {
        if let known = SubscriptionProtocol(rawValue: text) {
            self = known
            return
        }
        throw TopicMessage.invalid(
            SubscriptionProtocol.refused.contains(text)
                ? "Protocol Reason: OpsBus delivers the messages of topics by sqs, http, https and lambda, and to its "
                    + "own stream, not by \(text)"
                : "Amazon SNS does not support this protocol string: \(text)")
    }

    var isHTTP: Bool { self == .http || self == .https }

    /// - Throws: `ServiceError` `.invalidParameter` for what is no endpoint of this protocol, or not for such a topic.
    func check(endpoint: String, of topic: Topic) throws(ServiceError) {
        if topic.isFIFO && self != .sqs {
            throw TopicMessage.invalid(
                "Invalid parameter: Protocol Reason: FIFO topics deliver to queues only, not by \(rawValue)")
        }
        switch self {
        case .sqs:
            guard let arn = ARN(endpoint), arn.service == "sqs" else { throw TopicMessage.invalid("SQS endpoint ARN") }
            if arn.resource.hasSuffix(".fifo") && !topic.isFIFO {
                throw TopicMessage.invalid(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
            }
        case .lambda:
            guard let arn = ARN(endpoint), arn.service == "lambda", arn.resource.hasPrefix("function:") else {
                throw TopicMessage.invalid("Lambda endpoint ARN")
            }
        case .http, .https:
            guard endpoint.hasPrefix("\(rawValue)://") else {
                throw TopicMessage.invalid("Endpoint must match the specified protocol")
            }
            guard EndpointURL.isSound(endpoint) else {
                throw TopicMessage.invalid(
                    "Endpoint Reason: it must be a URL of at most \(EndpointURL.bytesMax) bytes with a host, without "
                        + "spaces or a fragment")
            }
        }
    }
}

/// The URLs of subscribers.
enum EndpointURL {
    static let bytesMax = 2048

    /// What stands between the scheme and the path.
    private static func authority(_ url: String) -> Range<String.Index>? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let end = url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        return scheme.upperBound..<end
    }

    static func isSound(_ url: String) -> Bool {
        guard url.utf8.count <= bytesMax, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !url.contains("#"),
            let authority = authority(url)
        else { return false }
        let host = url[authority].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        return !host.isEmpty && !host.hasPrefix(":")
    }

    /// The URL with a password in it as `****`.
    static func masked(_ url: String) -> String {
        guard let authority = authority(url), let at = url[authority].lastIndex(of: "@"),
            let colon = url[authority.lowerBound..<at].firstIndex(of: ":")
        else { return url }
        return String(url[...colon] + "****" + url[at...])
    }
}
