public import API
public import Core
internal import Storage

/// Values of Parameter Store for the references of documents. Implemented by ``ParameterReader``.
public protocol ParameterSource: Sendable {
    /// The parameters of these names, those that there are.
    /// - Parameters:
    ///   - names: Each perhaps with a version or a label.
    ///   - decrypting: Tell the values of SecureStrings, too.
    ///   - principal: Whose run of the document it is; must be allowed `ssm:GetParameters`, and `kms:Decrypt` to
    ///     decrypt.
    /// - Throws: `ServiceError` `.accessDenied`; `StorageError`.
    func values(_ names: [String], decrypting: Bool, for principal: Principal) async throws -> [NodeParameter]
}

/// Reads values for those who may read them: callers, and the references of documents.
struct ParameterReader: ParameterSource {
    let database: Database
    let secrets: ParameterSecrets
    let authorizer: any Authorizer

    /// The parameters of these names, each once, and the names of which there are none.
    func find(
        _ names: [String]
    ) async throws -> (found: [(ParameterSelection, ParameterVersion)], missing: [String]) {
        try await database.read { transaction in
            var found: [(ParameterSelection, ParameterVersion)] = []
            var missing: [String] = []
            for name in Set(names).sorted() {
                let selection = ParameterSelection(name)
                do {
                    found.append((selection, try ParameterStore.find(selection, transaction)))
                } catch let error as ServiceError
                    where error.code == .parameterNotFound || error.code == .parameterVersionNotFound
                {
                    missing.append(name)
                }
            }
            return (found, missing)
        }
    }

    func values(
        _ names: [String], decrypting: Bool, for principal: Principal
    ) async throws -> [NodeParameter] {
        for name in names { try authorizer.authorize(principal, "ssm:GetParameters", on: name) }
        return try await find(names).found.map { selection, version in
            let isHidden = version.kind == .secure && !decrypting
            return NodeParameter(
                name: selection.text, type: version.kind.rawValue,
                value: isHidden ? nil : try text(of: version, decrypting: true, for: principal))
        }
    }

    /// - Parameter decrypting: A SecureString in clear; else as it is kept, in Base64.
    /// - Throws: `ServiceError` `.accessDenied` for who may not decrypt; `StorageError` `.corrupt`.
    func text(
        of version: ParameterVersion, decrypting: Bool, for principal: Principal
    ) throws -> String {
        switch version.value {
        case .plain(let text): return text
        case .sealed(let bytes) where !decrypting: return Base64.encode(bytes)
        case .sealed(let bytes):
            try authorizer.authorize(principal, "kms:Decrypt", on: secrets.keyARN)
            return try secrets.open(bytes, of: version.key)
        }
    }
}
