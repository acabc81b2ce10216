import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Schedules") struct ScheduleRunnerTests {
    private let clock = ManualClock()

    private func schedule(_ engine: TestEvents, _ expression: String, name: String = "r") async throws {
        try await engine.call(
            "events:PutRule", ["Name": .string(name), "ScheduleExpression": .string(expression)])
        try await engine.call("events:PutTargets", ["Rule": .string(name), "Targets": [TestEvents.target()]])
    }

    /// Moves the time to the alarm that a schedule must have set.
    private func advance(_ engine: TestEvents, by duration: Duration) async throws {
        let due = engine.clock.now + duration
        try await eventually("an alarm at \(due)") { engine.clock.alarms.contains(due) }
        engine.clock.advance(by: duration)
    }

    private func times(_ engine: TestEvents) throws -> [JSON?] {
        try engine.events().filter { $0["detail-type"] == "Scheduled Event" }.map { $0["time"] }
    }

    @Test("rate() fires from its creation on, with the service's event, for its own rule alone")
    func rate() async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            try await engine.rule("all", pattern: ["source": [["prefix": ""]]], targets: [])
            try await schedule(engine, "rate(5 minutes)")
            try await advance(engine, by: .seconds(300))
            try await eventually("it fires") { try engine.events().count == 1 }
            try await advance(engine, by: .seconds(300))
            try await eventually("it fires again") { engine.targets.calls.count == 2 }
            let events = try engine.events()
            #expect(events.map { $0["time"] } == ["2027-01-15T08:05:00Z", "2027-01-15T08:10:00Z"])
            #expect(events[0]["source"] == "aws.events" && events[0]["detail-type"] == "Scheduled Event")
            #expect(events[0]["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/r"])
            #expect(events[0]["detail"] == [:])
            #expect(events[0]["id"] != events[1]["id"])
            #expect(try engine.entries().allSatisfy { $0.onlyRule == "r" && $0.principal == .system })
            #expect(Set(engine.targets.calls.map(\.context.principal)) == [Principal("rule/r")])
        }
    }

    @Test("cron() fires at its times, and several schedules each at their own")
    func cron() async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            try await schedule(engine, "cron(10-20/5 8 * * ? *)", name: "a")
            try await schedule(engine, "cron(15 8 ? * FRI *)", name: "b")
            try await advance(engine, by: .seconds(600))
            try await eventually("a") { try times(engine).count == 1 }
            try await advance(engine, by: .seconds(300))
            try await eventually("a and b") { try times(engine).count == 3 }
            try await advance(engine, by: .seconds(300))
            try await eventually("a") { try times(engine).count == 4 }
            #expect(
                try times(engine) == [
                    "2027-01-15T08:10:00Z", "2027-01-15T08:15:00Z", "2027-01-15T08:15:00Z", "2027-01-15T08:20:00Z",
                ])
            try await eventually("the next day is waited for") {
                engine.clock.alarms.contains(engine.clock.now + .seconds(86_400 - 600))
            }
        }
    }

    @Test("at() fires once; a time that has passed when the rule is made never does")
    func at() async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            try await schedule(engine, "at(2027-01-15T07:59:59)", name: "past")
            try await schedule(engine, "at(2027-01-15T08:00:30)")
            try await advance(engine, by: .seconds(30))
            try await eventually("it fires") { engine.targets.calls.count == 1 }
            let upcoming = try await engine.database.read { try ScheduleStore.upcoming($0).count }
            #expect(upcoming == 0)
            #expect(try times(engine) == ["2027-01-15T08:00:30Z"])
        }
    }

    @Test("Saving a rule again does not restart its schedule; another expression, and enabling it anew, do")
    func anchors() async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            let due = { try await engine.database.read { try ScheduleStore.upcoming($0).first.map(\.due) } }
            let start = clock.now
            try await schedule(engine, "rate(5 minutes)")
            clock.advance(by: .seconds(60))
            try await schedule(engine, "rate(5 minutes)")
            #expect(try await due() == start + .seconds(300))
            try await schedule(engine, "rate(6 minutes)")
            #expect(try await due() == start + .seconds(420))
            try await engine.call("events:DisableRule", ["Name": "r"])
            #expect(try await due() == nil)
            clock.advance(by: .seconds(3600))
            try await engine.call("events:EnableRule", ["Name": "r"])
            #expect(try await due() == start + .seconds(3660 + 360))
            try await engine.call("events:RemoveTargets", ["Rule": "r", "Ids": ["1"]])
            try await engine.call("events:DeleteRule", ["Name": "r"])
            #expect(try await due() == nil)
            #expect(try engine.events().isEmpty)
        }
    }

    @Test(
        "What was missed while the server was down fires once for the latest time, and an event tells what was missed",
        arguments: [
            ("rate(5 minutes)", 3600, "2027-01-15T09:00:00Z", "2027-01-15T08:05:00Z", 11),
            ("rate(5 minutes)", 361, "2027-01-15T08:05:00Z", "2027-01-15T08:05:00Z", 0),
            ("cron(0 * * * ? *)", 7 * 86_400, "2027-01-22T08:00:00Z", "2027-01-15T09:00:00Z", 167),
            ("at(2027-01-15T08:00:10)", 3600, "2027-01-15T08:00:10Z", "2027-01-15T08:00:10Z", 0),
        ])
    func missed(expression: String, downSeconds: Int, firedFor: String, first: String, passedOver: Int) async throws {
        let directory = try TemporaryDirectory()
        let journal = MemoryJournal(clock: clock)
        func engine() throws -> TestEvents {
            try TestEvents(
                clock: clock, journal: journal,
                database: TestEvents.database(directory.path + "/state.db", clock: clock))
        }
        let down = try engine()
        try await TestEvents.run(down) { try await schedule($0, expression) }
        await down.database.close()
        clock.advance(by: .seconds(downSeconds))
        for _ in 1...2 {
            let up = try engine()
            try await TestEvents.run(up) { engine in
                try await eventually("both events") { try engine.events().count == 2 }
                let missed = try #require(try engine.events().first { $0["source"] == "opsbus.schedules" })
                #expect(try times(engine) == [.string(firedFor)])
                #expect(missed["detail-type"] == "Schedule Missed")
                #expect(
                    missed["detail"] == [
                        "RuleName": "r", "ScheduleExpression": .string(expression),
                        "FirstMissedTime": .string(first), "FiredForTime": .string(firedFor),
                        "PassedOverCount": .integer(passedOver),
                    ])
            }
            await up.database.close()
        }
        #expect(journal.lastSequence == 2)
    }

    @Test("A delay of up to a minute is no absence, and tells nothing")
    func delayed() async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            try await schedule(engine, "rate(5 minutes)")
            try await eventually("it waits") { clock.alarms.contains(clock.now + .seconds(300)) }
            clock.advance(by: .seconds(360))
            try await eventually("it fires") { engine.targets.calls.count == 1 }
            #expect(try times(engine) == ["2027-01-15T08:05:00Z"])
            #expect(try engine.events().count == 1)
        }
    }

    @Test("A firing that cannot be written is made up for, once")
    func unwritten() async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            try await schedule(engine, "rate(5 minutes)")
            try await eventually("it waits") { clock.alarms.contains(clock.now + .seconds(300)) }
            try await engine.database.refuse("INSERT ON outbox")
            clock.advance(by: .seconds(300))
            try await eventually("it waits a second") { clock.alarms.contains(clock.now + .seconds(1)) }
            #expect(try engine.events().isEmpty)
            try await engine.database.allow("INSERT ON outbox")
            clock.advance(by: .seconds(1))
            try await eventually("it fires") { engine.targets.calls.count == 1 }
            #expect(try times(engine) == ["2027-01-15T08:05:00Z"])
        }
    }
}
