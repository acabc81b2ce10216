import Core
import Platform
import Testing

@testable import Storage

@Suite struct AuditReportTests {
    private let scratch: Scratch
    private var path: String { scratch.database }

    /// Ten records, closed.
    init() async throws {
        scratch = try Scratch()
        let database = try openNotes(scratch.database)
        let context = OperationContext(principal: .local, cause: Subject(.event, "e"))
        for index in 1...10 { try await database.write(context) { try $0.note("\(index)") } }
        await database.close()
    }

    @Test func `An untouched chain is intact`() throws {
        let report = try AuditLog.verify(path: path)
        #expect(report.isIntact)
        #expect(report.recordCount == 10)
        #expect(report.faultCount == 0)
        #expect(report.firstSequence == 1)
        #expect(report.lastSequence == 10)
        #expect(report.json["intact"] == true)
        #expect(report.json["headHash"]?.string == report.headHash.description)
    }

    @Test(arguments: [
        "time = time + 1", "principal = 'someone'", "action = 'PutNotf'", "subject = 'document/55'", "cause = NULL",
        "cause = ''", "outcome = 'started'", "detail = '{}'", "detail = CAST(x'7BFF7D' AS TEXT)",
        "principal = substr(principal, 1, 4), action = substr(principal, 5) || action",
    ], [1, 5, 10] as [Int64])
    func `A changed column is found, whichever and wherever`(change: String, sequence: Int64) throws {
        try tamper(path, "UPDATE audit SET \(change) WHERE sequence = \(sequence)")
        let report = try AuditLog.verify(path: path)
        #expect(report.firstFault == AuditReport.Fault(sequence: sequence, kind: .altered))
        #expect(report.faultCount == 1)
        #expect(report.recordCount == 10)
    }

    @Test(arguments: [1, 5, 10] as [Int64]) func `A changed hash is found`(sequence: Int64) throws {
        try tamper(path, "UPDATE audit SET hash = zeroblob(32) WHERE sequence = \(sequence)")
        let report = try AuditLog.verify(path: path)
        #expect(report.firstFault == AuditReport.Fault(sequence: sequence, kind: .hashAltered))
        #expect(report.faultCount == 1)
    }

    @Test(arguments: [
        (1...1, 1), (5...5, 5), (5...7, 5), (10...10, 10), (8...10, 8), (1...10, 1),
    ] as [(ClosedRange<Int64>, Int64)])
    func `Removed records are missed, the last ones too`(removed: ClosedRange<Int64>, first: Int64) throws {
        try tamper(
            path, "DELETE FROM audit WHERE sequence BETWEEN \(removed.lowerBound) AND \(removed.upperBound)")
        let report = try AuditLog.verify(path: path)
        #expect(report.firstFault == AuditReport.Fault(sequence: first, kind: .missing))
        #expect(report.recordCount == 10 - removed.count)
    }

    @Test func `Records removed and renumbered do not pass`() throws {
        try tamper(
            path, "DELETE FROM audit WHERE sequence = 5; UPDATE audit SET sequence = sequence - 1 WHERE sequence > 5;")
        #expect(try AuditLog.verify(path: path).firstFault?.sequence == 5)
    }

    @Test func `Records that are exchanged do not pass`() throws {
        try tamper(
            path,
            """
            UPDATE audit SET sequence = -1 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 5;
            UPDATE audit SET sequence = 5 WHERE sequence = -1;
            """)
        #expect(try AuditLog.verify(path: path).firstFault?.sequence == 4)
    }

    @Test func `A record added at the end or before the beginning does not pass`() throws {
        let columns = "time, principal, action, subject, cause, outcome, detail, hash"
        try tamper(path, "INSERT INTO audit SELECT 11, \(columns) FROM audit WHERE sequence = 10")
        #expect(try AuditLog.verify(path: path).firstFault == AuditReport.Fault(sequence: 11, kind: .unexpected))
        try tamper(path, "INSERT INTO audit SELECT 0, \(columns) FROM audit WHERE sequence = 1")
        #expect(try AuditLog.verify(path: path).firstFault == AuditReport.Fault(sequence: 0, kind: .unexpected))
        #expect(try AuditLog.verify(path: path).faultCount == 2)
    }

    @Test func `A record rewritten with its hash is betrayed by the next, or by the end of the chain`() throws {
        for sequence in [10, 5] as [Int64] {
            let connection = try Connection(path: path, access: .readWrite)
            let before: Digest? = try connection.value("SELECT hash FROM audit WHERE sequence = ?", [sequence - 1])
            let forged = AuditEntry(
                sequence: sequence, time: Timestamp(seconds: 0), principal: "someone", action: "PutNote",
                subject: "document/x", cause: nil, outcome: "success", detail: "{}")
            try connection.execute("DELETE FROM audit WHERE sequence = ?", [sequence])
            try connection.execute(
                AuditEntry.insertion, forged.values + [forged.hash(after: try #require(before))])
            let fault = try #require(try AuditLog.verify(path: path).firstFault)
            #expect(fault.sequence == min(sequence + 1, 10))
            #expect(fault.kind == (sequence == 10 ? .brokenLink : .altered))
        }
    }

    @Test func `Any flipped bit in a record is found`() async throws {
        let original = try Files.read(path)
        // The details are the only place of these words, so that each flip hits a record and not the tree around it.
        let word = Array(#"{"Length":"#.utf8)
        let places = original.indices.filter { original[$0...].starts(with: word) }
        #expect(places.count >= 10)
        var generator = SystemRandomNumberGenerator()
        for place in places.prefix(10) {
            var bytes = original
            let offset = Int.random(in: 0..<word.count, using: &generator)
            bytes[place + offset] ^= 1 << Int.random(in: 0..<8, using: &generator)
            try Files.write(bytes, to: path)
            let report = try AuditLog.verify(path: path)
            #expect(report.firstFault?.kind == .altered)
            #expect(report.faultCount == 1)
        }
    }

    @Test func `The chain of a database whose end was cut off goes on with the gap in it`() async throws {
        try tamper(path, "DELETE FROM audit WHERE sequence > 8")
        let database = try openNotes(path)
        try await database.write(.system) { try $0.note("later") }
        await database.close()
        let report = try AuditLog.verify(path: path)
        #expect(report.firstFault == AuditReport.Fault(sequence: 9, kind: .missing))
        #expect(report.lastSequence == 11)
        #expect(report.recordCount == 9)
    }

    @Test func `A chain in use is verified beside its writer`() async throws {
        let database = try openNotes(path)
        try await database.write(.system) { try $0.note("unmoved") }
        let report = try AuditLog.verify(path: path)
        #expect(report.isIntact)
        #expect(report.recordCount == 11)
        await database.close()
    }
}
