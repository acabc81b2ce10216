internal import API
internal import Core
internal import Storage

/// Who gets the messages of a topic: a queue.
struct Subscription: Sendable {
    let id: String
    let topic: String
    let `protocol`: String
    /// The ARN of a queue.
    let endpoint: String
    /// What was set, by the names and in the texts of the API.
    var attributes: JSON

    static let columns = "id, topic, protocol, endpoint, attributes"

    init(id: String, topic: String, protocol: String, endpoint: String, attributes: JSON) {
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
    }

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
            case "DeliveryPolicy", "SubscriptionRoleArn", "ReplayPolicy":
                throw invalid("AttributeName: OpsBus has no \(member.key)")
            default: throw invalid("AttributeName")
            }
            attributes[member.key] = text.isEmpty ? nil : .string(text)
            if member.key == "FilterPolicy" && text.isEmpty { attributes["FilterPolicyScope"] = nil }
        }
        if let filter { _ = try FilterPolicy(filter, scope: scope, prefix: prefix) }
    }
}
