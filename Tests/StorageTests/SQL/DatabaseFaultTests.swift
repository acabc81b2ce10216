import Core
import Foundation
import Platform
import Testing

@testable import Storage

/// Serialized: the faulty file layer is one for the process.
@Suite(.serialized) struct DatabaseFaultTests {
    private let scratch: Scratch

    init() throws {
        FaultyVFS.register
        scratch = try Scratch()
    }

    /// Writes notes in a burst, so that groups form.
    /// - Returns: Those acknowledged, and the codes of the errors of the others.
    private func burst(_ database: Database, _ texts: [String]) async -> (Set<String>, Set<StorageError.Code>) {
        await withTaskGroup { group in
            for text in texts {
                group.addTask { () -> (String, StorageError.Code?) in
                    do {
                        try await database.write(.system) { transaction in
                            try transaction.note(text, body: [UInt8](repeating: 7, count: 3000))
                        }
                        return (text, nil)
                    } catch let error as StorageError {
                        return (text, error.code)
                    } catch {
                        Issue.record(error)
                        return (text, .database)
                    }
                }
            }
            var acknowledged: Set<String> = []
            var codes: Set<StorageError.Code> = []
            for await (text, code) in group {
                if let code { codes.insert(code) } else { acknowledged.insert(text) }
            }
            return (acknowledged, codes)
        }
    }

    @Test(arguments: FaultyVFS.Failure.allCases)
    func `Whichever write or sync fails, exactly the acknowledged writes stay and the chain holds`(
        _ failure: FaultyVFS.Failure
    ) async throws {
        var step = 0
        var hasFailed = true
        while hasFailed {
            let path = scratch.path("state-\(step).db")
            let database = try openNotes(path, vfs: FaultyVFS.name)
            let before = await burst(database, (0..<3).map { "before \($0)" }).0
            FaultyVFS.fail(failure, after: step)
            let (during, codes) = await burst(database, (0..<6).map { "during \($0)" })
            hasFailed = FaultyVFS.stop()
            #expect(hasFailed == !codes.isEmpty)
            #expect(codes.isSubset(of: [failure == .full ? .diskFull : .inputOutput]))
            let after = await burst(database, ["after"]).0
            #expect(after == ["after"])
            let expected = before.union(during).union(after)
            #expect(Set(try await database.read { try $0.notes() }) == expected)
            await database.close()

            let report = try AuditLog.verify(path: path)
            #expect(report.isIntact, "\(report.firstFault?.description ?? "")")
            #expect(report.recordCount == expected.count)
            #expect(try Database.check(path: path).problems == [])
            let again = try openNotes(path)
            #expect(Set(try await again.read { try $0.notes() }) == expected)
            await again.close()
            step += 1
        }
        // The sweep must have met failures before it ran past the last call.
        #expect(step > (failure == .sync ? 1 : 5))
    }

    @Test func `A full disk fails the group that met it, and writing goes on when there is space`() async throws {
        let database = try openNotes(scratch.database)
        let pages = try await database.maintain { transaction in
            try transaction.note("small")
            let pages: Int = try transaction.queryOne("PRAGMA page_count") { row in try row[0] } ?? 0
            try transaction.forEach("PRAGMA max_page_count = \(pages + 2)", values: []) { _ in false }
            return pages
        }
        await #expect {
            try await database.write(.system) { try $0.note("large", body: .init(repeating: 1, count: 1 << 20)) }
        } throws: {
            ($0 as? StorageError)?.code == .diskFull
        }
        try await database.write(.system) { try $0.note("tiny") }
        try await database.maintain { transaction in
            try transaction.forEach("PRAGMA max_page_count = \(pages + 10_000)", values: []) { _ in false }
        }
        try await database.write(.system) { try $0.note("large", body: .init(repeating: 1, count: 1 << 20)) }
        #expect(try await database.read { try $0.notes() } == ["large", "small", "tiny"])
        await database.close()
        #expect(try AuditLog.verify(path: scratch.database).recordCount == 3)
    }

    @Test func `After an error that ended the transaction, a closure that goes on writes nothing`() async throws {
        let database = try openNotes(scratch.database)
        await #expect(throws: StorageError.self) {
            try await database.write(.system) { transaction in
                try transaction.forEach("PRAGMA max_page_count = 1", values: []) { _ in false }
                _ = try? transaction.note("large", body: .init(repeating: 1, count: 1 << 20))
                try? transaction.note("stray")
            }
        }
        #expect(try await database.read { try $0.notes() } == [])
        await database.close()
    }

    @Test func `A copy made while writing is a sound database with an intact chain`() async throws {
        let database = try openNotes(scratch.database)
        let writing = Task { [database] in
            for round in 0..<30 { _ = await burst(database, (0..<20).map { "\(round)-\($0)" }) }
        }
        // A crash keeps what the two files held at one instant. No checkpoint runs at this size, so the database file
        // stands still and the log only grows: copying one after the other gives such an instant.
        for copy in 0..<10 {
            for _ in 0..<20 { try await database.write(.system) { try $0.note("\(UUID())") } }
            let acknowledged = try await database.read { try $0.notes() }
            let path = scratch.path("copy-\(copy).db")
            for suffix in ["", "-wal"] {
                try Files.write(try Files.read(scratch.database + suffix), to: path + suffix)
            }
            let report = try AuditLog.verify(path: path)
            #expect(report.isIntact)
            let again = try openNotes(path)
            let kept = try await again.read { try $0.notes() }
            #expect(Set(kept).isSuperset(of: acknowledged))
            #expect(report.recordCount == kept.count)
            try await again.write(.system) { try $0.note("after the crash") }
            await again.close()
            #expect(try AuditLog.verify(path: path).isIntact)
        }
        await writing.value
        await database.close()
    }
}
