import Core
import Platform
import Testing

@testable import Storage

@Suite struct DatabaseTests {
    private let scratch: Scratch
    private let database: Database

    init() throws {
        scratch = try Scratch()
        database = try openNotes(scratch.database)
    }

    @Test func `What was written is read back, also after closing and opening`() async throws {
        let row = try await database.write(.system) { transaction in
            try transaction.note("a", body: [1, 0, 255])
            return transaction.lastInsertedRow
        }
        #expect(row == 1)
        #expect(try await database.read { try $0.notes() } == ["a"])
        await database.close()

        let again = try openNotes(scratch.database)
        let body = try await again.read { transaction in
            try transaction.queryOne("SELECT body FROM notes WHERE text = ?", "a") { row -> [UInt8] in try row[0] }
        }
        #expect(body == [1, 0, 255])
        await again.close()
    }

    @Test func `A closure that throws undoes its own write and no other of its group`() async throws {
        let committed = Collected<Int>()
        try await database.holdingWriter(until: 20) { group in
            for index in 0..<20 {
                group.addTask { [database] in
                    do {
                        try await database.write(.system) { transaction in
                            transaction.afterCommit { committed.append(index) }
                            try transaction.note("note \(index)")
                            if index % 2 == 1 { throw Refusal() }
                        }
                        #expect(index % 2 == 0)
                    } catch is Refusal {
                        #expect(index % 2 == 1)
                    }
                }
            }
        }
        let even = (0..<20).filter { $0 % 2 == 0 }
        #expect(try await database.read { Set(try $0.notes()) } == Set(["held"] + even.map { "note \($0)" }))
        let order = try await database.read { transaction in
            try transaction.query("SELECT text FROM notes WHERE text <> 'held' ORDER BY id") { row -> String in
                try row[0]
            }
        }
        #expect(committed.values.map { "note \($0)" } == order, "actions run once, in the order of the writes")
        await database.close()
        let report = try AuditLog.verify(path: scratch.database)
        #expect(report.isIntact)
        #expect(report.recordCount == 11)
    }

    @Test func `Writes of many tasks get one order, without gaps`() async throws {
        try await withThrowingTaskGroup { group in
            for writer in 0..<8 {
                group.addTask { [database] in
                    let context = OperationContext(principal: Principal("writer-\(writer)"))
                    for index in 0..<50 { try await database.write(context) { try $0.note("\(writer)-\(index)") } }
                }
            }
            try await group.waitForAll()
        }
        let records = try await AuditLog(database).list()
        #expect(records.map(\.sequence) == Array(1...400))
        for writer in 0..<8 {
            let own = records.filter { $0.principal.name == "writer-\(writer)" }.map(\.subject.identifier)
            #expect(own == (0..<50).map { "\(writer)-\($0)" })
        }
        await database.close()
        #expect(try AuditLog.verify(path: scratch.database).isIntact)
    }

    @Test func `A violated constraint fails the statement, and a closure that handles it goes on`() async throws {
        try await database.write(.system) { try $0.note("a") }
        let code = try await database.write(.system) { transaction -> StorageError? in
            try transaction.note("b")
            do {
                try transaction.note("a")
                return nil
            } catch let error as StorageError {
                return error
            }
        }
        #expect(code?.code == .constraint)
        #expect(code?.extendedCode == 2067, "SQLITE_CONSTRAINT_UNIQUE")
        #expect(code?.message.contains("notes.text") == true)
        #expect(try await database.read { try $0.notes() } == ["a", "b"])
    }

    @Test func `A closure that ends its group's transaction fails the group and writes nothing`() async throws {
        await #expect {
            try await database.write(.system) { transaction in
                try transaction.execute("ROLLBACK")
                _ = try? transaction.execute("INSERT INTO notes (text) VALUES ('stray')")
            }
        } throws: {
            ($0 as? StorageError)?.code == .database
        }
        #expect(try await database.read { try $0.notes() } == [])
        try await database.write(.system) { try $0.note("later") }
        #expect(try await AuditLog(database).list().map(\.sequence) == [1])
    }

    @Test func `A read sees one state, whatever is written meanwhile`() async throws {
        try await database.write(.system) { try $0.note("before") }
        let gate = Gate()
        async let counts = database.read { transaction in
            let first = try transaction.notes()
            gate.wait()
            return (first, try transaction.notes())
        }
        await gate.reached()
        try await database.write(.system) { try $0.note("meanwhile") }
        #expect(try await database.read { try $0.notes() } == ["before", "meanwhile"], "the other reader is free")
        gate.open()
        let (first, second) = try await counts
        #expect(first == ["before"])
        #expect(second == ["before"])
    }

    @Test func `A read transaction cannot write`() async throws {
        for database in [database, try openNotes(Database.inMemory)] {
            await #expect(throws: StorageError.self) {
                try await database.read { transaction in
                    try transaction.query("INSERT INTO notes (text) VALUES ('x') RETURNING id") { row -> Int in
                        try row[0]
                    }
                }
            }
            #expect(try await database.read { try $0.notes() } == [])
        }
    }

    @Test func `Past the limit of waiting writes new ones are refused, and those waiting succeed`() async throws {
        let limit = Limits.databaseWritesQueuedMax
        try await database.holdingWriter(until: limit) { group in
            for _ in 0..<limit {
                group.addTask { [database] in try await database.maintain { _ in } }
            }
        } whileHeld: { [database] in
            await #expect {
                try await database.write(.system) { try $0.note("too much") }
            } throws: {
                ($0 as? StorageError)?.code == .throttled
            }
        }
        try await database.write(.system) { try $0.note("again") }
        #expect(try await database.read { try $0.notes() } == ["again", "held"])
    }

    @Test func `Closing finishes what has queued and refuses what comes later`() async throws {
        try await database.holdingWriter(until: 5) { group in
            for index in 0..<5 {
                group.addTask { [database] in try await database.write(.system) { try $0.note("\(index)") } }
            }
        }
        await database.close()
        await #expect(throws: StorageError(.closed, "the database has been closed")) {
            try await database.write(.system) { try $0.note("late") }
        }
        await #expect(throws: StorageError(.closed, "the database has been closed")) {
            try await database.read { try $0.notes() }
        }
        #expect(!Files.exists(scratch.database + "-wal"), "closing empties the write-ahead log")
        let again = try openNotes(scratch.database)
        #expect(try await again.read { try $0.notes() } == ["0", "1", "2", "3", "4", "held"])
        await again.close()
    }

    @Test func `A database in memory reads and writes in one queue`() async throws {
        let database = try openNotes(Database.inMemory)
        try await database.write(.system) { try $0.note("a") }
        #expect(try await database.read { try $0.notes() } == ["a"])
        #expect(try await AuditLog(database).list().count == 1)
        await database.close()
    }

    @Test func `A change that no audit record explains stops the process`() async throws {
        await #expect(processExitsWith: .failure) {
            let database = try openNotes(Database.inMemory)
            try await database.write(.system) { transaction in
                _ = try transaction.execute("INSERT INTO notes (text) VALUES ('x')")
            }
        }
        // What changes nothing needs no record, and neither does bookkeeping.
        try await database.write(.system) { transaction in _ = try transaction.execute("DELETE FROM notes") }
        try await database.maintain { transaction in
            _ = try transaction.execute("INSERT INTO notes (text) VALUES ('x')")
        }
        #expect(try await database.read { try $0.notes() } == ["x"])
    }

    @Test func `A foreign key without its row is refused`() async throws {
        let children = Migration(
            module: "children", number: 1, name: "children",
            sql: "CREATE TABLE children (note INTEGER NOT NULL REFERENCES notes (id)) STRICT;")
        let database = try Database(
            path: Database.inMemory, migrations: [notesMigration, children], clock: SystemClock(), log: quiet)
        await #expect {
            try await database.maintain { try $0.execute("INSERT INTO children VALUES (7)") }
        } throws: {
            ($0 as? StorageError)?.code == .constraint
        }
    }
}
