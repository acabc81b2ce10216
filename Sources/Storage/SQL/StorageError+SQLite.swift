internal import CSQLite
internal import Glibc

extension StorageError {
    /// The failure that SQLite has just reported on a connection.
    /// - Parameter sql: The statement that failed; nil where there is none.
    /// - Source: sqlite.org, "Result and Error Codes".
    init(sqlite status: Int32, on connection: OpaquePointer?, sql: String?, path: String) {
        let systemError = connection.map { sqlite3_system_errno($0) } ?? 0
        let code: Code =
            switch status & 0xFF {
            case SQLITE_FULL: .diskFull
            case SQLITE_IOERR where systemError == ENOSPC || systemError == EDQUOT: .diskFull
            case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM: .inputOutput
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
            case SQLITE_BUSY, SQLITE_LOCKED: .locked
            case SQLITE_CONSTRAINT: .constraint
            default: .database
            }
        // The connection's message is more precise, but only while it still speaks of this failure.
        let speaks = connection.map { sqlite3_extended_errcode($0) == status } ?? false
        var message = String(cString: speaks ? sqlite3_errmsg(connection) : sqlite3_errstr(status))
        if systemError != 0, code == .inputOutput || code == .diskFull {
            message += " (\(String(cString: strerror(systemError))))"
        }
        if let sql { message += " in: \(sql)" }
        self.init(code, message, path: path, errno: systemError, extendedCode: status)
    }
}
