public import Core

/// What an access key stands for.
public struct Credential: Sendable, Hashable {
    /// Who signs with it.
    public var principal: Principal
    public var secret: String
    /// What a temporary credential's requests must carry beside their signature; nil for a lasting one.
    public var sessionToken: String?
    /// From when on it is refused; nil for never.
    public var expiry: Timestamp?

    public init(principal: Principal, secret: String, sessionToken: String? = nil, expiry: Timestamp? = nil) {
        self.principal = principal
        self.secret = secret
        self.sessionToken = sessionToken
        self.expiry = expiry
    }
}

/// Knows the access keys. Implemented by `Governance`.
public protocol CredentialSource: Sendable {
    /// Nil where there is no such access key. Called for every signed request: it answers from memory.
    func credential(forAccessKey identifier: String) -> Credential?
}
