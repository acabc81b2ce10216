internal import Core
internal import Storage

/// The tables of connections and API destinations.
enum ConnectionStore {
    static let migrations = [
        Migration(
            module: "connections", number: 1, name: "connections, API destinations",
            sql: """
                -- `secret` is `AuthParameters`, sealed.
                CREATE TABLE connections (
                    name TEXT PRIMARY KEY, id TEXT NOT NULL, description TEXT, authorization TEXT NOT NULL,
                    state TEXT NOT NULL, state_reason TEXT, kms_key TEXT, created INTEGER NOT NULL,
                    modified INTEGER NOT NULL, authorized INTEGER, secret BLOB
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE api_destinations (
                    name TEXT PRIMARY KEY, id TEXT NOT NULL, description TEXT, connection TEXT NOT NULL,
                    connection_id TEXT NOT NULL, endpoint TEXT NOT NULL, method TEXT NOT NULL, rate INTEGER,
                    created INTEGER NOT NULL, modified INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    /// A connection and what is sealed with it; nil after it was deauthorized.
    typealias Found = (connection: Connection, secret: [UInt8]?)

    private static let columns = """
        name, id, description, authorization, state, state_reason, kms_key, created, modified, authorized, secret
        """

    static func find(_ name: String, _ transaction: borrowing ReadTransaction) throws -> Found? {
        try transaction.queryOne("SELECT \(columns) FROM connections WHERE name = ?", name, row: read)
    }

    /// Connections by name.
    static func all(_ transaction: borrowing ReadTransaction) throws -> [Connection] {
        try transaction.query("SELECT \(columns) FROM connections ORDER BY name") { try read($0).connection }
    }

    private static func read(_ row: borrowing Row) throws -> Found {
        let authorization: String = try row[3]
        let state: String = try row[4]
        let connection = Connection(
            name: try row[0], identifier: try row[1], description: try row[2],
            authorization: Connection.Authorization(rawValue: authorization) ?? .apiKey,
            state: Connection.State(rawValue: state) ?? .deauthorized, stateReason: try row[5], kmsKey: try row[6],
            created: try row[7], modified: try row[8], lastAuthorized: try row[9])
        return (connection, try row[10])
    }

    static func put(_ found: Found, _ transaction: borrowing Transaction) throws(StorageError) {
        let connection = found.connection
        try transaction.execute(
            """
            INSERT OR REPLACE INTO connections (name, id, description, authorization, state, state_reason, kms_key,
                created, modified, authorized, secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, connection.name, connection.identifier, connection.description, connection.authorization.rawValue,
            connection.state.rawValue, connection.stateReason, connection.kmsKey, connection.created,
            connection.modified, connection.lastAuthorized, found.secret)
    }

    static func delete(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM connections WHERE name = ?", name)
    }

    static func count(_ transaction: borrowing ReadTransaction) throws -> Int {
        try transaction.queryOne("SELECT count(*) FROM connections") { try $0[0] } ?? 0
    }
}
