internal import API
internal import Core

/// Where a command's output and the news of it go, beside the command's own record.
/// - Source: SSM API model, `SendCommandRequest`.
struct OutputDestinations: Sendable, Hashable {
    var bucket = ""
    var keyPrefix = ""
    var region = ""
    /// Nil where output goes to no log group.
    var logGroup: String?
    var topicARN = ""
    /// `Success` and so on; `All` for each.
    var notificationEvents: [String] = []
    /// `Command` or `Invocation`
    var notificationType = ""
    var serviceRole = ""

    private static let topic = "arn:aws:sns:"
    private static let toldStatuses: Set<String> = ["InProgress", "Success", "TimedOut", "Cancelled", "Failed"]

    static let fields: [Field] = [
        .optional("OutputS3Region", .string(length: 3...20)), .optional("OutputS3BucketName", .string(length: 3...63)),
        .optional("OutputS3KeyPrefix", .string(length: 0...500)), .optional("ServiceRoleArn", .string()),
        .optional(
            "NotificationConfig",
            .structure([
                .optional("NotificationArn", .string()),
                .optional(
                    "NotificationEvents",
                    .list(.string(values: ["All", "InProgress", "Success", "TimedOut", "Cancelled", "Failed"]))),
                .optional("NotificationType", .string(values: ["Command", "Invocation"])),
            ])),
        .optional(
            "CloudWatchOutputConfig",
            .structure([
                .optional("CloudWatchLogGroupName", .string(length: 1...512)),
                .optional("CloudWatchOutputEnabled", .boolean),
            ])),
    ]

    /// - Parameters:
    ///   - input: Of the shape of `fields`.
    ///   - hasStore: Whether there is a store for objects.
    /// - Throws: `ServiceError` `.invalidOutputFolder`, `.invalidNotificationConfig`.
    init(_ input: JSON, documentName: String, hasStore: Bool) throws(ServiceError) {
        bucket = input["OutputS3BucketName"]?.string ?? ""
        keyPrefix = input["OutputS3KeyPrefix"]?.string ?? ""
        region = input["OutputS3Region"]?.string ?? ""
        guard hasStore || bucket.isEmpty else {
            throw ServiceError(
                .invalidOutputFolder,
                "OutputS3BucketName: this server knows no S3-compatible storage; its setting is s3-endpoint.")
        }
        guard !bucket.isEmpty || keyPrefix.isEmpty else {
            throw ServiceError(.invalidOutputFolder, "OutputS3KeyPrefix is of no use without OutputS3BucketName.")
        }
        let logs = input["CloudWatchOutputConfig"] ?? [:]
        if logs["CloudWatchOutputEnabled"]?.bool ?? false {
            logGroup = logs["CloudWatchLogGroupName"]?.string ?? "/aws/ssm/\(OutputDestinations.plain(documentName))"
        }
        serviceRole = input["ServiceRoleArn"]?.string ?? ""
        try readNotifications(input["NotificationConfig"] ?? [:])
    }

    private mutating func readNotifications(_ input: JSON) throws(ServiceError) {
        topicARN = input["NotificationArn"]?.string ?? ""
        notificationEvents = input["NotificationEvents"]?.strings ?? []
        notificationType = input["NotificationType"]?.string ?? ""
        guard !topicARN.isEmpty else {
            guard notificationEvents.isEmpty && notificationType.isEmpty else {
                throw ServiceError(.invalidNotificationConfig, "NotificationConfig has no NotificationArn.")
            }
            return
        }
        guard topicARN.hasPrefix(OutputDestinations.topic) else {
            throw ServiceError(
                .invalidNotificationConfig, "NotificationArn is the ARN of a topic, not '\(topicARN)'.")
        }
        if notificationEvents.isEmpty { notificationEvents = ["All"] }
        if notificationType.isEmpty { notificationType = "Command" }
    }

    /// Whether a change into a status is told; never of `Pending` and `Cancelling`.
    /// - Parameter type: `Command` or `Invocation`
    func tells(_ status: String, of type: String) -> Bool {
        guard !topicARN.isEmpty, notificationType == type, OutputDestinations.toldStatuses.contains(status) else {
            return false
        }
        return notificationEvents.contains("All") || notificationEvents.contains(status)
    }

    // MARK: Names at the destinations

    /// The log stream of one output.
    func logStream(_ key: OutputStore.Key) -> String {
        let name = "\(key.command)/\(key.node)/\(key.step)/\(key.stream)"
        return String(name.map { $0 == ":" || $0 == "*" ? "-" : $0 })
    }

    /// The key of one output's object, or of the folder of both.
    /// - Parameter stream: Nil for the folder.
    func objectKey(_ command: Identifier, _ node: String, step: String, action: String, stream: String?) -> String {
        // A plugin of schema 1.2 has no name of its own; the folder is that of its first run.
        let folder = step == action ? "0.\(step)" : step
        var parts = ["\(command)", node, OutputDestinations.plain(action), OutputDestinations.plain(folder)]
        if let stream { parts.append(stream) }
        if !keyPrefix.isEmpty {
            parts.insert(keyPrefix.hasSuffix("/") ? String(keyPrefix.dropLast()) : keyPrefix, at: 0)
        }
        return parts.joined(separator: "/")
    }

    private static func plain(_ name: String) -> String { name.filter { $0 != ":" } }

    // MARK: As the API shows it

    var notificationJSON: JSON {
        [
            "NotificationArn": .string(topicARN),
            "NotificationEvents": .array(notificationEvents.map { .string($0) }),
            "NotificationType": .string(notificationType),
        ]
    }

    var logJSON: JSON {
        [
            "CloudWatchLogGroupName": .string(logGroup ?? ""), "CloudWatchOutputEnabled": .bool(logGroup != nil),
        ]
    }

    // MARK: As stored

    var json: JSON {
        [
            "Bucket": .string(bucket), "KeyPrefix": .string(keyPrefix), "Region": .string(region),
            "LogGroup": logGroup.map { .string($0) } ?? .null, "Notification": notificationJSON,
            "ServiceRole": .string(serviceRole),
        ]
    }

    init(stored: JSON) {
        bucket = stored["Bucket"]?.string ?? ""
        keyPrefix = stored["KeyPrefix"]?.string ?? ""
        region = stored["Region"]?.string ?? ""
        logGroup = stored["LogGroup"]?.string
        let notification = stored["Notification"] ?? [:]
        topicARN = notification["NotificationArn"]?.string ?? ""
        notificationEvents = notification["NotificationEvents"]?.strings ?? []
        notificationType = notification["NotificationType"]?.string ?? ""
        serviceRole = stored["ServiceRole"]?.string ?? ""
    }

    init() {}
}
