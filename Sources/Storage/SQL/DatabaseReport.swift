public import Core
internal import Glibc

/// The health of a database file and facts about it, for `opsbus doctor`.
public struct DatabaseReport: Sendable, Hashable {
    /// The file that was checked.
    public let path: String
    /// What is wrong, in SQLite's words; none where the file is sound.
    public internal(set) var problems: [String] = []
    /// The version of each module's tables.
    public internal(set) var schemaVersions: [String: Int] = [:]
    /// Size of the file, and of the write-ahead log beside it, 0 where there is none.
    public internal(set) var databaseBytes: Int64 = 0
    public internal(set) var logBytes: Int64 = 0
    /// Pages of the file, and how many of them hold nothing.
    public internal(set) var pageCount = 0
    public internal(set) var freePageCount = 0
    /// Rows of each table.
    public internal(set) var rowCounts: [String: Int] = [:]

    public var isSound: Bool { problems.isEmpty }

    /// The report for programs; modules and tables in the order of their names.
    public var json: JSON {
        func object(_ counts: [String: Int]) -> JSON {
            .object(JSONObject(counts.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .integer($0.value)) }))
        }
        return [
            "path": .string(path), "sound": .bool(isSound), "problems": .array(problems.map { .string($0) }),
            "databaseBytes": .integer(databaseBytes), "logBytes": .integer(logBytes),
            "pages": .integer(pageCount), "freePages": .integer(freePageCount),
            "schemaVersions": object(schemaVersions), "rows": object(rowCounts),
        ]
    }
}

extension Database {
    /// Checks a database file's structure and counts what it holds, without changing it.
    ///
    /// Works beside a running server. Reads the whole file. The audit chain is checked by `AuditLog.verify(path:)`.
    /// - Throws: `StorageError` where the file cannot be opened; what is found wrong in it is in the report.
    public static func check(path: String) throws(StorageError) -> DatabaseReport {
        let connection = try Connection(path: path, access: .readOnly)
        var report = DatabaseReport(path: path)
        report.databaseBytes = size(path)
        report.logBytes = size(path + "-wal")
        do {
            try report.inspect(connection)
        } catch {
            report.problems.append("\(error)")
        }
        return report
    }

    private static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }
}

extension DatabaseReport {
    fileprivate mutating func inspect(_ connection: borrowing Connection) throws {
        try connection.execute("BEGIN DEFERRED")
        pageCount = try connection.value("PRAGMA page_count") ?? 0
        freePageCount = try connection.value("PRAGMA freelist_count") ?? 0
        problems += try connection.rows("PRAGMA integrity_check(20)") { row in try row[0] }.filter { $0 != "ok" }
        problems += try connection.rows("PRAGMA foreign_key_check") { row in
            let (table, parent): (String, String) = (try row[0], try row[2])
            return "a row of \(table) refers to a row of \(parent) that does not exist"
        }
        let tables: [String] = try connection.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") { row in try row[0] }
        for table in tables {
            let name = table.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            rowCounts[table] = try connection.value("SELECT count(*) FROM \"\(name)\"")
        }
        guard tables.contains("schema_versions") else {
            problems.append("no table schema_versions: this is no OpsBus database")
            return
        }
        let versions = try connection.rows("SELECT module, version FROM schema_versions") { row in
            let version: (String, Int) = (try row[0], try row[1])
            return version
        }
        schemaVersions = Dictionary(versions) { first, _ in first }
    }
}

extension Connection {
    /// The rows of a query without values.
    fileprivate func rows<Value>(_ sql: String, _ row: (borrowing Row) throws -> Value) throws -> [Value] {
        var result: [Value] = []
        try forEach(sql) { line in
            result.append(try row(line))
            return true
        }
        return result
    }
}
