import Core
import Platform
import Testing

@testable import Storage

@Suite struct DatabaseReportTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func write(_ count: Int) async throws -> Database {
        let database = try openNotes(scratch.database)
        for index in 0..<count {
            try await database.write(.system) { try $0.note("\(index)", body: .init(repeating: 1, count: 500)) }
        }
        return database
    }

    @Test func `A sound database is described, while it is in use and after`() async throws {
        let database = try await write(20)
        let live = try Database.check(path: scratch.database)
        #expect(live.isSound)
        #expect(live.logBytes > 0)
        #expect(live.rowCounts["notes"] == 20)
        await database.close()

        let report = try Database.check(path: scratch.database)
        #expect(report.isSound)
        #expect(report.rowCounts["audit"] == 20)
        #expect(report.schemaVersions == ["storage": 2, "notes": 1])
        #expect(report.databaseBytes == Int64(report.pageCount * 4096))
        #expect(report.json["rows"]?["notes"] == 20)
        #expect(report.json["sound"] == true)
    }

    @Test func `Damaged pages are found and reported`() async throws {
        await (try await write(200)).close()
        var bytes = try Files.read(scratch.database)
        for page in 4..<bytes.count / 4096 {
            for offset in 0..<64 { bytes[page * 4096 + offset] ^= 0x5A }
        }
        try Files.write(bytes, to: scratch.database)
        let report = try Database.check(path: scratch.database)
        #expect(!report.isSound)
        #expect(report.json["sound"] == false)
    }

    @Test func `Broken references, other databases and missing files are told apart`() async throws {
        let children = "CREATE TABLE children (note INTEGER REFERENCES notes (id)); INSERT INTO children VALUES (9);"
        await (try await write(1)).close()
        try tamper(scratch.database, children)
        #expect(
            try Database.check(path: scratch.database).problems
                == ["a row of children refers to a row of notes that does not exist"])

        try tamper(scratch.path("other.db"), "CREATE TABLE a (b)")
        #expect(
            try Database.check(path: scratch.path("other.db")).problems
                == ["no table schema_versions: this is no OpsBus database"])

        #expect { try Database.check(path: scratch.path("none.db")) } throws: {
            ($0 as? StorageError)?.code == .inputOutput
        }
    }
}
