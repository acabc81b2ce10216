internal import API
internal import Core
internal import Storage

/// The tables of functions and of the events that wait for them.
enum FunctionStore {
    static let migrations = [
        Migration(
            module: "functions", number: 1, name: "functions, invocations",
            sql: """
                CREATE TABLE functions (
                    name TEXT PRIMARY KEY, executable TEXT NOT NULL, arguments TEXT NOT NULL, description TEXT NOT NULL,
                    timeout_seconds INTEGER NOT NULL, memory_mib INTEGER, concurrency INTEGER NOT NULL,
                    environment TEXT NOT NULL, dead_letters TEXT, modified INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE function_invocations (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL, function TEXT NOT NULL,
                    payload TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL,
                    due INTEGER NOT NULL, principal TEXT NOT NULL, cause TEXT
                ) STRICT;
                CREATE INDEX function_invocations_due ON function_invocations (function, due, id);
                -- Invocations that came with a token, so that one asked for again is not made again.
                CREATE TABLE function_tokens (
                    token TEXT PRIMARY KEY, request_id TEXT NOT NULL, time INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX function_tokens_time ON function_tokens (time);
                """)
    ]

    /// How long a token is known: longer than a rule's target is retried.
    private static let tokenRetention = Duration.seconds(2 * Limits.retryAgeSecondsMax)

    static func find(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Function? {
        try transaction.queryOne("SELECT \(Function.columns) FROM functions WHERE name = ?", name) { try Function($0) }
    }

    static func put(_ function: Function, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "INSERT OR REPLACE INTO functions (\(Function.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values: function.values)
    }

    /// Removes a function, and the events that wait for it.
    /// - Returns: Whether it was there.
    static func delete(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) -> Bool {
        try transaction.execute("DELETE FROM function_invocations WHERE function = ?", name)
        return try transaction.execute("DELETE FROM functions WHERE name = ?", name) == 1
    }

    /// Functions by name.
    static func list(after name: String, limit: Int, _ transaction: borrowing ReadTransaction) throws -> [Function] {
        try transaction.query(
            "SELECT \(Function.columns) FROM functions WHERE name > ? ORDER BY name LIMIT ?", name, limit
        ) { try Function($0) }
    }

    // MARK: Events that wait

    static func waitingCount(_ transaction: borrowing Transaction) throws -> Int {
        try transaction.queryOne("SELECT count(*) FROM function_invocations") { try $0[0] } ?? 0
    }

    static func enqueue(
        _ payload: String, for function: String, requestID: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO function_invocations (request_id, function, payload, created, due, principal, cause)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, requestID, function, payload, transaction.now, transaction.now, transaction.context.principal,
            transaction.context.cause)
    }

    /// Remembers a token.
    /// - Returns: The request that came with it before; nil where it is new.
    static func take(
        _ token: String, for requestID: String, _ transaction: borrowing Transaction
    ) throws -> String? {
        let isNew = try transaction.execute(
            "INSERT INTO function_tokens (token, request_id, time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", token,
            requestID, transaction.now)
        if isNew == 1 { return nil }
        return try transaction.queryOne("SELECT request_id FROM function_tokens WHERE token = ?", token) { try $0[0] }
    }

    static func forgetOldTokens(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM function_tokens WHERE time < ?", transaction.now - tokenRetention)
    }

    /// Functions that events wait for.
    static func awaited(_ transaction: borrowing ReadTransaction) throws -> [Function] {
        try transaction.query(
            """
            SELECT \(Function.columns) FROM functions
            WHERE EXISTS (SELECT 1 FROM function_invocations WHERE function = functions.name)
            """
        ) { try Function($0) }
    }

    /// Events whose time has come, the oldest first.
    static func due(
        _ function: String, at time: Timestamp, limit: Int, _ transaction: borrowing ReadTransaction
    ) throws -> [QueuedInvocation] {
        try transaction.query(
            """
            SELECT \(QueuedInvocation.columns) FROM function_invocations WHERE function = ? AND due <= ?
            ORDER BY due, id LIMIT ?
            """, function, time, limit
        ) { try QueuedInvocation($0) }
    }

    /// When the next event is due after `time`.
    static func nextDue(after time: Timestamp, _ transaction: borrowing ReadTransaction) throws -> Timestamp? {
        try transaction.queryOne("SELECT min(due) FROM function_invocations WHERE due > ?", time) { row in
            try row[0] as Timestamp?
        } ?? nil
    }

    static func postpone(
        _ invocation: QueuedInvocation, until time: Timestamp, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            "UPDATE function_invocations SET failures = ?, due = ? WHERE id = ?", invocation.failures, time,
            invocation.id)
    }

    static func remove(_ invocation: QueuedInvocation, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM function_invocations WHERE id = ?", invocation.id)
    }
}
