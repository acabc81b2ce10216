public import API
public import Core
internal import Synchronization

/// Authorises by the registered keys.
///
/// Who has no full authority needs a registered key or an access key that allows the action; who one is may be asked by
/// all.
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
        if principal.hasFullAuthority { return }
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
