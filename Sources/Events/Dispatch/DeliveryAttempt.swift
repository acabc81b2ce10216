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
    let gate: DeliveryGate
    let causes: CauseChain
    let logs: BusLog
    let account: Account
    let clock: any Clock

    struct Result: Sendable {
        var target: Target?
        var operation: String?
        var output: JSON?
        var failure: TargetFailure?
        /// When the attempt, which was not made, may be; and whether that is a turn taken at a rate.
        var postponed: (due: Timestamp, hasTurn: Bool)?
        /// What the target was given, where that could be made.
        var text: String?
        /// When the target was called, and when it had answered; nil where it was not called.
        var called: (start: Timestamp, end: Timestamp?)?
        /// What the target answered, in full.
        var answer: JSON?
        /// What the target's breaker did for this.
        var breaker: CircuitBreaker.Change?
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
        guard target.arn.account == account.id else {
            result.failure = TargetFailure(
                code: "NO_RESOURCE",
                message: "\(target.arn) is of another account; OpsBus has one, \(account.id), and calls no others.")
            return result
        }
        do {
            try await checkHops(entry)
            let event = try JSON(parsing: entry.payload)
            let action = try TargetAction(target)
            result.postponed = try await postponement(delivery, rule, target, action)
            if result.postponed != nil { return result }
            try await invoke(Attempt(target, rule, delivery, entry, event, action), &result)
        } catch {
            result.failure = TargetFailure(any: error)
            if result.called != nil, result.called?.end == nil { result.called?.end = clock.now }
        }
        result.breaker = gate.record(target: target.arn.description, failure: result.failure, now: clock.now)
        return result
    }

    private func fail(_ code: String, _ message: String) -> Result {
        Result(failure: TargetFailure(code: code, message: message))
    }

    private func checkHops(_ entry: StreamEntry) async throws {
        guard entry.hops >= Limits.eventHopsMax else { return }
        throw TargetFailure(
            code: "HOP_LIMIT_EXCEEDED",
            message: "The event is the result of a chain of \(entry.hops) rules; the limit is \(Limits.eventHopsMax). "
                + "Is a rule matching what its own target causes? The chain, from the last cause to the first: "
                + (await causes.description(of: entry)))
    }

    /// When the attempt may be made, where that is not now.
    private func postponement(
        _ delivery: Delivery, _ rule: Rule, _ target: Target, _ action: TargetAction
    ) async throws -> (due: Timestamp, hasTurn: Bool)? {
        let arn = target.arn.description
        if let wait = gate.admit(rule, target: arn, hasTurn: delivery.hasTurn, now: clock.now) { return wait }
        guard case .request(let destination, _) = action, !delivery.hasTurn, let destinations = targets.destinations
        else { return nil }
        let due = try await destinations.reserve(destination)
        return due > clock.now ? (due, true) : nil
    }

    /// What one attempt is about.
    private struct Attempt {
        let target: Target
        let rule: Rule
        let delivery: Delivery
        let entry: StreamEntry
        let event: JSON
        let action: TargetAction

        init(
            _ target: Target, _ rule: Rule, _ delivery: Delivery, _ entry: StreamEntry, _ event: JSON,
            _ action: TargetAction
        ) {
            self.target = target
            self.rule = rule
            self.delivery = delivery
            self.entry = entry
            self.event = event
            self.action = action
        }
    }

    private func invoke(_ attempt: Attempt, _ result: inout Result) async throws {
        let (rule, delivery) = (attempt.rule, attempt.delivery)
        if case .forward(let bus) = attempt.action {
            begin(attempt, text: String(decoding: attempt.entry.payload, as: UTF8.self), &result)
            try await forward(attempt, to: bus)
            result.called?.end = clock.now
            result.operation = "events:PutEvents"
            result.output = ["EventBusName": .string(bus.name(ofType: "event-bus") ?? "")]
            return
        }
        let input = attempt.target.input
        let text = try input.render(
            event: attempt.event,
            context: TargetInput.Context(
                ruleARN: rule.arn(in: account), ruleName: rule.name, ingestionTime: delivery.created))
        result.text = text
        begin(attempt, text: text, &result)
        let request = TargetRequest(
            text: text, isEventItself: input.isEvent, token: delivery.invocationID,
            comment: "event \(delivery.eventID)", origin: rule.name, time: delivery.created,
            traceHeader: attempt.entry.traceHeader.flatMap { trace in
                trace.utf8.allSatisfy { (0x20...0x7E).contains($0) } ? trace : nil
            },
            hasTurn: true,
            context: OperationContext(
                principal: Principal("rule/\(rule.name)"), cause: delivery.subject, hops: attempt.entry.hops + 1))
        let (operation, output) = try await targets.call(attempt.action.filled(from: attempt.event), request)
        result.called?.end = clock.now
        result.operation = operation
        result.answer = output
        result.output = TargetCall.summary(of: output)
    }

    private func begin(_ attempt: Attempt, text: @autoclosure () -> String, _ result: inout Result) {
        let now = clock.now
        result.called = (now, nil)
        logs.noteStart(attempt.delivery, attempt.target, at: now, text)
    }

    /// Puts the event as it is on another bus: same id, time and account, one hop more.
    private func forward(_ attempt: Attempt, to bus: ARN) async throws {
        let (delivery, event) = (attempt.delivery, attempt.event)
        let source = event["source"]?.string ?? ""
        let detailType = event["detail-type"]?.string ?? ""
        guard let name = ingest.busName(bus.description) else {
            throw ServiceError(.resourceNotFound, "Event bus \(bus) does not exist.")
        }
        let principal = Principal("rule/\(delivery.rule)")
        if let refusal = ingest.refusal(
            of: principal, bus: name, source: source, detailType: detailType,
            rule: attempt.rule.arn(in: account).description)
        {
            throw ServiceError(.accessDenied, refusal)
        }
        var forwarded = attempt.entry
        forwarded.bus = name
        forwarded.hops += 1
        forwarded.cause = delivery.subject
        forwarded.principal = principal
        forwarded.onlyRule = nil
        forwarded.hasPublisherIdentifier = true
        let topic = StreamTopic.event(bus: name, source: source, detailType: detailType)
        try await ingest.forward(forwarded, because: delivery.subject, topic: topic)
    }
}
