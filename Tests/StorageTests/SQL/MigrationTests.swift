import Core
import Platform
import Testing

@testable import Storage

@Suite struct MigrationTests {
    private let scratch: Scratch
    private let titles = Migration(
        module: "notes", number: 2, name: "titles", sql: "ALTER TABLE notes ADD COLUMN title TEXT; SELECT 1;")

    init() throws { scratch = try Scratch() }

    private func open(_ migrations: [Migration]) throws -> Database {
        try Database(path: scratch.database, migrations: migrations, clock: SystemClock(), log: quiet)
    }

    @Test func `An older database is brought up to date and keeps its rows`() async throws {
        let old = try open([notesMigration])
        try await old.write(.system) { try $0.note("a") }
        await old.close()
        let new = try open([notesMigration, titles])
        let title = try await new.read { transaction in
            try transaction.query("SELECT text, title FROM notes") { row -> String? in try row[1] }
        }
        #expect(title == [nil])
        await new.close()
        #expect(try Database.check(path: scratch.database).schemaVersions == ["storage": 2, "notes": 2])
    }

    @Test func `A newer database is refused and left as it is`() async throws {
        await (try open([notesMigration, titles])).close()
        let before = try Files.read(scratch.database)
        #expect {
            try open([notesMigration])
        } throws: {
            guard let error = $0 as? StorageError else { return false }
            return error.code == .unsupportedVersion
                && error.message == "the notes tables have version 2, this program knows 1; use a newer OpsBus"
        }
        #expect(try Files.read(scratch.database) == before)
        await (try open([notesMigration, titles])).close()
    }

    @Test func `A migration that fails names itself and undoes all that ran with it`() async throws {
        let broken = Migration(module: "notes", number: 2, name: "broken", sql: "CREATE TABLE x (a INT); DROP TABLE y;")
        #expect {
            try open([notesMigration, broken])
        } throws: {
            ($0 as? StorageError)?.message.hasPrefix("migration notes 2 (broken): no such table: y") == true
        }
        let database = try open([])
        let tables = try await database.read { transaction in
            try transaction.query("SELECT name FROM sqlite_schema WHERE name IN ('notes', 'x')") { row -> String in
                try row[0]
            }
        }
        #expect(tables == [])
        await database.close()
    }

    @Test func `Modules count their versions apart, and one not loaded is left alone`() async throws {
        let other = Migration(module: "other", number: 1, name: "other", sql: "CREATE TABLE other (a INT) STRICT;")
        await (try open([other, notesMigration])).close()
        await (try open([notesMigration])).close()
        await (try open([notesMigration, titles, other])).close()
        #expect(try Database.check(path: scratch.database).schemaVersions == ["storage": 2, "notes": 2, "other": 1])
    }

    @Test func `A file that is no database is refused`() throws {
        try Files.write([UInt8](repeating: 0x41, count: 8192), to: scratch.database)
        #expect { try open([]) } throws: { ($0 as? StorageError)?.code == .corrupt }
        #expect { try Database.inDirectory(scratch.path("none/state.db")) } throws: {
            ($0 as? StorageError)?.code == .inputOutput
        }
    }
}

extension Database {
    fileprivate static func inDirectory(_ path: String) throws -> Database {
        try Database(path: path, clock: SystemClock(), log: quiet)
    }
}
