internal import API
internal import Access
internal import Core

/// Whether somebody may put an event on a bus: what the bus's policy says, and what the caller may do anyway.
struct BusAccess: Sendable {
    let buses: BusDirectory.Snapshot
    let account: Account
    let now: Timestamp

    /// The event as far as conditions ask about it.
    struct Event {
        var source: String
        var detailType: String
    }

    /// - Parameters:
    ///   - mayPutEvents: Whether the caller may without a policy that says so.
    ///   - rule: The ARN of the rule that passes the event on; nil for a publisher.
    /// - Returns: Why not; nil where it is allowed.
    func refusal(
        of principal: Principal, bus: String, event: Event, mayPutEvents: Bool, rule: String? = nil
    ) -> String? {
        guard let policy = buses.policy(of: bus) else {
            return mayPutEvents ? nil : text(principal, bus, "because no policy allows the events:PutEvents action")
        }
        var values = [
            "events:source": [event.source], "events:detail-type": [event.detailType],
            "aws:principalarn": [account.arn(of: principal).description], "aws:principalaccount": [account.id],
            "aws:username": [principal.name], "aws:currenttime": [now.description],
            "aws:epochtime": [String(now.seconds)], "events:creatoraccount": [account.id],
            "events:eventbusinvocation": [rule == nil ? "false" : "true"],
        ]
        if let rule {
            values["aws:sourcearn"] = [rule]
            values["aws:sourceaccount"] = [account.id]
        }
        let request = PolicyRequest(
            principal: account.arn(of: principal), service: rule == nil ? nil : "events.amazonaws.com",
            action: "events:PutEvents", resource: buses.arn(of: bus), values: values)
        switch policy.decision(request) {
        case .deny: return text(principal, bus, "with an explicit deny in a resource-based policy")
        case .allow: return nil
        case .silent:
            return mayPutEvents
                ? nil : text(principal, bus, "because no resource-based policy allows the events:PutEvents action")
        }
    }

    private func text(_ principal: Principal, _ bus: String, _ reason: String) -> String {
        "User: \(account.arn(of: principal)) is not authorized to perform: events:PutEvents on resource: "
            + "\(buses.arn(of: bus)) \(reason)"
    }
}
