internal import CSQLite

/// One row of a query's result, lent to the closure that reads it.
///
///     let names: [String] = try transaction.query("SELECT name FROM rules") { row in try row[0] }
public struct Row: ~Copyable {
    private let statement: OpaquePointer

    init(_ statement: borrowing Statement) { self.statement = statement.pointer }

    /// The column at an index, from 0, as the type the context asks for.
    /// - Throws: `StorageError` naming the column where it holds another type, or null for a type that is not optional.
    public subscript<Value: SQLConvertible>(_ index: Int) -> Value {
        get throws(StorageError) {
            precondition(index >= 0 && index < columnCount, "column \(index) of \(columnCount)")
            return try read(Int32(index))
        }
    }

    /// The first column of that name.
    /// - Throws: `StorageError` as for an index, and where there is no such column.
    public subscript<Value: SQLConvertible>(_ name: String) -> Value {
        get throws(StorageError) {
            for index in 0..<Int32(columnCount) where self.name(index) == name { return try read(index) }
            throw StorageError(.database, "no column \(name) in: \(sql)")
        }
    }

    /// How many columns the row has.
    public var columnCount: Int { Int(sqlite3_column_count(statement)) }

    private func read<Value: SQLConvertible>(_ index: Int32) throws(StorageError) -> Value {
        let stored = try value(index)
        guard let value = Value(sqlValue: stored) else {
            throw StorageError(
                .database, "column \(name(index)) holds \(stored.typeName), no \(Value.self), in: \(sql)",
                extendedCode: SQLITE_MISMATCH)
        }
        return value
    }

    private func value(_ index: Int32) throws(StorageError) -> SQLValue {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, index))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(statement, index)
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index)))
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw StorageError(.corrupt, "column \(name(index)) is not valid UTF-8 in: \(sql)")
            }
            return .text(text)
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            return .blob([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null
        }
    }

    private func name(_ index: Int32) -> String {
        sqlite3_column_name(statement, index).map { String(cString: $0) } ?? "\(index)"
    }

    private var sql: String { String(cString: sqlite3_sql(statement)) }
}
