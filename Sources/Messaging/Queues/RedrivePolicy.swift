internal import API
internal import Core

/// Where messages go that were received too often.
struct RedrivePolicy: Sendable, Hashable {
    let target: ARN
    let receivesMax: Int
    /// As it is shown.
    let text: String

    /// - Throws: `ServiceError` `.invalidParameterValue`.
    init(_ text: String) throws(ServiceError) {
        func invalid(_ reason: String) -> ServiceError {
            ServiceError(
                .invalidParameterValue, "Value \(text) for parameter RedrivePolicy is invalid. Reason: \(reason)")
        }
        guard let json = try? JSON(parsing: text), json.object != nil else {
            throw invalid("Redrive policy is not a valid JSON map.")
        }
        for member in ["deadLetterTargetArn", "maxReceiveCount"] where json[member] == nil {
            throw invalid("Redrive policy does not contain mandatory attribute: \(member).")
        }
        let count = json["maxReceiveCount"]
        guard let number = count?.int ?? count?.string.flatMap({ Int($0) }), (1...1000).contains(number) else {
            throw invalid(
                "Invalid value for maxReceiveCount: \(count?.string ?? count?.text ?? ""), valid values are from 1 to "
                    + "1000 both inclusive.")
        }
        guard let target = json["deadLetterTargetArn"]?.string.flatMap({ ARN($0) }), target.service == "sqs" else {
            throw invalid("Invalid value for deadLetterTargetArn.")
        }
        self.target = target
        receivesMax = number
        var shown = json
        if count?.int == nil { shown["maxReceiveCount"] = .integer(number) }
        self.text = count?.int == nil ? shown.text : text
    }
}

/// Which queues may send their dead letters to a queue.
struct RedriveAllowPolicy: Sendable, Hashable {
    private enum Permission: Sendable, Hashable {
        case all
        case none
        /// By their ARNs.
        case queues([ARN])
    }

    private let permission: Permission

    private static let sourcesMax = 10

    /// - Throws: `ServiceError` `.invalidParameterValue`.
    init(_ text: String) throws(ServiceError) {
        func invalid(_ reason: String) -> ServiceError {
            ServiceError(
                .invalidParameterValue, "Value \(text) for parameter RedriveAllowPolicy is invalid. Reason: \(reason)")
        }
        guard let json = try? JSON(parsing: text), json.object != nil else {
            throw invalid("Redrive allow policy is not a valid JSON map.")
        }
        let sources = json["sourceQueueArns"]?.array?.map { $0.string.flatMap { ARN($0) } }
        switch json["redrivePermission"]?.string {
        case "byQueue":
            guard let sources, (1...RedriveAllowPolicy.sourcesMax).contains(sources.count),
                sources.allSatisfy({ $0?.service == "sqs" })
            else {
                throw invalid(
                    "redrivePermission byQueue needs sourceQueueArns, the ARNs of 1 to "
                        + "\(RedriveAllowPolicy.sourcesMax) queues.")
            }
            permission = .queues(sources.compactMap { $0 })
        case "allowAll" where json["sourceQueueArns"] == nil: permission = .all
        case "denyAll" where json["sourceQueueArns"] == nil: permission = .none
        case "allowAll", "denyAll": throw invalid("sourceQueueArns is only for redrivePermission byQueue.")
        default: throw invalid("redrivePermission must be allowAll, denyAll or byQueue.")
        }
    }

    /// - Parameter source: The ARN of the queue whose dead letters they are.
    func allows(_ source: ARN, in account: Account) -> Bool {
        switch permission {
        case .all: true
        case .none: false
        case .queues(let sources): sources.contains { account.resolve($0) == source }
        }
    }
}
