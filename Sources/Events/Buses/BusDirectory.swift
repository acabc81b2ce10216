internal import API
internal import Access
public import Core
internal import Synchronization

/// Which event buses exist, who may put events on them and which keep a log, for those who must know without asking
/// the database.
public final class BusDirectory: Sendable {
    public static let defaultBus = "default"

    /// The buses at one moment.
    struct Snapshot: Sendable {
        fileprivate var names: Set<String>
        fileprivate var policies: [String: Policy] = [:]
        fileprivate var logs: [String: BusLog.Settings] = [:]
        let account: Account

        /// The name of the bus that a name or an ARN of this account means; nil where there is none. The region is
        /// what the client calls it.
        func name(of text: String) -> String? {
            if names.contains(text) { return text }
            guard let arn = ARN(text).map(account.resolve), arn.service == "events", arn.account == account.id,
                let name = arn.name(ofType: "event-bus"), names.contains(name)
            else { return nil }
            return name
        }

        /// Nil for a bus without one.
        func policy(of name: String) -> Policy? { policies.isEmpty ? nil : policies[name] }

        var hasPolicies: Bool { !policies.isEmpty }

        /// Nil for a bus that keeps none.
        func log(of name: String) -> BusLog.Settings? { logs.isEmpty ? nil : logs[name] }

        var hasLogs: Bool { !logs.isEmpty }

        func arn(of name: String) -> String { account.arn("events", "event-bus/\(name)").description }
    }

    let account: Account
    private let published: Mutex<Snapshot>

    public init(account: Account) {
        self.account = account
        published = Mutex(Snapshot(names: [BusDirectory.defaultBus], account: account))
    }

    var snapshot: Snapshot { published.withLock { $0 } }

    /// All names, in no order.
    var names: [String] { Array(snapshot.names) }

    func replace(with buses: [EventBus]) {
        let policies = Dictionary(
            uniqueKeysWithValues: buses.compactMap { bus in BusDirectory.policy(of: bus).map { (bus.name, $0) } })
        let logs = Dictionary(
            uniqueKeysWithValues: buses.compactMap { bus in
                BusLog.Settings(bus.logConfig).map { (bus.name, $0) }
            })
        published.withLock { snapshot in
            snapshot.names = Set(buses.map(\.name)).union([BusDirectory.defaultBus])
            snapshot.policies = policies
            snapshot.logs = logs
        }
    }

    func put(_ bus: EventBus) {
        let policy = BusDirectory.policy(of: bus)
        published.withLock { snapshot in
            snapshot.names.insert(bus.name)
            snapshot.policies[bus.name] = policy
            snapshot.logs[bus.name] = BusLog.Settings(bus.logConfig)
        }
    }

    func remove(_ name: String) {
        published.withLock { snapshot in
            snapshot.names.remove(name)
            snapshot.policies[name] = nil
            snapshot.logs[name] = nil
        }
    }

    /// What is stored was read before it was stored.
    private static func policy(of bus: EventBus) -> Policy? { bus.policy.flatMap { try? Policy(parsing: $0) } }

    /// The bus that an operation's input names; the default one where it names none.
    /// - Throws: `ServiceError` `.resourceNotFound`.
    func resolve(_ input: JSON, _ member: String = "EventBusName") throws(ServiceError) -> String {
        guard let text = input[member]?.string else { return BusDirectory.defaultBus }
        guard let name = snapshot.name(of: text) else {
            throw ServiceError(.resourceNotFound, "Event bus \(text) does not exist.")
        }
        return name
    }
}
