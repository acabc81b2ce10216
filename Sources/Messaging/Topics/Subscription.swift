internal import API
internal import Core
internal import Storage

/// Who gets the messages of a topic: a queue, a function, or an HTTP endpoint.
struct Subscription: Sendable {
    enum State: String, Sendable, SQLConvertible {
        /// Its endpoint has yet to say that it wants the messages.
        case pending
        case confirmed
        /// It is over, and the endpoint may still have it back.
        case ended
    }

    let id: String
    let topic: String
    let `protocol`: SubscriptionProtocol
    /// The ARN of a queue or function, or a URL.
    let endpoint: String
    /// What was set, by the names and in the texts of the API.
    var attributes: JSON
    var state = State.confirmed
    /// With it the endpoint confirms the subscription, or gets it back.
    var token: String?
    var tokenExpiry: Timestamp?
    /// Whether it was confirmed by somebody whom the server knows.
    var wasAuthenticated = true
    /// Whether only those whom the server knows may end it.
    var isGuarded = false

    static let columns = """
        id, topic, protocol, endpoint, attributes, state, token, token_expiry, was_authenticated, is_guarded
        """

    init(id: String, topic: String, protocol: SubscriptionProtocol, endpoint: String, attributes: JSON) {
        self.id = id
        self.topic = topic
        self.protocol = `protocol`
        self.endpoint = endpoint
        self.attributes = attributes
    }

    /// - Parameter row: With `columns`.
    init(_ row: borrowing Row) throws(StorageError) {
        self.init(
            id: try row[0], topic: try row[1], protocol: try row[2], endpoint: try row[3], attributes: try row[4])
        state = try row[5]
        token = try row[6]
        tokenExpiry = try row[7]
        wasAuthenticated = try row[8]
        isGuarded = try row[9]
    }

    /// The endpoint for people and logs: a password in a URL is a secret.
    var shownEndpoint: String { `protocol`.isHTTP ? EndpointURL.masked(endpoint) : endpoint }

    var isRaw: Bool { attributes["RawMessageDelivery"]?.string == "true" }
    var filter: String? { attributes["FilterPolicy"]?.string }
    var scope: FilterPolicy.Scope {
        attributes["FilterPolicyScope"]?.string.flatMap(FilterPolicy.Scope.init(rawValue:)) ?? .attributes
    }
    /// The ARN of the queue for messages that cannot be delivered.
    var deadLetterTarget: ARN? {
        attributes["RedrivePolicy"]?.string.flatMap { try? JSON(parsing: $0) }?["deadLetterTargetArn"]?.string
            .flatMap { ARN($0) }
    }

    /// Takes over attributes given by a client; an empty text removes one.
    /// - Parameter isNew: Whether they come with the subscription itself, which errors tell.
    /// - Throws: `ServiceError` `.invalidParameter`.
    mutating func set(_ given: JSON?, isNew: Bool) throws(ServiceError) {
        let prefix = "Invalid parameter: " + (isNew ? "Attributes Reason: " : "")
        func invalid(_ reason: String) -> ServiceError { ServiceError(.invalidParameter, prefix + reason) }
        for member in given?.object?.members ?? [] {
            var text = member.value.string ?? ""
            switch member.key {
            case "RawMessageDelivery":
                guard ["true", "false"].contains(text.lowercased()) else {
                    throw invalid("RawMessageDelivery: Invalid value [\(text)]. Must be true or false.")
                }
                text = text.lowercased()
                guard `protocol` != .lambda || text == "false" else {
                    throw invalid("Delivery protocol [lambda] does not support raw message delivery.")
                }
            case "FilterPolicyScope":
                guard text.isEmpty || FilterPolicy.Scope(rawValue: text) != nil else {
                    throw invalid(
                        "FilterPolicyScope: Invalid value [\(text)]. Please use either MessageBody or "
                            + "MessageAttributes")
                }
            case "FilterPolicy": break
            case "RedrivePolicy":
                let target = (try? JSON(parsing: text))?["deadLetterTargetArn"]?.string.flatMap { ARN($0) }
                guard text.isEmpty || target?.service == "sqs" else {
                    throw invalid("RedrivePolicy: deadLetterTargetArn must be the ARN of a queue")
                }
            case "DeliveryPolicy":
                guard text.isEmpty || `protocol`.isHTTP else {
                    throw invalid("DeliveryPolicy: it is for http and https, not for \(`protocol`.rawValue)")
                }
                if !text.isEmpty { _ = try DeliveryPolicy(subscription: text, prefix: prefix) }
            case "SubscriptionRoleArn", "ReplayPolicy":
                throw invalid("AttributeName: OpsBus has no \(member.key)")
            default: throw invalid("AttributeName")
            }
            attributes[member.key] = text.isEmpty ? nil : .string(text)
            if member.key == "FilterPolicy" && text.isEmpty { attributes["FilterPolicyScope"] = nil }
        }
        if let filter { _ = try FilterPolicy(filter, scope: scope, prefix: prefix) }
    }
}
