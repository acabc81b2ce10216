internal import Synchronization

/// How many deliveries of a rule may be attempted at a time, for those rules that say so. The matcher publishes it,
/// the dispatcher reads it.
final class RuleConcurrency: Sendable {
    private let limits = Mutex<[RuleCatalog.Key: Int]>([:])

    /// Nil where the rule sets no limit.
    func limit(_ rule: RuleCatalog.Key) -> Int? { limits.withLock { $0.isEmpty ? nil : $0[rule] } }

    func replace(with limits: [RuleCatalog.Key: Int]) { self.limits.withLock { $0 = limits } }
}
