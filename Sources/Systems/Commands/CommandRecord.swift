internal import API
internal import Core

/// What is known of a command from the moment it is sent, and its status.
struct CommandRecord: Sendable, Hashable {
    struct Step: Sendable, Hashable {
        let name: String
        let action: String
    }

    let id: Identifier
    let documentName: String
    let documentVersion: String
    let document: String
    let steps: [Step]
    /// As submitted: name to list of texts.
    let parameters: JSON
    let comment: String
    /// As submitted; empty where nodes were listed.
    let targets: JSON
    /// As submitted; empty where targets were given.
    let instanceIDs: [String]
    let timeoutSeconds: Int
    let maxConcurrency: String
    let maxErrors: String
    let streamsOutput: Bool
    let requestedAt: Timestamp
    /// From then on no node may start it.
    let deliveryExpiresAt: Timestamp
    /// From then on nothing is expected of the nodes any more.
    let expiresAt: Timestamp
    /// Who sent it and why.
    let context: OperationContext
    let clientToken: String?
    var status: CommandStatus
    var isCancelled: Bool
    let targetCount: Int
    var completedCount: Int
    var errorCount: Int
    var deliveryTimedOutCount: Int
    let destinations: OutputDestinations

    var rates: RateControl {
        RateControl(maxConcurrency: maxConcurrency, maxErrors: maxErrors)
            ?? RateControl(maxConcurrency: .number(1), maxErrors: .number(0))
    }

    var subject: Subject { Subject(.command, id.description) }

    func invocation(on node: String) -> Subject { Subject(.invocation, "\(id)/\(node)") }

    /// The command as it travels to a node.
    func nodeCommand(outputBytesMax: Int) -> NodeCommand {
        NodeCommand(
            id: id, documentName: documentName, document: document, parameters: parameters,
            expiresAt: deliveryExpiresAt, streamsOutput: streamsOutput, outputBytesMax: outputBytesMax)
    }

    /// Takes over the machine's sums.
    mutating func update(from machine: CommandMachine) {
        status = machine.status
        isCancelled = machine.isCancelled
        completedCount = machine.completedCount
        errorCount = machine.errorCount
        deliveryTimedOutCount = machine.deliveryTimedOutCount
    }

    /// The API's `Command`.
    var json: JSON {
        [
            "CommandId": .string(id.description), "DocumentName": .string(documentName),
            "DocumentVersion": .string(documentVersion), "Comment": .string(comment),
            "ExpiresAfter": JSON(epoch: expiresAt), "Parameters": parameters,
            "InstanceIds": .array(instanceIDs.map { .string($0) }), "Targets": targets,
            "RequestedDateTime": JSON(epoch: requestedAt), "Status": .string(status.status),
            "StatusDetails": .string(status.rawValue), "OutputS3Region": .string(destinations.region),
            "OutputS3BucketName": .string(destinations.bucket),
            "OutputS3KeyPrefix": .string(destinations.keyPrefix), "MaxConcurrency": .string(maxConcurrency),
            "MaxErrors": .string(maxErrors),
            "TargetCount": .integer(targetCount), "CompletedCount": .integer(completedCount),
            "ErrorCount": .integer(errorCount), "DeliveryTimedOutCount": .integer(deliveryTimedOutCount),
            "ServiceRole": .string(destinations.serviceRole),
            "NotificationConfig": destinations.notificationJSON,
            "CloudWatchOutputConfig": destinations.logJSON, "TimeoutSeconds": .integer(timeoutSeconds),
            "TriggeredAlarms": [],
        ]
    }
}

/// A command's part on one node, as stored.
struct InvocationRecord: Sendable, Hashable {
    let node: String
    /// The node's `Name` when the command was sent.
    let nodeName: String
    let status: InvocationStatus
    let stage: CommandMachine.Stage
    /// Why it ended as it did, where the steps do not say it.
    let message: String
    /// In the order of the document; those that have been started.
    let steps: [StepRecord]
}

/// A step of an invocation, as stored.
struct StepRecord: Sendable, Hashable {
    let name: String
    let action: String
    /// `InProgress`, or the raw value of a `StepReport.Status`.
    let status: String
    let code: Int
    let standardOutput: String
    let standardError: String
    let start: Timestamp?
    let end: Timestamp?
}
