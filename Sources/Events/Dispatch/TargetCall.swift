internal import API
internal import Core

/// The operation that delivers to a target, and its input.
struct TargetCall {
    let operation: String
    let input: JSON

    /// - Parameters:
    ///   - text: What the target shall receive.
    ///   - isEventItself: Whether that is the event untouched. Documents get nothing from an untouched event: their
    ///     parameters come from Input, InputPath or InputTransformer alone.
    /// - Throws: `DeliveryAttempt.Failure` where the input cannot be a document's parameters.
    init(_ action: TargetAction, input text: String, isEventItself: Bool, _ delivery: Delivery) throws {
        // The same delivery makes the same token, so that an attempt repeated after a crash is not a second command.
        let token: JSON = .string(TargetCall.token(of: delivery.identifier).description)
        switch action {
        case .runCommand(let document, let targets):
            operation = "ssm:SendCommand"
            input = [
                "DocumentName": .string(document), "Targets": targets, "ClientToken": token,
                "Parameters": try TargetCall.parameters(isEventItself ? "{}" : text),
                "Comment": .string(String("event \(delivery.eventID)".prefix(100))),
            ]
        case .startAutomation(let document, let version):
            operation = "ssm:StartAutomationExecution"
            var input: JSON = [
                "DocumentName": .string(document), "ClientToken": token,
                "Parameters": try TargetCall.parameters(isEventItself ? "{}" : text),
            ]
            input["DocumentVersion"] = version.map { .string($0) }
            self.input = input
        case .publish(let topicARN):
            operation = "sns:Publish"
            input = ["TopicArn": .string(topicARN), "Message": .string(text), "OpsBusMessageId": token]
        case .log(let group):
            operation = "logs:PutLogEvents"
            input = [
                "logGroupName": .string(group), "logStreamName": .string(delivery.rule),
                "logEvents": [["timestamp": .integer(delivery.created.microseconds / 1000), "message": .string(text)]],
                "OpsBusToken": token,
            ]
        case .forward:
            preconditionFailure("an event bus is no operation's target")
        }
    }

    /// A UUID that is always the same for the same text.
    static func token(of text: String) -> Identifier {
        let digest = Digest(after: .zero, of: Array(text.utf8)).bytes
        func word(_ offset: Int) -> UInt64 { digest[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return Identifier(high: word(0) & ~0xF000 | 0x8000, low: word(8) & ~(3 << 62) | 1 << 63)
    }

    /// Document parameters, `{"name": ["value", …]}`; a bare value is taken as a list of one.
    private static func parameters(_ text: String) throws -> JSON {
        guard let json = try? JSON(parsing: text), let object = json.object else {
            throw DeliveryAttempt.Failure(
                code: "INVALID_PARAMETER",
                message: "The target's input must be an object of document parameters, such as "
                    + #"{"commands":["uptime"]}; it is: "# + String(text.prefix(200)),
                isRetryable: false)
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
        for name in ["AutomationExecutionId", "MessageId"] { summary[name] = output[name] }
        return summary
    }
}
