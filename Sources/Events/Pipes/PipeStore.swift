internal import Core
internal import Storage

/// The table of pipes.
enum PipeStore {
    static let migrations = [
        Migration(
            module: "pipes", number: 1, name: "pipes",
            sql: """
                -- `definition` and `tags` are objects; `wanted` is 1 where the pipe is to run. `cursor` is the last
                -- journal record that a pipe from an event bus is done with.
                CREATE TABLE pipes (
                    name TEXT PRIMARY KEY, definition TEXT NOT NULL, tags TEXT NOT NULL, wanted INTEGER NOT NULL,
                    state TEXT NOT NULL, reason TEXT, created INTEGER NOT NULL, modified INTEGER NOT NULL,
                    cursor INTEGER
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    private static let columns = "name, definition, tags, wanted, state, reason, created, modified"

    private static func pipe(_ row: borrowing Row) throws -> Pipe {
        let tags: JSON = try row[2]
        let state: String = try row[4]
        return Pipe(
            name: try row[0], definition: try row[1], tags: tags.object ?? JSONObject(), isWanted: try row[3],
            state: Pipe.State(rawValue: state) ?? .stopped, reason: try row[5], created: try row[6],
            modified: try row[7])
    }

    static func find(_ name: String, _ transaction: borrowing ReadTransaction) throws -> Pipe? {
        try transaction.queryOne("SELECT \(columns) FROM pipes WHERE name = ?", name) { row in try pipe(row) }
    }

    static func count(_ transaction: borrowing ReadTransaction) throws -> Int {
        try transaction.queryOne("SELECT count(*) FROM pipes") { row in try row[0] } ?? 0
    }

    /// By name, from the one after `name` on.
    static func all(after name: String = "", _ transaction: borrowing ReadTransaction) throws -> [Pipe] {
        try transaction.query("SELECT \(columns) FROM pipes WHERE name > ? ORDER BY name", name) { row in
            try pipe(row)
        }
    }

    /// Inserts a pipe or replaces the one of that name; how far it has read stays.
    static func put(_ pipe: Pipe, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO pipes (name, definition, tags, wanted, state, reason, created, modified)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, tags = excluded.tags,
                wanted = excluded.wanted, state = excluded.state, reason = excluded.reason,
                modified = excluded.modified
            """, pipe.name, pipe.definition, JSON.object(pipe.tags), pipe.isWanted, pipe.state.rawValue, pipe.reason,
            pipe.created, pipe.modified)
    }

    static func delete(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM pipes WHERE name = ?", name)
    }

    static func setState(
        _ state: Pipe.State, reason: String?, of name: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute("UPDATE pipes SET state = ?, reason = ? WHERE name = ?", state.rawValue, reason, name)
    }

    static func cursor(of name: String, _ transaction: borrowing ReadTransaction) throws -> UInt64? {
        let cursor: Int64?? = try transaction.queryOne("SELECT cursor FROM pipes WHERE name = ?", name) { row in
            try row[0]
        }
        return (cursor ?? nil).map { UInt64($0) }
    }

    static func setCursor(
        _ sequence: UInt64, of name: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute("UPDATE pipes SET cursor = ? WHERE name = ?", Int64(sequence), name)
    }
}
