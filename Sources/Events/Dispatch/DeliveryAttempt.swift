internal import API
internal import Core
internal import Platform
internal import Storage

/// Calls the target of a delivery once.
struct DeliveryAttempt: Sendable {
    /// The rules as they are now: a delivery uses its rule's present target, and none once the rule is disabled.
    let rule: @Sendable (_ bus: String, _ name: String) async -> Rule?
    let targets: TargetCaller
    let ingest: EventIngest
    let account: Account
    let clock: any Clock

    struct Result: Sendable {
        var target: Target?
        var operation: String?
        var output: JSON?
        var failure: TargetFailure?
    }

    /// Who delivers, and why.
    func context(of delivery: Delivery) -> OperationContext {
        OperationContext(
            principal: Principal("rule/\(delivery.rule)"), cause: delivery.eventSubject,
            hops: delivery.entry?.hops ?? 0)
    }

    func run(_ delivery: Delivery) async -> Result {
        guard let entry = delivery.entry else {
            return fail("NO_EVENT", "The event is no longer in the journal.")
        }
        guard let rule = await rule(delivery.bus, delivery.rule) else {
            return fail("NO_RULE", "Rule \(delivery.rule) does not exist any more on bus \(delivery.bus).")
        }
        guard rule.state.isEnabled else { return fail("RULE_DISABLED", "Rule \(delivery.rule) is disabled.") }
        guard let target = rule.targets.first(where: { $0.id == delivery.target }) else {
            return fail("NO_TARGET", "Rule \(delivery.rule) has no target \(delivery.target) any more.")
        }
        var result = Result(target: target)
        do {
            try checkHops(entry)
            let call = try await invoke(target, rule, delivery, entry)
            result.operation = call.operation
            result.output = call.output
        } catch {
            result.failure = TargetFailure(any: error)
        }
        return result
    }

    private func fail(_ code: String, _ message: String) -> Result {
        Result(failure: TargetFailure(code: code, message: message))
    }

    private func checkHops(_ entry: StreamEntry) throws {
        guard entry.hops >= Limits.eventHopsMax else { return }
        throw TargetFailure(
            code: "HOP_LIMIT_EXCEEDED",
            message: "The event is the result of a chain of \(entry.hops) rules, the last cause being "
                + "\(entry.cause?.description ?? "unknown"); the limit is \(Limits.eventHopsMax). "
                + "Is a rule matching what its own target causes?")
    }

    private func invoke(
        _ target: Target, _ rule: Rule, _ delivery: Delivery, _ entry: StreamEntry
    ) async throws -> (operation: String, output: JSON) {
        let event = try JSON(parsing: entry.payload)
        let action = try TargetAction(target)
        if case .forward(let bus) = action {
            try await forward(entry, event, to: bus, delivery)
            return ("events:PutEvents", ["EventBusName": .string(bus)])
        }
        let text = try target.input.render(
            event: event,
            context: TargetInput.Context(
                ruleARN: rule.arn(in: account), ruleName: rule.name, ingestionTime: delivery.created))
        let request = TargetRequest(
            text: text, isEventItself: target.input.isEvent, token: TargetCall.token(of: delivery.identifier),
            comment: "event \(delivery.eventID)", origin: rule.name, time: delivery.created,
            context: OperationContext(
                principal: Principal("rule/\(rule.name)"), cause: delivery.subject, hops: entry.hops + 1))
        let (operation, output) = try await targets.call(action, request)
        return (operation, TargetCall.summary(of: output))
    }

    /// Puts the event as it is on another bus: same id, time and account, one hop more.
    private func forward(_ entry: StreamEntry, _ event: JSON, to bus: String, _ delivery: Delivery) async throws {
        guard ingest.hasBus(bus) else {
            throw ServiceError(.resourceNotFound, "Event bus \(bus) does not exist.")
        }
        var forwarded = entry
        forwarded.bus = bus
        forwarded.hops += 1
        forwarded.cause = delivery.subject
        forwarded.principal = Principal("rule/\(delivery.rule)")
        forwarded.onlyRule = nil
        forwarded.hasPublisherIdentifier = true
        let topic = StreamTopic.event(
            bus: bus, source: event["source"]?.string ?? "", detailType: event["detail-type"]?.string ?? "")
        try await ingest.forward(forwarded, because: delivery.subject, topic: topic)
    }
}
