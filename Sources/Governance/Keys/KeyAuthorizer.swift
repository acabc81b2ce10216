public import API
public import Core
internal import Synchronization

/// Authorises by the registered keys.
///
/// `local`, `system`, rules, schedules and pipes may do everything: the first is whoever is on this machine, the others
/// act for whoever could write them. Everyone else needs a registered key or an access key that allows the action; who
/// one is may be asked by all.
public final class KeyAuthorizer: Authorizer {
    /// What everyone may ask: who one is, and a key for a while that is worth what one's own is.
    private static let openActions: Set<String> = ["sts:GetCallerIdentity", "sts:GetSessionToken"]

    private struct Keys {
        var byName: [String: RegisteredKey] = [:]
        var byPublicKey: [String: String] = [:]
    }

    private let keys = Mutex(Keys())
    private let accessKeys: AccessKeyDirectory

    init(accessKeys: AccessKeyDirectory) { self.accessKeys = accessKeys }

    public func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
        if principal == .local || principal == .system || KeyAuthorizer.isOurs(principal) { return }
        let isAllowed = keys.withLock { keys in
            keys.byName[principal.name]?.allows(action, on: resource) ?? false
        }
        guard
            isAllowed || accessKeys.allows(principal, action, on: resource)
                || KeyAuthorizer.openActions.contains(action)
        else {
            throw ServiceError(
                .accessDenied,
                "\(principal) is not allowed to perform \(action)\(resource == "*" ? "" : " on \(resource)"). "
                    + "Grant it to its key: opsbus keys add or opsbus access-keys create, with --allow '\(action)'")
        }
    }

    /// Whether it is something kept here that acts; no key can have a name with a slash.
    private static func isOurs(_ principal: Principal) -> Bool {
        ["rule/", "schedule/", "pipe/"].contains { principal.name.hasPrefix($0) }
    }

    /// Who owns a public key; nil where it is not registered.
    public func principal(forKey publicKey: String) -> Principal? {
        keys.withLock { $0.byPublicKey[publicKey].map(Principal.init) }
    }

    func replace(with all: [RegisteredKey]) {
        keys.withLock { keys in
            keys.byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
            keys.byPublicKey = Dictionary(uniqueKeysWithValues: all.map { ($0.publicKey, $0.name) })
        }
    }
}
