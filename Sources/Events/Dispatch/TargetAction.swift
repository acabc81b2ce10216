internal import API
internal import Core

/// What a target's ARN asks for.
enum TargetAction: Sendable, Hashable {
    /// A command document on nodes: `arn:aws:ssm:…:document/NAME`.
    case runCommand(document: String, targets: JSON)
    /// A runbook: `arn:aws:ssm:…:automation-definition/NAME:VERSION`.
    case startAutomation(document: String, version: String?)
    /// `arn:aws:sns:…:NAME`.
    case publish(topicARN: String)
    /// `arn:aws:events:…:event-bus/NAME`.
    case forward(bus: String)
    /// `arn:aws:logs:…:log-group:NAME`.
    case log(group: String)

    /// - Throws: `ServiceError` `.validation` for an ARN of a kind that OpsBus cannot call.
    init(_ target: Target) throws(ServiceError) {
        let arn = target.arn
        switch arn.service {
        case "ssm":
            if let document = arn.name(ofType: "document") {
                guard let targets = target.runCommandTargets else {
                    throw TargetAction.invalid(
                        target, "a command document needs RunCommandParameters with the nodes to run it on")
                }
                self = .runCommand(document: document, targets: targets)
                return
            }
            if let definition = arn.name(ofType: "automation-definition") {
                let parts = definition.split(separator: ":", maxSplits: 1).map(String.init)
                self = .startAutomation(document: parts[0], version: parts.count > 1 ? parts[1] : nil)
                return
            }
        case "sns" where !arn.resource.contains(":") && !arn.resource.contains("/"):
            self = .publish(topicARN: arn.description)
            return
        case "events":
            if let bus = arn.name(ofType: "event-bus") {
                self = .forward(bus: bus)
                return
            }
        case "logs":
            if let group = arn.name(ofType: "log-group") {
                self = .log(group: group.hasSuffix(":*") ? String(group.dropLast(2)) : group)
                return
            }
        default: break
        }
        throw TargetAction.invalid(
            target,
            "OpsBus cannot call \(arn); it calls ssm documents (document/…, automation-definition/…), sns topics, "
                + "event buses (event-bus/…) and log groups (log-group:…)")
    }

    private static func invalid(_ target: Target, _ reason: String) -> ServiceError {
        ServiceError(.validation, "Parameter Arn of target \(target.id) is not valid. Reason: \(reason).")
    }
}
