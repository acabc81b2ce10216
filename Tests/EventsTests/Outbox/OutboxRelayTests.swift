import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("From the outbox to the journal") struct OutboxRelayTests {
    private let clock = ManualClock()
    private let journal: FaultyJournal
    private let directory: TemporaryDirectory

    init() throws {
        journal = FaultyJournal(MemoryJournal(clock: clock))
        directory = try TemporaryDirectory()
    }

    private func open() throws -> Database { try TestEvents.database(directory.path + "/state.db", clock: clock) }

    private func relay(_ database: Database) -> OutboxRelay {
        OutboxRelay(database: database, journal: journal, clock: clock, log: quiet)
    }

    private func emit(_ numbers: ClosedRange<Int>, _ database: Database) async throws {
        try await database.maintain { transaction in
            for number in numbers {
                let entry = StreamEntry(
                    kind: .message, context: .system, payload: JSON.object(["n": .integer(number)]).bytes)
                try transaction.emit(topic: "t/\(number)/", body: entry.encoded)
            }
        }
    }

    private func journaled() throws -> [JSON?] {
        var numbers: [JSON?] = []
        var sequence: UInt64 = 0
        while sequence < journal.lastSequence {
            let slice = try journal.read(after: sequence, bytesMax: 1 << 20)
            slice.forEach { record in
                let entry = StreamEntry(record.body)
                numbers.append(entry.flatMap { try? JSON(parsing: $0.payload) }?["n"])
            }
            sequence = slice.lastSequence
        }
        return numbers
    }

    private func numbers(_ range: ClosedRange<Int>) -> [JSON?] { range.map { .integer($0) } }

    private func waiting(_ database: Database) async throws -> Int {
        try await Outbox(database).pending(limit: 10_000).count
    }

    @Test("What transactions emit is moved in order, also more than one batch of it")
    func order() async throws {
        let database = try open()
        try await emit(1...3, database)
        let relay = relay(database)
        try await relay.start()
        try await emit(4...1500, database)
        try await eventually("all are moved") { try journaled().count == 1500 }
        #expect(try journaled() == numbers(1...1500))
        try await eventually("the outbox is empty") { try await waiting(database) == 0 }
        await relay.stop()
        await database.close()
    }

    @Test("A crash before the append loses nothing")
    func beforeAppend() async throws {
        let database = try open()
        let crashed = relay(database)
        try await crashed.start()
        journal.fail(StorageError(.inputOutput, "the disk is away"))
        try await emit(1...3, database)
        try await eventually("the relay waits") { !clock.alarms.isEmpty }
        #expect(try journaled().isEmpty)
        #expect(try await waiting(database) == 3)
        await database.close()
        journal.fail(nil)
        try await restart(expecting: 1...3)
        await crashed.stop()
        #expect(try journaled() == numbers(1...3))
    }

    @Test("A crash between the append and the removal repeats nothing, and what came after is moved")
    func afterAppend() async throws {
        let database = try open()
        let crashed = relay(database)
        try await crashed.start()
        try await emit(1...2, database)
        try await eventually("the first are moved") { try await waiting(database) == 0 }
        try await database.refuse("DELETE ON outbox")
        try await emit(3...5, database)
        try await eventually("the relay waits") { !clock.alarms.isEmpty }
        #expect(try journaled() == numbers(1...5))
        try await emit(6...7, database)
        try await database.allow("DELETE ON outbox")
        #expect(try await waiting(database) == 5)
        await database.close()
        try await restart(expecting: 1...7)
        await crashed.stop()
    }

    @Test("A removal that fails is made up for before anything is appended again")
    func failedRemoval() async throws {
        let database = try open()
        let relay = relay(database)
        try await relay.start()
        try await database.refuse("DELETE ON outbox")
        try await emit(1...2, database)
        try await eventually("the relay waits") { !clock.alarms.isEmpty }
        try await emit(3...4, database)
        try await database.allow("DELETE ON outbox")
        clock.advance(by: .seconds(10))
        try await eventually("all are moved") { try await waiting(database) == 0 }
        #expect(try journaled() == numbers(1...4))
        await relay.stop()
        await database.close()
    }

    @Test("What is emitted until the end is moved before the end")
    func stop() async throws {
        let database = try open()
        let relay = relay(database)
        try await relay.start()
        try await emit(1...600, database)
        await relay.stop()
        #expect(try journaled() == numbers(1...600))
        await database.close()
    }

    @Test("A journal that lost its end gets what the outbox still has, and no more")
    func lostEnd() async throws {
        let database = try open()
        try await database.maintain { try JournalCursor.write(100, "outbox", $0) }
        try await emit(1...2, database)
        await database.close()
        try await restart(expecting: 1...2)
    }

    /// Starts twice over, as a server does that is restarted.
    private func restart(expecting range: ClosedRange<Int>) async throws {
        for _ in 1...2 {
            let database = try open()
            let relay = relay(database)
            try await relay.start()
            try await eventually("the outbox is empty") { try await waiting(database) == 0 }
            #expect(try journaled() == numbers(range))
            await relay.stop()
            #expect(try journaled() == numbers(range))
            await database.close()
        }
    }
}
