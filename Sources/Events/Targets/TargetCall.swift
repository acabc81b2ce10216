internal import API
internal import Core

/// The operation that delivers to a target, and its input.
struct TargetCall {
    let operation: String
    let input: JSON

    /// - Throws: `TargetFailure` where the text cannot be what the target takes.
    init(_ action: TargetAction, _ request: TargetRequest) throws(TargetFailure) {
        let token: JSON = .string(request.token.description)
        let text: JSON = .string(request.text)
        switch action {
        case .runCommand(let document, let nodes):
            operation = "ssm:SendCommand"
            input = [
                "DocumentName": .string(document), "Targets": nodes, "ClientToken": token,
                "Parameters": try TargetCall.parameters(request),
                "Comment": .string(String(request.comment.prefix(100))),
            ]
        case .startAutomation(let document, let version):
            operation = "ssm:StartAutomationExecution"
            var input: JSON = [
                "DocumentName": .string(document), "ClientToken": token,
                "Parameters": try TargetCall.parameters(request),
            ]
            input["DocumentVersion"] = version.map { .string($0) }
            self.input = input
        case .publish(let topicARN):
            operation = "sns:Publish"
            input = ["TopicArn": .string(topicARN), "Message": text, "OpsBusMessageId": token]
        case .send(let queue, let group):
            operation = "sqs:SendMessage"
            var input = TargetCall.message(text, to: queue, group: group, token: request.token)
            if let trace = request.traceHeader {
                input["MessageSystemAttributes"] = [
                    "AWSTraceHeader": ["DataType": "String", "StringValue": .string(trace)]
                ]
            }
            self.input = input
        case .invoke(let functionARN, let waitsForAnswer):
            operation = "lambda:Invoke"
            input = [
                "FunctionName": .string(functionARN), "Payload": text,
                "InvocationType": waitsForAnswer ? "RequestResponse" : "Event", "OpsBusToken": token,
            ]
        case .log(let group, let stream):
            operation = "logs:PutLogEvents"
            input = [
                "logGroupName": .string(group), "logStreamName": .string(stream ?? request.origin),
                "logEvents": [["timestamp": .integer(request.time.microseconds / 1000), "message": text]],
                "OpsBusToken": token,
            ]
        case .putEvent(let bus, let envelope):
            operation = "events:PutEvents"
            input = TargetCall.putEvents(request, bus, envelope)
        case .request(let destination, _):
            preconditionFailure("\(destination) is no operation's target")
        case .forward(let bus):
            throw TargetFailure(
                code: "INVALID_PARAMETER", message: "Event bus \(bus) needs a source and a detail-type for this input.")
        }
    }

    /// The input of `sqs:SendMessage`. Which messages a FIFO queue takes for repeats is its own affair; the same
    /// token sends once to any queue.
    static func message(_ body: JSON, to queue: ARN, group: String?, token: Identifier) -> JSON {
        var input: JSON = [
            "QueueUrl": .string("https://sqs.\(queue.region).amazonaws.com/\(queue.account)/\(queue.resource)"),
            "MessageBody": body, "OpsBusMessageId": .string(token.description),
        ]
        input["MessageGroupId"] = group.map { .string($0) }
        return input
    }

    private static func putEvents(
        _ request: TargetRequest, _ bus: ARN, _ envelope: TargetParameters.Envelope
    ) -> JSON {
        var entry: JSON = [
            "EventBusName": .string(bus.description), "Source": .string(envelope.source),
            "DetailType": .string(envelope.detailType), "Detail": .string(request.text),
            "Resources": .array(envelope.resources.map { .string($0) }),
            "OpsBusEventId": .string(request.token.description),
        ]
        entry["Time"] = envelope.time.map { .string($0) }
        return ["Entries": [entry]]
    }

    /// A UUID that is always the same for the same text.
    static func token(of text: String) -> Identifier {
        let digest = Digest(after: .zero, of: Array(text.utf8)).bytes
        func word(_ offset: Int) -> UInt64 { digest[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return Identifier(high: word(0) & ~0xF000 | 0x8000, low: word(8) & ~(3 << 62) | 1 << 63)
    }

    /// Document parameters, `{"name": ["value", …]}`; a bare value is taken as a list of one.
    private static func parameters(_ request: TargetRequest) throws(TargetFailure) -> JSON {
        if request.isEventItself { return [:] }
        guard let json = try? JSON(parsing: request.text), let object = json.object else {
            throw TargetFailure(
                code: "INVALID_PARAMETER",
                message: "The target's input must be an object of document parameters, such as "
                    + #"{"commands":["uptime"]}; it is: "# + String(request.text.prefix(200)))
        }
        return .object(JSONObject(object.map { .init(key: $0.key, value: argument($0.value)) }))
    }

    /// A document parameter's value as the operations take it: a list of texts.
    static func argument(_ value: JSON) -> JSON {
        .array((value.array ?? [value]).map { .string($0.string ?? $0.text) })
    }

    /// What the audit log keeps of an output: its identifiers, which lead to the rest.
    static func summary(of output: JSON) -> JSON {
        var summary: JSON = [:]
        summary["CommandId"] = output["Command"]?["CommandId"]
        for name in ["AutomationExecutionId", "MessageId", "StatusCode"] { summary[name] = output[name] }
        return summary
    }
}
