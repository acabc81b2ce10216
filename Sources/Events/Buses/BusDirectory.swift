internal import API
public import Core
internal import Synchronization

/// Which event buses exist, for those who must know without asking the database.
public final class BusDirectory: Sendable {
    public static let defaultBus = "default"

    /// The buses at one moment.
    struct Snapshot: Sendable {
        fileprivate var names: Set<String>
        fileprivate let account: Account

        /// The name of the bus that a name or an ARN of this account means; nil where there is none. The region is
        /// what the client calls it.
        func name(of text: String) -> String? {
            if names.contains(text) { return text }
            guard let arn = ARN(text).map(account.resolve), arn.service == "events", arn.account == account.id,
                let name = arn.name(ofType: "event-bus"), names.contains(name)
            else { return nil }
            return name
        }
    }

    private let published: Mutex<Snapshot>

    public init(account: Account) {
        published = Mutex(Snapshot(names: [BusDirectory.defaultBus], account: account))
    }

    var snapshot: Snapshot { published.withLock { $0 } }

    /// All names, in no order.
    var names: [String] { Array(snapshot.names) }

    func replace(with names: Set<String>) { published.withLock { $0.names = names.union([BusDirectory.defaultBus]) } }

    func insert(_ name: String) { published.withLock { _ = $0.names.insert(name) } }

    func remove(_ name: String) { published.withLock { _ = $0.names.remove(name) } }
}
