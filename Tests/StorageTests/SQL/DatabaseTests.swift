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
        // The first write holds the writer until the others have queued, so that they form one group.
        let gate = Gate()
        try await withThrowingTaskGroup { group in
            group.addTask { [database] in
                try await database.write(.system) { transaction in
                    gate.wait()
                    try transaction.note("first")
                }
            }
            await gate.reached()
            for index in 0..<20 {
                group.addTask { [database] in
                    do {
                        try await database.write(.system) { transaction in
                            try transaction.note("note \(index)")
                            if index % 2 == 1 { throw Refusal() }
                        }
                        #expect(index % 2 == 0)
                    } catch is Refusal {
                        #expect(index % 2 == 1)
                    }
                }
            }
            try await database.waitForQueue(of: 20)
            gate.open()
            try await group.waitForAll()
        }
        let notes = try await database.read { try $0.notes() }
        #expect(Set(notes) == Set(["first"] + (0..<20).filter { $0 % 2 == 0 }.map { "note \($0)" }))
        await database.close()
        let report = try AuditLog.verify(path: scratch.database)
        #expect(report.isIntact)
        #expect(report.recordCount == 11)
    }
}
