public import Access
internal import Core
internal import Synchronization

/// The access keys, in memory, for whoever verifies signatures.
public final class AccessKeyDirectory: CredentialSource {
    private let keys = Mutex<[String: AccessKey]>([:])

    public func credential(forAccessKey identifier: String) -> Credential? {
        keys.withLock { $0[identifier]?.credential }
    }

    /// Whether a key of the principal allows the action.
    func allows(_ principal: Principal, _ action: String, on resource: String) -> Bool {
        keys.withLock { keys in
            keys.values.contains { key in
                key.principal == principal.name && key.allow.contains { $0.allows(action, on: resource) }
            }
        }
    }

    func replace(with all: [AccessKey]) {
        keys.withLock { $0 = Dictionary(uniqueKeysWithValues: all.map { ($0.identifier, $0) }) }
    }
}
