internal import Core
internal import Synchronization

/// When a delivery may be attempted: the rates that rules set, and the breakers of failing targets.
///
/// What it knows is in memory only: after a restart every bucket is full and every breaker closed.
final class DeliveryGate: Sendable {
    private struct State {
        var rules: [RuleCatalog.Key: TokenBucket] = [:]
        /// By the target's ARN. Breakers that know of no failure are not kept.
        var breakers: [String: CircuitBreaker] = [:]
    }

    private let state = Mutex(State())

    /// - Parameter hasTurn: Whether the delivery has waited for its turn already.
    /// - Returns: When it may be attempted, and whether that is a turn taken at the rule's rate; nil for now.
    func admit(
        _ rule: Rule, target: String, hasTurn: Bool, now: Timestamp
    ) -> (due: Timestamp, hasTurn: Bool)? {
        state.withLock { state in
            if case .wait(let until)? = state.breakers[target]?.admit(now: now) { return (until, false) }
            let key = RuleCatalog.Key(bus: rule.bus, name: rule.name)
            guard let rate = rule.options.eventsPerSecondMax else {
                state.rules[key] = nil
                return nil
            }
            if hasTurn { return nil }
            var bucket = state.rules[key] ?? TokenBucket(rate: rate)
            if bucket.rate != rate { bucket = TokenBucket(rate: rate) }
            let due = bucket.reserve(now: now)
            state.rules[key] = bucket
            return due > now ? (due, true) : nil
        }
    }

    /// Notes what became of an attempt.
    /// - Returns: What the target's breaker does for it.
    func record(target: String, failure: TargetFailure?, now: Timestamp) -> CircuitBreaker.Change? {
        state.withLock { state in
            var breaker = state.breakers[target] ?? CircuitBreaker()
            let change = breaker.record(isFailure: failure?.isOfTarget ?? false, now: now)
            state.breakers[target] = breaker == CircuitBreaker() ? nil : breaker
            return change
        }
    }

    /// Forgets everything, as after a restart.
    func removeAll() { state.withLock { $0 = State() } }
}
