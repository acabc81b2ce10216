public import API
public import Core
public import Platform
public import Storage

/// Who may do what, and what was done: keys and their permissions, and the questions asked of the audit log.
public final class GovernanceService: Sendable {
    /// Decides about every call.
    public let authorizer: KeyAuthorizer
    /// Records calls that changed nothing.
    public let recorder: AuditRecorder
    /// Knows the access keys, for whoever verifies signatures.
    public let accessKeys = AccessKeyDirectory()
    /// All operations of this module, for the table.
    public let operations: [Operation]

    private let database: Database
    private let vault: Vault

    /// - Parameters:
    ///   - journal: Where the events of a trace are found.
    ///   - vault: Seals the secrets of access keys.
    ///   - verify: Checks journal and audit log as they are on disk, without changing anything.
    public init(
        database: Database, journal: any Journal, vault: Vault, account: Account, clock: any Clock, log: Log,
        verify: @escaping @Sendable () async throws -> JSON
    ) {
        self.database = database
        self.vault = vault
        authorizer = KeyAuthorizer(accessKeys: accessKeys)
        recorder = AuditRecorder(database: database, log: log.named("audit"))
        operations =
            AuditOperations(log: AuditLog(database), journal: journal, clock: clock, verify: verify).all
            + KeyOperations(database: database, authorizer: authorizer).all
            + AccessKeyOperations(
                database: database, directory: accessKeys, vault: vault, account: account, clock: clock
            ).all
    }

    /// Loads the registered keys.
    /// - Parameter administratorKey: Where no key is registered, makes the public key of the principal
    ///   ``RegisteredKey/administrator``, who may do everything and so registers the others; nil where only this
    ///   machine reaches the bus, and needs none.
    public func start(administratorKey: (() throws -> String)?) async throws {
        let vault = vault
        var (keys, accessKeys) = try await database.read { transaction in
            (try RegisteredKey.all(transaction), try AccessKey.all(transaction, vault))
        }
        if keys.isEmpty, let administratorKey {
            let key = RegisteredKey.administrator(publicKey: try administratorKey())
            try await database.write(.system) { try key.put($0) }
            keys = [key]
        }
        authorizer.replace(with: keys)
        self.accessKeys.replace(with: accessKeys)
    }
}

/// The tables of this module.
public let governanceMigrations = [
    Migration(
        module: "governance", number: 1, name: "keys",
        sql: """
            CREATE TABLE keys (
                name TEXT PRIMARY KEY, public_key TEXT NOT NULL UNIQUE, allow TEXT NOT NULL, node INTEGER NOT NULL,
                created INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            """),
    Migration(
        module: "governance", number: 2, name: "access keys",
        sql: """
            -- Secret and session token are sealed with the key of the vault.
            CREATE TABLE access_keys (
                id TEXT PRIMARY KEY, principal TEXT NOT NULL, allow TEXT NOT NULL, secret BLOB NOT NULL,
                session_token BLOB, created INTEGER NOT NULL, expiry INTEGER
            ) STRICT, WITHOUT ROWID;
            """),
]
