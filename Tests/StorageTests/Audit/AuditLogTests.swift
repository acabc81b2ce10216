import Core
import Platform
import Synchronization
import Testing

@testable import Storage

/// A clock that stands where the test puts it.
private final class SetClock: Platform.Clock {
    private let time = Mutex(Timestamp(seconds: 1_700_000_000))

    var now: Timestamp {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    var monotonic: Duration { .zero }

    func sleep(until time: Timestamp) async throws { try await Task.sleep(for: .seconds(3600)) }
}

@Suite struct AuditLogTests {
    private let clock = SetClock()
    private let scratch: Scratch
    private let database: Database
    private let log: AuditLog

    init() throws {
        scratch = try Scratch()
        database = try Database(path: scratch.database, clock: clock, log: quiet)
        log = AuditLog(database)
    }

    private func record(
        _ action: String, _ subject: Subject, cause: Subject? = nil, by principal: Principal = .local,
        outcome: AuditOutcome = .success, detail: JSON = [:]
    ) async throws {
        let context = OperationContext(principal: principal, cause: cause)
        try await database.write(context) { transaction in
            try transaction.audit(action, on: subject, outcome: outcome, detail: detail)
        }
        clock.now = clock.now + .seconds(1)
    }

    /// An event that a rule matches, two attempts of a delivery, and a rule put by a person.
    private func story() async throws {
        try await record("PutRule", Subject(.rule, "default/drift"))
        try await record("PutEvents", Subject(.event, "e1"), by: Principal("checker"))
        try await record(
            "DeliveryAttempt", Subject(.delivery, "d1"), cause: Subject(.event, "e1"), by: .system,
            outcome: .failure("ThrottlingException"))
        try await record(
            "DeliveryAttempt", Subject(.delivery, "d1"), cause: Subject(.event, "e1"), by: .system, outcome: .started)
        try await record("DeleteRule", Subject(.rule, "default/drift"), detail: ["Force": true])
    }

    private func sequences(_ change: (inout AuditFilter) -> Void) async throws -> [Int64] {
        var filter = AuditFilter()
        change(&filter)
        return try await log.list(filter).map(\.sequence)
    }

    @Test func `A filter lets through what it names`() async throws {
        try await story()
        #expect(try await sequences { _ in } == [1, 2, 3, 4, 5])
        #expect(try await sequences { $0.subject = Subject(.rule, "default/drift") } == [1, 5])
        #expect(try await sequences { $0.subjectKind = .delivery } == [3, 4])
        #expect(try await sequences { $0.cause = Subject(.event, "e1") } == [3, 4])
        #expect(try await sequences { $0.principal = Principal("checker") } == [2])
        #expect(try await sequences { $0.action = "PutRule" } == [1])
        #expect(try await sequences { $0.action = "Put*" } == [1, 2])
        #expect(try await sequences { $0.action = "Put" } == [])
        #expect(try await sequences { $0.action = "*" } == [1, 2, 3, 4, 5])
        #expect(try await sequences { $0.outcome = .success } == [1, 2, 5])
        #expect(try await sequences { $0.outcome = .failure } == [3])
        #expect(try await sequences { $0.outcome = .started } == [4])
        #expect(try await sequences { $0.since = Timestamp(seconds: 1_700_000_003) } == [4, 5])
        #expect(try await sequences { $0.until = Timestamp(seconds: 1_700_000_001) } == [1])
        #expect(try await sequences { $0.after = 3 } == [4, 5])
        #expect(try await sequences { $0.limit = 2 } == [1, 2])
        let page = try await sequences { filter in
            filter.before = 5
            filter.newestFirst = true
            filter.limit = 2
        }
        #expect(page == [4, 3])
        let both = try await sequences { filter in
            filter.subjectKind = .delivery
            filter.outcome = .started
        }
        #expect(both == [4])
        #expect(try await log.children(of: Subject(.event, "e1")).map(\.sequence) == [3, 4])
        await database.close()
    }

    @Test func `A record is shown with all it holds`() async throws {
        try await story()
        let records = try await log.list()
        #expect(
            records[2].json.text.hasPrefix(
                #"""
                {"Sequence":3,"Time":"2023-11-14T22:13:22.000Z","Principal":"system","Action":"DeliveryAttempt",\#
                "Subject":"delivery/d1","Cause":"event/e1","Outcome":"failure:ThrottlingException","Detail":{},"Hash":"
                """#))
        #expect(records[4].detail == ["Force": true])
        #expect(records[4].json["cause"] == nil)
        await database.close()
    }

    /// Computed with Python's hashlib: BLAKE2b with 32 bytes, keyed with the hash before.
    @Test func `The hashes are those of an independent implementation`() {
        let first = AuditEntry(
            sequence: 1, time: Timestamp(microseconds: 1_700_000_000_000_000), principal: "local", action: "PutRule",
            subject: "rule/grüße", cause: nil, outcome: "success", detail: #"{"State":"ENABLED"}"#)
        let hash = first.hash(after: .zero)
        #expect(hash.description == "54ed94f9ae867b5e0ecd05a81a38445f06ea3129d272ec2e47293b0fd15a1330")
        let second = AuditEntry(
            sequence: 2, time: Timestamp(microseconds: 1_700_000_000_000_001), principal: "system",
            action: "DeliveryAttempt", subject: "delivery/1", cause: "rule/grüße",
            outcome: "failure:ThrottlingException", detail: "{}")
        #expect(
            second.hash(after: hash).description
                == "8e3ee4f4b780e9e33a8b0d1fe42f754c8ef8c944a531d480f4af79ae62130fe1")
    }

    @Test func `Pruning removes what is older and keeps the rest verifiable`() async throws {
        try await story()
        let removed = try await log.prune(before: Timestamp(seconds: 1_700_000_003), context: .system)
        #expect(removed == 3)
        let records = try await log.list()
        #expect(records.map(\.sequence) == [4, 5, 6])
        #expect(records[2].action == "PruneAuditLog")
        #expect(records[2].detail == ["Through": 3, "Records": 3])
        #expect(try await log.prune(before: Timestamp(seconds: 1_700_000_003), context: .system) == 0)
        #expect(try await log.list().count == 3, "pruning nothing leaves no record")
        await database.close()
        let report = try AuditLog.verify(path: scratch.database)
        #expect(report.isIntact)
        #expect(report.firstSequence == 4)
        #expect(report.lastSequence == 6)
        #expect(report.recordCount == 3)
    }

    @Test func `Pruning everything leaves its own record, and the chain goes on`() async throws {
        try await story()
        #expect(try await log.prune(before: clock.now, context: .system) == 5)
        try await record("PutRule", Subject(.rule, "later"))
        #expect(try await log.list().map(\.action) == ["PruneAuditLog", "PutRule"])
        await database.close()
        #expect(try AuditLog.verify(path: scratch.database).isIntact)
        let again = try Database(path: scratch.database, clock: clock, log: quiet)
        try await again.write(.system) { try $0.audit("PutRule", on: Subject(.rule, "x"), outcome: .success) }
        await again.close()
        let report = try AuditLog.verify(path: scratch.database)
        #expect(report.isIntact)
        #expect(report.lastSequence == 8)
    }
}
