internal import CSQLite

/// An open SQLite database, closed with its owner. Used by one thread at a time.
struct Connection: ~Copyable {
    /// What the connection may do.
    enum Access {
        case readOnly
        /// Creates the file where there is none.
        case readWrite
    }

    /// How long a statement waits for another connection's lock.
    private static let busyTimeoutMilliseconds: Int32 = 5000

    private let handle: OpaquePointer
    private let path: String
    private let statements = StatementCache()

    /// Opens a database file.
    /// - Parameters:
    ///   - path: A file, or `:memory:`.
    ///   - vfs: Name of a registered SQLite file layer; nil for the default one.
    /// - Throws: `StorageError`.
    init(path: String, access: Access, vfs: String? = nil) throws(StorageError) {
        let mode =
            switch access {
            case .readOnly: SQLITE_OPEN_READONLY
            case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        var handle: OpaquePointer?
        var status = sqlite3_open_v2(path, &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs)
        if status == SQLITE_OK {
            sqlite3_busy_timeout(handle, Connection.busyTimeoutMilliseconds)
            // Opens the file in earnest: until then SQLite knows of no write-ahead log, and checkpoints do nothing.
            status = sqlite3_exec(handle, "PRAGMA schema_version", nil, nil, nil)
        }
        guard status == SQLITE_OK, let handle else {
            let error = StorageError(sqlite: status, on: handle, sql: nil, path: path)
            sqlite3_close_v2(handle)
            throw error
        }
        self.handle = handle
        self.path = path
    }

    /// Statements still cached are finalized after this; the `v2` close waits for them.
    deinit { sqlite3_close_v2(handle) }

    /// Runs one statement to its end.
    /// - Returns: The number of rows inserted, updated or deleted.
    @discardableResult
    func execute(_ sql: String, _ values: [(any SQLConvertible)?] = []) throws(StorageError) -> Int {
        let entry = try statements.lend(sql, on: handle, path: path)
        defer { entry.giveBack() }
        try entry.statement.bind(values)
        while try entry.statement.step() {}
        return changes
    }

    /// Runs a script of any number of statements, without values.
    func run(script: String) throws(StorageError) {
        let status = sqlite3_exec(handle, script, nil, nil, nil)
        guard status == SQLITE_OK else { throw StorageError(sqlite: status, on: handle, sql: script, path: path) }
    }

    /// Runs one query and reads each row as it comes, until `row` answers false.
    /// - Parameter readOnly: Refuses statements that would change the database.
    func forEach(
        _ sql: String, _ values: [(any SQLConvertible)?] = [], readOnly: Bool = false,
        row: (borrowing Row) throws -> Bool
    ) throws {
        let entry = try statements.lend(sql, on: handle, path: path)
        defer { entry.giveBack() }
        if readOnly && !entry.statement.isReadOnly {
            throw StorageError(.database, "a statement that writes in a read transaction: \(sql)", path: path)
        }
        try entry.statement.bind(values)
        while try entry.statement.step() {
            guard try row(Row(entry.statement)) else { return }
        }
    }

    /// The first column of a query's first row.
    func value<Value: SQLConvertible>(
        _ sql: String, _ values: [(any SQLConvertible)?] = []
    ) throws(StorageError) -> Value? {
        let entry = try statements.lend(sql, on: handle, path: path)
        defer { entry.giveBack() }
        try entry.statement.bind(values)
        guard try entry.statement.step() else { return nil }
        let value: Value = try Row(entry.statement)[0]
        return value
    }

    /// Rows changed by the last statement that changed any.
    var changes: Int { Int(sqlite3_changes64(handle)) }

    /// Rows changed since the connection was opened.
    var totalChanges: Int { Int(sqlite3_total_changes64(handle)) }

    /// Row id of the last insertion.
    var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Whether a transaction is open. Some failures, a full disk among them, end it on their own.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// How a checkpoint treats other connections.
    /// - Source: sqlite.org, "Checkpoint a database".
    enum CheckpointMode {
        /// Copies what it can without waiting for anyone.
        case passive
        /// Waits for another checkpoint and for readers of old pages, and copies all.
        case full
        /// Waits for readers and the writer, copies all and empties the file.
        case truncate
    }

    /// Copies committed pages from the write-ahead log into the database file.
    /// - Returns: Whether all pages of the log were copied.
    @discardableResult
    func checkpoint(_ mode: CheckpointMode) throws(StorageError) -> Bool {
        var logged: Int32 = 0
        var copied: Int32 = 0
        let mode =
            switch mode {
            case .passive: SQLITE_CHECKPOINT_PASSIVE
            case .full: SQLITE_CHECKPOINT_FULL
            case .truncate: SQLITE_CHECKPOINT_TRUNCATE
            }
        let status = sqlite3_wal_checkpoint_v2(handle, "main", mode, &logged, &copied)
        guard status == SQLITE_OK else { throw StorageError(sqlite: status, on: handle, sql: nil, path: path) }
        return logged >= 0 && logged == copied
    }

    /// Keeps `gauge` at the number of pages in the write-ahead log after each commit of this connection, and switches
    /// SQLite's automatic checkpoints off.
    func watchLog(_ gauge: LogGauge) {
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                Unmanaged<LogGauge>.fromOpaque(context!).takeUnretainedValue().pages = Int(pages)
                return SQLITE_OK
            }, Unmanaged.passUnretained(gauge).toOpaque())
    }
}

/// The length of a connection's write-ahead log. Must outlive the connection that it watches.
final class LogGauge {
    /// Pages after the last commit.
    var pages = 0
}
