internal import API
internal import Core

/// A step's output as the API shows it.
/// - Source: SSM API model for the limits; amazon-ssm-agent, `TruncateOutput`, for the combined text.
enum CommandOutput {
    static let standardOutputMax = 24_000
    static let standardErrorMax = 8000
    static let combinedMax = 2500

    private static let title = "\n----------ERROR-------\n"
    private static let outputMark = "\n---Output truncated---"
    private static let errorMark = "\n---Error truncated----"

    /// Both outputs in one text of at most `combinedMax` bytes, cut on borders of characters.
    static func combined(_ output: String, _ error: String) -> String {
        if error.isEmpty {
            guard output.utf8.count > combinedMax else { return output }
            return cut(output, combinedMax - outputMark.utf8.count) + outputMark
        }
        let room = combinedMax - title.utf8.count
        guard output.utf8.count + error.utf8.count > room else { return output + title + error }
        if output.utf8.count > room / 2 && error.utf8.count > room / 2 {
            let share = (room - outputMark.utf8.count - errorMark.utf8.count) / 2
            return cut(output, share) + outputMark + title + cut(error, share) + errorMark
        }
        if output.utf8.count <= room / 2 {
            return output + title + cut(error, room - output.utf8.count - errorMark.utf8.count) + errorMark
        }
        return cut(output, room - error.utf8.count - outputMark.utf8.count) + outputMark + title + error
    }

    /// The first so many characters.
    static func first(_ count: Int, of text: String) -> String {
        guard text.utf8.count > count else { return text }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text.unicodeScalars.prefix(count))
        return String(scalars)
    }

    private static func cut(_ text: String, _ bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: max(0, bytesMax))
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// ISO 8601, as `PT1.234S`.
    static func elapsed(from start: Timestamp, to end: Timestamp) -> String {
        let milliseconds = max(0, (end - start).microseconds / 1000)
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        return "PT\(milliseconds / 1000).\(fraction)S"
    }
}

extension StepRecord {
    var combinedOutput: String { CommandOutput.combined(standardOutput, standardError) }

    /// The API's `CommandPlugin`.
    func json(of command: CommandRecord, on node: String, _ links: OutputLinks) -> JSON {
        let destinations = command.destinations
        var body: JSON = [
            "Name": .string(name), "Status": .string(status), "StatusDetails": .string(status),
            "ResponseCode": .integer(code), "Output": .string(combinedOutput),
            "StandardOutputUrl": .string(links.url(of: self, "stdout", command, node)),
            "StandardErrorUrl": .string(links.url(of: self, "stderr", command, node)),
            "OutputS3Region": .string(destinations.region), "OutputS3BucketName": .string(destinations.bucket),
            "OutputS3KeyPrefix": .string(
                destinations.bucket.isEmpty
                    ? "" : destinations.objectKey(command.id, node, step: name, action: action, stream: nil)),
        ]
        body["ResponseStartDateTime"] = start.map { JSON(epoch: $0) }
        body["ResponseFinishDateTime"] = end.map { JSON(epoch: $0) }
        return body
    }
}

/// Where outputs can be read outside.
struct OutputLinks: Sendable {
    /// Nil where there is no storage for objects.
    let store: (any ObjectStore)?

    /// Empty where the output goes to no bucket.
    func url(of step: StepRecord, _ stream: String, _ command: CommandRecord, _ node: String) -> String {
        let destinations = command.destinations
        guard let store, !destinations.bucket.isEmpty else { return "" }
        let key = destinations.objectKey(command.id, node, step: step.name, action: step.action, stream: stream)
        return store.url(bucket: destinations.bucket, key: key, region: destinations.region)
    }
}

extension InvocationRecord {
    /// The API's `CommandInvocation`.
    /// - Parameter hasDetails: Whether to tell of the steps.
    func json(of command: CommandRecord, hasDetails: Bool, _ links: OutputLinks) -> JSON {
        let onlyStep = command.steps.count == 1 ? steps.first : nil
        let plugins = hasDetails ? steps.map { $0.json(of: command, on: node, links) } : []
        return [
            "CommandId": .string(command.id.description), "InstanceId": .string(node),
            "InstanceName": .string(nodeName), "Comment": .string(command.comment),
            "DocumentName": .string(command.documentName), "DocumentVersion": .string(command.documentVersion),
            "RequestedDateTime": JSON(epoch: command.requestedAt), "Status": .string(status.status),
            "StatusDetails": .string(status.rawValue), "TraceOutput": .string(onlyStep?.combinedOutput ?? message),
            "StandardOutputUrl": .string(onlyStep.map { links.url(of: $0, "stdout", command, node) } ?? ""),
            "StandardErrorUrl": .string(onlyStep.map { links.url(of: $0, "stderr", command, node) } ?? ""),
            "CommandPlugins": .array(plugins), "ServiceRole": .string(command.destinations.serviceRole),
            "NotificationConfig": command.destinations.notificationJSON,
            "CloudWatchOutputConfig": command.destinations.logJSON,
        ]
    }

    /// The answer of `GetCommandInvocation` for one step.
    func json(of command: CommandRecord, step name: String, _ links: OutputLinks) -> JSON {
        let step = steps.first { $0.name == name }
        let isOnlyStep = command.steps.count == 1
        let details = isOnlyStep ? status.rawValue : step?.status ?? status.rawValue
        var error = step?.standardError ?? ""
        if step == nil && status.isTerminal { error = message }
        var elapsed = ""
        if let start = step?.start, let end = step?.end { elapsed = CommandOutput.elapsed(from: start, to: end) }
        return [
            "CommandId": .string(command.id.description), "InstanceId": .string(node),
            "Comment": .string(command.comment), "DocumentName": .string(command.documentName),
            "DocumentVersion": .string(command.documentVersion), "PluginName": .string(name),
            "ResponseCode": .integer(step?.code ?? -1),
            "ExecutionStartDateTime": .string(step?.start?.millisecondDescription ?? ""),
            "ExecutionElapsedTime": .string(elapsed),
            "ExecutionEndDateTime": .string(step?.end?.millisecondDescription ?? ""),
            "Status": .string(isOnlyStep ? status.status : step?.status ?? status.status),
            "StatusDetails": .string(details),
            "StandardOutputContent": .string(
                CommandOutput.first(CommandOutput.standardOutputMax, of: step?.standardOutput ?? "")),
            "StandardOutputUrl": .string(step.map { links.url(of: $0, "stdout", command, node) } ?? ""),
            "StandardErrorContent": .string(CommandOutput.first(CommandOutput.standardErrorMax, of: error)),
            "StandardErrorUrl": .string(step.map { links.url(of: $0, "stderr", command, node) } ?? ""),
            "CloudWatchOutputConfig": command.destinations.logJSON,
        ]
    }
}
