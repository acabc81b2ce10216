internal import CSQLite

/// A prepared statement, finalized with its owner.
struct Statement: ~Copyable {
    /// SQLite's handle; valid as long as this value.
    let pointer: OpaquePointer
    private let path: String

    /// Prepares one statement for repeated use.
    /// - Throws: `StorageError`, also where the text holds no statement or more than one.
    init(_ sql: String, on connection: OpaquePointer, path: String) throws(StorageError) {
        var pointer: OpaquePointer?
        var hasTail = false
        let status = sql.withCString { text in
            var tail: UnsafePointer<CChar>?
            let status = sqlite3_prepare_v3(connection, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, &tail)
            hasTail = tail.map { !String(cString: $0).allSatisfy(\.isWhitespace) } ?? false
            return status
        }
        guard status == SQLITE_OK else { throw StorageError(sqlite: status, on: connection, sql: sql, path: path) }
        guard let pointer, !hasTail else {
            sqlite3_finalize(pointer)
            throw StorageError(.database, "expected exactly one statement in: \(sql)", path: path)
        }
        self.pointer = pointer
        self.path = path
    }

    deinit { sqlite3_finalize(pointer) }

    /// Whether running it leaves the database as it is.
    var isReadOnly: Bool { sqlite3_stmt_readonly(pointer) != 0 }

    /// Binds all parameters, in order.
    /// - Throws: `StorageError` where their number differs from the statement's.
    func bind(_ values: [(any SQLConvertible)?]) throws(StorageError) {
        let count = Int(sqlite3_bind_parameter_count(pointer))
        guard values.count == count else {
            throw StorageError(
                .database, "\(values.count) values for \(count) parameters in: \(sql)", path: path,
                extendedCode: SQLITE_RANGE)
        }
        for (offset, value) in values.enumerated() {
            let status = bind(value?.sqlValue ?? .null, at: Int32(offset + 1))
            guard status == SQLITE_OK else { throw error(status) }
        }
    }

    private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(pointer, index)
        case .integer(let value): return sqlite3_bind_int64(pointer, index, value)
        case .real(let value): return sqlite3_bind_double(pointer, index, value)
        case .text(var value):
            return value.withUTF8 { utf8 in
                utf8.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text64(
                        pointer, index, $0.baseAddress, UInt64($0.count), transientValue, UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let value):
            // A null pointer would bind null, not an empty blob.
            if value.isEmpty { return sqlite3_bind_zeroblob(pointer, index, 0) }
            return sqlite3_bind_blob64(pointer, index, value, UInt64(value.count), transientValue)
        }
    }

    /// Runs up to the next row.
    /// - Returns: False when the statement has ended.
    func step() throws(StorageError) -> Bool {
        let status = sqlite3_step(pointer)
        switch status {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw error(status)
        }
    }

    /// Makes the statement ready for its next use and lets go of what was bound.
    func reset() {
        // The status repeats the failure of the last step, which has been thrown.
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    private var sql: String { String(cString: sqlite3_sql(pointer)) }

    private func error(_ status: Int32) -> StorageError {
        StorageError(sqlite: status, on: sqlite3_db_handle(pointer), sql: sql, path: path)
    }
}

/// `SQLITE_TRANSIENT`, a cast in a macro and so not imported: SQLite copies what is bound.
private let transientValue = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// The statements of one connection by their text, so that each is prepared once.
final class StatementCache {
    /// A statement and whether someone is stepping through it.
    final class Entry {
        let statement: Statement
        var isLent = false

        init(_ statement: consuming Statement) { self.statement = statement }

        /// Resets the statement for the next borrower.
        func giveBack() {
            statement.reset()
            isLent = false
        }
    }

    /// Past it all but those in use are dropped; programs have fewer, but filters make up new texts.
    private static let entriesMax = 256

    private var entries: [String: Entry] = [:]

    /// Lends a statement until `giveBack`. Nested uses of one text get statements of their own.
    func lend(_ sql: String, on connection: OpaquePointer, path: String) throws(StorageError) -> Entry {
        if let entry = entries[sql] {
            if entry.isLent { return Entry(try Statement(sql, on: connection, path: path)) }
            entry.isLent = true
            return entry
        }
        if entries.count >= StatementCache.entriesMax { entries = entries.filter { $0.value.isLent } }
        let entry = Entry(try Statement(sql, on: connection, path: path))
        entry.isLent = true
        entries[sql] = entry
        return entry
    }
}
