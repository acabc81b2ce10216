public import Core

/// A command as it travels to a node: the body of `Run`.
public struct NodeCommand: Sendable, Hashable {
    public var id: Identifier
    public var documentName: String
    /// The document's text, JSON or YAML.
    public var document: String
    /// Arguments as in the API: name to list of strings.
    public var parameters: JSON
    /// From then on the node must not start it.
    public var expiresAt: Timestamp
    /// Whether all output is wanted as it is written, however much: the script then waits where the server is slow.
    public var streamsOutput: Bool
    /// Of each output of a step, what the server keeps; what is beyond is not sent, unless all of it is wanted.
    public var outputBytesMax: Int

    /// Room beyond it for the line that says where output was cut.
    public static let outputMarkBytesMax = 128
    /// What the server keeps where it does not say.
    public static let outputBytesDefault = 16 << 20

    public init(
        id: Identifier, documentName: String, document: String, parameters: JSON, expiresAt: Timestamp,
        streamsOutput: Bool = false, outputBytesMax: Int = NodeCommand.outputBytesDefault
    ) {
        self.id = id
        self.documentName = documentName
        self.document = document
        self.parameters = parameters
        self.expiresAt = expiresAt
        self.streamsOutput = streamsOutput
        self.outputBytesMax = outputBytesMax
    }

    /// Nil where a member is missing or of another type.
    public init?(_ body: JSON) {
        guard let id = body["CommandId"]?.string.flatMap({ Identifier($0) }), let name = body["DocumentName"]?.string,
            let document = body["Document"]?.string, let expiresAt = body["ExpiresAt"]?.timestamp
        else { return nil }
        self.init(
            id: id, documentName: name, document: document, parameters: body["Parameters"] ?? [:],
            expiresAt: expiresAt, streamsOutput: body["StreamOutput"]?.bool ?? false,
            outputBytesMax: max(0, body["OutputBytesMax"]?.int ?? NodeCommand.outputBytesDefault))
    }

    public var json: JSON {
        [
            "CommandId": .string(id.description), "DocumentName": .string(documentName),
            "Document": .string(document), "Parameters": parameters,
            "ExpiresAt": .string(expiresAt.millisecondDescription), "StreamOutput": .bool(streamsOutput),
            "OutputBytesMax": .integer(outputBytesMax),
        ]
    }
}

/// A place in a step's output: the body of `Output`, whose payload is what comes there, and of `OutputCredit`.
public struct NodeOutput: Sendable, Hashable {
    public var command: Identifier
    public var step: String
    /// `stdout` or `stderr`
    public var stream: String
    /// Bytes of this output before the place. A gap is output that could not be kept while the link was down.
    public var offset: Int

    public init(command: Identifier, step: String, stream: String, offset: Int) {
        self.command = command
        self.step = step
        self.stream = stream
        self.offset = offset
    }

    public init?(_ body: JSON) {
        guard let command = body["CommandId"]?.string.flatMap({ Identifier($0) }), let step = body["StepName"]?.string,
            let stream = body["Stream"]?.string, let offset = body["Offset"]?.int
        else { return nil }
        self.init(command: command, step: step, stream: stream, offset: offset)
    }

    public var json: JSON {
        [
            "CommandId": .string(command.description), "StepName": .string(step), "Stream": .string(stream),
            "Offset": .integer(offset),
        ]
    }
}

/// How one step of a command ended.
public struct StepReport: Sendable, Hashable {
    /// The API's `CommandPluginStatus` of a step that is done.
    public enum Status: String, Sendable, Hashable, CaseIterable {
        case success = "Success"
        case failed = "Failed"
        case timedOut = "TimedOut"
        case cancelled = "Cancelled"
    }

    public var name: String
    /// `aws:runShellScript`
    public var action: String
    public var status: Status
    /// The exit code; -1 where there is none.
    public var code: Int
    /// At most 24,000 bytes each.
    public var standardOutput: String
    public var standardError: String
    /// Nil where the step was not started.
    public var start: Timestamp?
    public var end: Timestamp

    public init(
        name: String, action: String, status: Status, code: Int, standardOutput: String = "",
        standardError: String = "", start: Timestamp?, end: Timestamp
    ) {
        self.name = name
        self.action = action
        self.status = status
        self.code = code
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.start = start
        self.end = end
    }

    /// Nil where a member is missing or of another type.
    public init?(_ body: JSON) {
        guard let name = body["StepName"]?.string, let action = body["Action"]?.string,
            let status = body["Status"]?.string.flatMap(Status.init(rawValue:)), let code = body["ResponseCode"]?.int,
            let end = body["EndTime"]?.timestamp
        else { return nil }
        self.init(
            name: name, action: action, status: status, code: code,
            standardOutput: body["StandardOutput"]?.string ?? "", standardError: body["StandardError"]?.string ?? "",
            start: body["StartTime"]?.timestamp, end: end)
    }

    public var json: JSON {
        var body: JSON = [
            "StepName": .string(name), "Action": .string(action), "Status": .string(status.rawValue),
            "ResponseCode": .integer(code), "StandardOutput": .string(standardOutput),
            "StandardError": .string(standardError),
        ]
        body["StartTime"] = start.map { .string($0.millisecondDescription) }
        body["EndTime"] = .string(end.millisecondDescription)
        return body
    }
}

/// How a command ended on a node: the body of `Finished`.
public struct CommandReport: Sendable, Hashable {
    public enum Outcome: String, Sendable, Hashable, CaseIterable {
        case success = "Success"
        case failed = "Failed"
        case executionTimedOut = "ExecutionTimedOut"
        case cancelled = "Cancelled"
        /// It came after its time and was not started.
        case deliveryTimedOut = "DeliveryTimedOut"
    }

    public var command: Identifier
    public var outcome: Outcome
    /// Why, where the steps do not say it; else empty.
    public var message: String
    public var steps: [StepReport]

    public init(command: Identifier, outcome: Outcome, message: String = "", steps: [StepReport] = []) {
        self.command = command
        self.outcome = outcome
        self.message = message
        self.steps = steps
    }

    /// Nil where a member is missing or of another type.
    public init?(_ body: JSON) {
        guard let command = body["CommandId"]?.string.flatMap({ Identifier($0) }),
            let outcome = body["StatusDetails"]?.string.flatMap(Outcome.init(rawValue:))
        else { return nil }
        let steps = (body["Steps"]?.array ?? []).map { StepReport($0) }
        guard steps.allSatisfy({ $0 != nil }) else { return nil }
        self.init(
            command: command, outcome: outcome, message: body["Message"]?.string ?? "", steps: steps.compactMap { $0 })
    }

    public var json: JSON {
        [
            "CommandId": .string(command.description), "StatusDetails": .string(outcome.rawValue),
            "Message": .string(message), "Steps": .array(steps.map(\.json)),
        ]
    }
}
