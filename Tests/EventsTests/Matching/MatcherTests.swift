import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Deciding deliveries") struct MatcherTests {
    private let clock = ManualClock()

    private func received(_ engine: TestEvents) -> [JSON?] {
        engine.targets.calls.map { call in
            (try? JSON(parsing: call.input["Message"]?.string ?? ""))?["detail"]?["n"]
        }
    }

    @Test("Every rule that matches fires, on its own bus only, and each target once")
    func matching() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.rule("a", targets: [TestEvents.target("1"), TestEvents.target("2")])
            try await engine.rule("b", pattern: ["detail": ["n": [2]]])
            try await engine.rule("c", bus: "other")
            try await engine.rule("untargeted", targets: [])
            let ids = try await engine.put([
                TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2]), TestEvents.entry(["n": 3], bus: "other"),
                TestEvents.entry(["n": 4], source: "unknown"),
            ])
            let expected = [
                "\(ids[0])/default/a/1", "\(ids[0])/default/a/2", "\(ids[1])/default/a/1", "\(ids[1])/default/a/2",
                "\(ids[1])/default/b/1", "\(ids[2])/other/c/1",
            ]
            try await eventually("all are delivered") { try await engine.audit("Deliver").count == expected.count }
            #expect(Set(engine.targets.calls.map { $0.context.cause?.identifier }) == Set(expected))
            #expect(engine.targets.calls.count == expected.count)
        }
    }

    @Test("Events taken in before the matcher runs are decided once it does")
    func behind() async throws {
        let journal = MemoryJournal(clock: clock)
        let directory = try TemporaryDirectory()
        let first = try TestEvents(
            clock: clock, journal: journal, database: TestEvents.database(directory.path + "/db", clock: clock))
        try await TestEvents.run(first) { try await $0.rule() }
        // The server dies between the journal and the matcher: the event is acknowledged and nothing else.
        for number in 1...3 { try await first.put(TestEvents.entry(["n": .integer(number)])) }
        await first.database.close()
        for expected in [3, 3] {
            let engine = try TestEvents(
                clock: clock, journal: journal, database: TestEvents.database(directory.path + "/db", clock: clock),
                targets: first.targets)
            try await TestEvents.run(engine) { engine in
                try await eventually("they are delivered") { try await engine.audit("Deliver").count == expected }
                #expect(Set(received(engine)) == [1, 2, 3] && engine.targets.calls.count == 3)
                #expect(try await engine.pendingCount() == 0)
            }
            await engine.database.close()
        }
    }

    @Test("What was decided and not delivered before a crash is delivered after it, and not decided again")
    func decided() async throws {
        let journal = MemoryJournal(clock: clock)
        let directory = try TemporaryDirectory()
        let path = directory.path + "/db"
        let database = try TestEvents.database(path, clock: clock)
        let setup = try TestEvents(clock: clock, journal: journal, database: database)
        try await TestEvents.run(setup) { try await $0.rule() }
        try await setup.put([TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2])])
        // A matcher whose deliveries nobody takes: the server dies before the dispatcher sees them.
        let logs = BusLog(
            buses: BusDirectory(account: Account()), caller: setup.targets, clock: clock, log: quiet)
        let matcher = Matcher(
            journal: journal, database: database, account: Account(), concurrency: RuleConcurrency(), logs: logs,
            clock: clock, log: quiet, onDeliveries: { _ in })
        try await matcher.start(account: Account())
        try await eventually("they are decided") { try await setup.pendingCount() == 2 }
        await matcher.stop()
        await database.close()
        let engine = try TestEvents(
            clock: clock, journal: journal, database: TestEvents.database(path, clock: clock))
        try await TestEvents.run(engine) { engine in
            try await eventually("they are delivered") { try await engine.audit("Deliver").count == 2 }
            #expect(Set(received(engine)) == [1, 2] && engine.targets.calls.count == 2)
        }
        await engine.database.close()
    }

    @Test("Deliveries and the place in the journal are one transaction: where it fails, neither is there")
    func transaction() async throws {
        try await TestEvents.run { engine in
            try await engine.rule()
            let cursor = { try await engine.database.read { try JournalCursor.read(Matcher.cursorName, $0) } }
            let before = try await cursor()
            try await engine.database.refuse("INSERT ON deliveries")
            try await engine.put([TestEvents.entry(["n": 1]), TestEvents.entry(["n": 2])])
            try await eventually("the matcher waits") {
                engine.clock.alarms.contains(engine.clock.now + .seconds(1))
            }
            #expect(try await cursor() == before)
            #expect(engine.targets.calls.isEmpty)
            try await engine.database.allow("INSERT ON deliveries")
            engine.clock.advance(by: .seconds(1))
            try await eventually("they are delivered") { try await engine.audit("Deliver").count == 2 }
            #expect(received(engine).count == 2)
            #expect(try await cursor() == 2)
        }
    }

    @Test("A change of rules holds from the next event on, and its place in the journal is on record")
    func changes() async throws {
        try await TestEvents.run { engine in
            try await engine.rule("count", targets: [TestEvents.target(arn: "arn:aws:logs:::log-group:/all")])
            func put(_ number: Int) async throws {
                try await engine.put(TestEvents.entry(["n": .integer(number)]))
                try await eventually("event \(number) is decided and logged") {
                    let logged = try? await engine.call("logs:FilterLogEvents", ["logGroupName": "/all"])
                    return logged?["events"]?.array?.count == number
                }
            }
            try await put(1)
            try await engine.rule("r", pattern: ["detail": ["n": [["numeric": [">", 1]]]]])
            try await put(2)
            try await engine.call("events:DisableRule", ["Name": "r"])
            try await put(3)
            try await engine.call("events:EnableRule", ["Name": "r"])
            try await put(4)
            try await engine.call("events:PutRule", ["Name": "r", "EventPattern": #"{"detail":{"n":[6]}}"#])
            try await put(5)
            try await put(6)
            try await eventually("all are delivered") { engine.targets.calls.count == 3 }
            #expect(received(engine) == [2, 4, 6])
            var filter = AuditFilter()
            filter.subject = Subject(.rule, "default/r")
            let records = try await AuditLog(engine.database).list(filter)
            #expect(records.map(\.action) == ["PutRule", "PutTargets", "DisableRule", "EnableRule", "PutRule"])
            #expect(records.map { $0.detail["AfterSequence"] } == [1, 1, 2, 3, 4])
        }
    }

    @Test("Where the journal has lost its end, what refers to it is given up and new events are matched")
    func lostEnd() async throws {
        let database = try TestEvents.database(clock: clock)
        try await database.maintain { try JournalCursor.write(10, Matcher.cursorName, $0) }
        let letterless = Delivery(
            sequence: 9, bus: "default", rule: "r", target: "1", eventID: Identifier(high: 1, low: 2), attempts: 1,
            created: clock.now, due: clock.now + .seconds(60))
        try await database.maintain { try DeliveryStore.insert(letterless, $0) }
        try await TestEvents.run(try TestEvents(clock: clock, database: database)) { engine in
            #expect(try await engine.deadLetters().map { $0["ErrorCode"] } == ["NO_EVENT"])
            #expect(try await engine.audit("GiveUpLostRecords").count == 1)
            try await engine.rule()
            try await engine.put(TestEvents.entry(["n": 1]))
            try await eventually("the new event is delivered") { engine.targets.calls.count == 1 }
        }
    }
}
