internal import API
internal import Core

/// What a target's ARN asks for.
enum TargetAction: Sendable, Hashable {
    /// A command document on nodes: `arn:aws:ssm:…:document/NAME`.
    case runCommand(document: String, nodes: JSON)
    /// A runbook: `arn:aws:ssm:…:automation-definition/NAME:VERSION`.
    case startAutomation(document: String, version: String?)
    /// `arn:aws:sns:…:NAME`.
    case publish(topicARN: String)
    /// `arn:aws:sqs:…:NAME`, with the message group of a FIFO queue.
    case send(queue: ARN, group: String?)
    /// `arn:aws:lambda:…:function:NAME`, perhaps with `:QUALIFIER`.
    case invoke(functionARN: String, waitsForAnswer: Bool)
    /// `arn:aws:events:…:event-bus/NAME`, for the event as it is.
    case forward(bus: ARN)
    /// The same for an event that is made of the input.
    case putEvent(bus: ARN, TargetParameters.Envelope)
    /// `arn:aws:events:…:api-destination/NAME/UUID`.
    case request(destination: ARN, DestinationParameters)
    /// `arn:aws:logs:…:log-group:NAME`; the stream is the caller's name where none is given.
    case log(group: String, stream: String?)

    /// - Parameters:
    ///   - arn: Region and account filled in.
    ///   - place: Names the target in errors: `target 1`.
    /// - Throws: `ServiceError` `.validation` for an ARN of a kind that OpsBus cannot call.
    init(_ arn: ARN, _ parameters: TargetParameters, at place: String) throws(ServiceError) {
        guard let action = try TargetAction.action(arn, parameters, place) else {
            throw TargetAction.invalid(
                place,
                "OpsBus cannot call \(arn); it calls ssm documents (document/…, automation-definition/…), sns topics, "
                    + "sqs queues, lambda functions (function:…), event buses (event-bus/…), API destinations "
                    + "(api-destination/…) and log groups (log-group:…)")
        }
        self = action
    }

    private static func action(
        _ arn: ARN, _ parameters: TargetParameters, _ place: String
    ) throws(ServiceError) -> TargetAction? {
        switch arn.service {
        case "ssm":
            if let document = arn.name(ofType: "document") {
                guard let nodes = parameters.nodes else {
                    throw invalid(place, "a command document needs RunCommandParameters with the nodes to run it on")
                }
                return .runCommand(document: document, nodes: nodes)
            }
            guard let definition = arn.name(ofType: "automation-definition") else { return nil }
            let parts = definition.split(separator: ":", maxSplits: 1).map(String.init)
            guard let document = parts.first else { return nil }
            return .startAutomation(document: document, version: parts.count > 1 ? parts[1] : nil)
        case "sns" where isPlainName(arn.resource):
            return .publish(topicARN: arn.description)
        case "sqs" where isPlainName(arn.resource):
            if arn.resource.hasSuffix(".fifo") && parameters.messageGroup == nil {
                throw invalid(place, "a FIFO queue needs SqsParameters with MessageGroupId")
            }
            return .send(queue: arn, group: parameters.messageGroup)
        case "lambda":
            guard arn.name(ofType: "function") != nil else { return nil }
            return .invoke(functionARN: arn.description, waitsForAnswer: parameters.waitsForAnswer)
        case "events":
            if arn.name(ofType: "api-destination") != nil {
                guard let http = parameters.http else {
                    throw invalid(place, "API destinations are targets of rules and pipes")
                }
                return .request(destination: arn, http)
            }
            guard arn.name(ofType: "event-bus") != nil else { return nil }
            return parameters.envelope.map { .putEvent(bus: arn, $0) } ?? .forward(bus: arn)
        case "logs":
            guard let group = arn.name(ofType: "log-group") else { return nil }
            return .log(
                group: group.hasSuffix(":*") ? String(group.dropLast(2)) : group, stream: parameters.logStream)
        default: return nil
        }
    }

    private static func isPlainName(_ resource: String) -> Bool {
        !resource.contains(":") && !resource.contains("/")
    }

    private static func invalid(_ place: String, _ reason: String) -> ServiceError {
        ServiceError(.validation, "Parameter Arn of \(place) is not valid. Reason: \(reason).")
    }
}

extension TargetAction {
    /// What a rule's target asks for.
    init(_ target: Target) throws(ServiceError) {
        try self.init(target.arn, target.parameters, at: "target \(target.id)")
    }
}
