public import Core
internal import API
internal import Patterns

/// A test of a rule, kept beside it: a sample event, whether it must match, and what targets must receive.
public struct RuleTest: Sendable, Hashable {
    public struct Expectation: Sendable, Hashable {
        public var target: String
        /// Compared as JSON; a text is also compared with an input that is no JSON.
        public var input: JSON
    }

    public var name: String
    /// Envelope members that are not given are filled in.
    public var event: JSON
    public var mustMatch: Bool
    public var targets: [Expectation]
    public var file: String
    public var position: TextPosition

    static let members = ["Name", "Event", "Matches", "Targets"]

    /// What happened; `failure` is nil where the test passed.
    public struct Outcome: Sendable, Hashable {
        public var rule: String
        public var test: RuleTest
        public var failure: String?
    }

    /// Runs the test without a server.
    public func run(_ rule: Rule, account: Account) -> Outcome {
        Outcome(rule: rule.name, test: self, failure: failure(rule, account))
    }

    private func failure(_ rule: Rule, _ account: Account) -> String? {
        let event = RuleTest.completed(event, rule, account)
        do {
            let silence = try silence(rule, event)
            if mustMatch, let silence { return "should match, but \(silence)" }
            if !mustMatch && silence == nil { return "should not match, but does" }
        } catch {
            return "\(error)"
        }
        for expectation in targets {
            if let failure = failure(expectation, rule, event, account) { return failure }
        }
        return nil
    }

    /// Why the event does not fire the rule; nil where it does. With a schedule and a pattern it fires by either.
    private func silence(_ rule: Rule, _ event: JSON) throws -> String? {
        var reasons: [String] = []
        if let schedule = rule.scheduleExpression {
            guard let reason = try silence(schedule, event) else { return nil }
            reasons.append(reason)
        }
        if let text = rule.eventPattern {
            let explanation = try Pattern(parsing: text).explain(event.bytes)
            if explanation.matches { return nil }
            reasons.append("\(explanation)")
        }
        return reasons.joined(separator: "; ")
    }

    /// Why the schedule does not make the event: it makes Scheduled Events at the times when it is due. A rate counts
    /// from the rule's creation, which a file does not know; it is taken to be due, and so is an event without a time.
    private func silence(_ schedule: String, _ event: JSON) throws -> String? {
        guard event["source"] == "aws.events", event["detail-type"] == "Scheduled Event" else {
            return "the schedule \(schedule) makes events of source aws.events and detail-type Scheduled Event only"
        }
        let expression = try ScheduleExpression(parsing: schedule)
        guard let time = self.event["time"] else { return nil }
        guard let due = time.timestamp else { return "\(time) is not a time such as 2026-03-01T02:30:00Z" }
        if case .rate = expression { return nil }
        let next = expression.next(after: Timestamp(microseconds: due.microseconds - 1), anchor: due)
        if next == due { return nil }
        let hint = next.map { "the next time is \($0)" } ?? "it never is again"
        return "\(schedule) is not due at \(due); \(hint)"
    }

    private func failure(
        _ expectation: Expectation, _ rule: Rule, _ event: JSON, _ account: Account
    ) -> String? {
        guard let target = rule.targets.first(where: { $0.id == expectation.target }) else {
            return "the rule has no target \(expectation.target)"
        }
        do {
            let time = event["time"]?.timestamp ?? Timestamp(seconds: 0)
            let received = try target.input.render(
                event: event,
                context: TargetInput.Context(ruleARN: rule.arn(in: account), ruleName: rule.name, ingestionTime: time))
            let parsed = (try? JSON(parsing: received)) ?? .string(received)
            if parsed.isEquivalent(to: expectation.input) || expectation.input.string == received { return nil }
            return "target \(target.id) should receive \(expectation.input), but receives \(received)"
        } catch {
            return "target \(target.id): \(error)"
        }
    }

    /// The event with the members that every event has; one that the rule's schedule makes names the rule.
    private static func completed(_ event: JSON, _ rule: Rule, _ account: Account) -> JSON {
        var complete: JSON = [
            "version": "0", "id": "00000000-0000-4000-8000-000000000000", "detail-type": "", "source": "",
            "account": .string(account.id), "time": "2000-01-01T00:00:00Z", "region": .string(account.region),
            "resources": event["source"] == "aws.events" ? [.string(rule.arn(in: account).description)] : [],
            "detail": [:],
        ]
        for member in event.object ?? JSONObject() { complete[member.key] = member.value }
        return complete
    }
}

extension JSON {
    /// Whether two values say the same: members in any order, numbers by value.
    func isEquivalent(to other: JSON) -> Bool {
        switch (self, other) {
        case (.number(let left), .number(let right)): left == right || left.double == right.double
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isEquivalent(to: $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count
                && left.allSatisfy { member in right[member.key].map { member.value.isEquivalent(to: $0) } ?? false }
        default: self == other
        }
    }
}
