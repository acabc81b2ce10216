/// A step in the history of a module's tables.
///
/// Each module brings its own list, numbered from 1, and steps once released are never changed. Tables are `STRICT`,
/// and what is said in SQL both SQLite and PostgreSQL should understand where possible.
public struct Migration: Sendable, Hashable {
    /// The module whose tables these are: `events`, `systems`.
    public var module: String
    /// 1, 2, 3 and so on in each module.
    public var number: Int
    /// What it brings, for the error that it may cause.
    public var name: String
    /// Any number of statements.
    public var sql: String

    public init(module: String, number: Int, name: String, sql: String) {
        self.module = module
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// The tables of a database brought up to date.
struct Schema {
    private static let versions = """
        CREATE TABLE IF NOT EXISTS schema_versions (
            module TEXT PRIMARY KEY,
            version INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """

    private let migrations: [Migration]

    /// - Parameter migrations: Those of all modules; within a module in order and without gaps.
    init(_ migrations: [Migration]) {
        var last: [String: Int] = [:]
        for migration in migrations {
            let expected = last[migration.module, default: 0] + 1
            precondition(
                migration.number == expected,
                "migration \(migration.number) of \(migration.module) stands where \(expected) belongs")
            last[migration.module] = expected
        }
        self.migrations = migrations
    }

    /// Runs what the database has not yet seen, in one transaction.
    ///
    /// Modules that only the database knows are left alone.
    /// - Throws: `StorageError`, `.unsupportedVersion` where the database is ahead of this program; it is then
    ///   unchanged.
    func apply(to connection: borrowing Connection) throws(StorageError) {
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StorageError) {
            try applySteps(to: connection)
            try connection.execute("COMMIT")
        } catch {
            if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    private func applySteps(to connection: borrowing Connection) throws(StorageError) {
        try connection.execute(Schema.versions)
        var newest: [String: Int] = [:]
        for migration in migrations { newest[migration.module] = migration.number }
        var current: [String: Int] = [:]
        for (module, known) in newest {
            let version: Int? = try connection.value("SELECT version FROM schema_versions WHERE module = ?", [module])
            current[module] = version ?? 0
            if let version, version > known {
                throw StorageError(
                    .unsupportedVersion,
                    "the \(module) tables have version \(version), this program knows \(known); use a newer OpsBus")
            }
        }
        for migration in migrations where migration.number > current[migration.module, default: 0] {
            do throws(StorageError) {
                try connection.run(script: migration.sql)
            } catch {
                throw StorageError(
                    error.code,
                    "migration \(migration.module) \(migration.number) (\(migration.name)): \(error.message)",
                    path: error.path, errno: error.errno, extendedCode: error.extendedCode)
            }
            try connection.execute(
                "INSERT OR REPLACE INTO schema_versions (module, version) VALUES (?, ?)",
                [migration.module, migration.number])
        }
    }
}
