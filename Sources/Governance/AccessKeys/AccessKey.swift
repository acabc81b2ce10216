internal import Access
internal import Core
internal import Storage

/// A key that signs HTTP requests, the principal it stands for, and what that principal may do.
struct AccessKey: Sendable {
    /// 20 capitals and digits; `AKIA…`, or `ASIA…` for a temporary one.
    var identifier: String
    var principal: String
    var allow: [Permission]
    var secret: String
    /// Nil for a lasting one.
    var sessionToken: String?
    var created: Timestamp
    var expiry: Timestamp?

    private static let capitals = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    private static let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Makes a new one.
    /// - Parameter generator: Of cryptographic quality.
    init(
        principal: String, allow: [Permission], created: Timestamp, expiry: Timestamp?,
        using generator: inout some RandomNumberGenerator
    ) {
        func random(_ count: Int, of characters: [UInt8]) -> String {
            String(decoding: (0..<count).map { _ in characters.randomElement(using: &generator) ?? 0 }, as: UTF8.self)
        }
        identifier = (expiry == nil ? "AKIA" : "ASIA") + random(16, of: AccessKey.capitals)
        secret = random(40, of: AccessKey.characters)
        sessionToken = expiry == nil ? nil : random(128, of: AccessKey.characters)
        self.principal = principal
        self.allow = allow
        self.created = created
        self.expiry = expiry
    }

    private init(
        identifier: String, principal: String, allow: [Permission], secret: String, sessionToken: String?,
        created: Timestamp, expiry: Timestamp?
    ) {
        self.identifier = identifier
        self.principal = principal
        self.allow = allow
        self.secret = secret
        self.sessionToken = sessionToken
        self.created = created
        self.expiry = expiry
    }

    /// - Throws: `StorageError`, `.corrupt` where a secret cannot be opened.
    static func all(_ transaction: borrowing ReadTransaction, _ vault: Vault) throws -> [AccessKey] {
        try transaction.query(
            "SELECT id, principal, allow, secret, session_token, created, expiry FROM access_keys ORDER BY id"
        ) { row in
            let allow: JSON = try row[2]
            let sealedToken: [UInt8]? = try row[4]
            return AccessKey(
                identifier: try row[0], principal: try row[1],
                allow: (allow.array ?? []).compactMap { $0.string.flatMap(Permission.init) },
                secret: try vault.open(try row[3]), sessionToken: try sealedToken.map(vault.open), created: try row[5],
                expiry: try row[6])
        }
    }

    func insert(_ transaction: borrowing Transaction, _ vault: Vault) throws(StorageError) {
        let allow: JSON = .array(allow.map { .string($0.description) })
        try transaction.execute(
            """
            INSERT INTO access_keys (id, principal, allow, secret, session_token, created, expiry)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, identifier, principal, allow, vault.seal(secret), sessionToken.map(vault.seal), created, expiry)
    }

    var credential: Credential {
        Credential(principal: Principal(principal), secret: secret, sessionToken: sessionToken, expiry: expiry)
    }

    /// What may be shown.
    func json(at now: Timestamp) -> JSON {
        var json: JSON = [
            "UserName": .string(principal), "AccessKeyId": .string(identifier),
            "Status": .string(expiry.map { $0 <= now } == true ? "Expired" : "Active"),
            "CreateDate": .string(created.millisecondDescription),
            "Allow": .array(allow.map { .string($0.description) }),
        ]
        json["Expiration"] = expiry.map { .string($0.millisecondDescription) }
        return json
    }
}
