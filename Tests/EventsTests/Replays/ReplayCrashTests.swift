import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

/// Each event comes into the journal once more, whatever fails and whenever the server dies.
@Suite("Replaying through failures") struct ReplayCrashTests {
    private let bed: ArchiveCrashBed

    init() throws { bed = try ArchiveCrashBed() }

    private func begin(_ engine: TestEvents, count: Int, rate: Int) async throws {
        try await ReplayTests.createArchive(engine)
        try await engine.put((1...count).map { TestEvents.entry(["n": .integer($0)]) })
        try await ReplayTests.start(engine, more: ["OpsBus": ["EventsPerSecond": .integer(rate)]])
    }

    /// The numbers of the events that the journal got from replays.
    private func replayed(_ engine: TestEvents) throws -> [Int] {
        try engine.events().filter { $0["replay-name"] != nil }.compactMap { $0["detail"]?["n"]?.int }
    }

    private func followToEnd(_ engine: TestEvents) async throws {
        try await eventually("it is complete") {
            engine.clock.advance(by: .milliseconds(250))
            return try await ReplayTests.describe(engine)["State"] == "COMPLETED"
        }
    }

    @Test("After a restart a replay goes on after the last event that it has sent")
    func restart() async throws {
        let first = try bed.open()
        try await TestEvents.run(first) { engine in
            try await begin(engine, count: 10, rate: 12)
            #expect(try await ReplayTests.describe(engine)["OpsBus"]?["EventCount"] == 3)
        }
        await bed.close(first)
        let second = try bed.open()
        try await TestEvents.run(second) { engine in
            try await eventually("it goes on") {
                try await ReplayTests.describe(engine)["OpsBus"]?["EventCount"] == 6
            }
        }
        await bed.close(second)
        let third = try bed.open()
        try await TestEvents.run(third) { engine in
            try await followToEnd(engine)
            try await eventually("all have come") { try replayed(engine) == Array(1...10) }
        }
        await bed.close(third)
    }

    @Test("A step that fails sends nothing and is made again", arguments: [
        "UPDATE ON replays", "INSERT ON outbox",
    ])
    func stepFails(statement: String) async throws {
        try await TestEvents.run(try bed.open()) { engine in
            try await begin(engine, count: 3, rate: 1000)
            try await engine.database.refuse(statement)
            #expect(try await ReplayTests.describe(engine)["State"] == "STARTING")
            #expect(try replayed(engine) == [])
            try await engine.database.allow(statement)
            engine.clock.advance(by: .seconds(1))
            try await followToEnd(engine)
            try await eventually("all have come") { try replayed(engine) == [1, 2, 3] }
        }
    }

    @Test("What is being cancelled when the server dies has ended when it runs again")
    func cancelled() async throws {
        let first = try bed.open()
        try await TestEvents.run(first) { engine in
            try await begin(engine, count: 10, rate: 4)
            _ = try await ReplayTests.describe(engine)
        }
        // The server dies between the operation and the runner.
        try await first.call("events:CancelReplay", ["ReplayName": "again"])
        await bed.close(first)
        let second = try bed.open()
        try await TestEvents.run(second) { engine in
            try await eventually("it has ended") {
                try await ReplayTests.describe(engine)["State"] == "CANCELLED"
            }
            #expect(try replayed(engine) == [1])
        }
        await bed.close(second)
    }
}
