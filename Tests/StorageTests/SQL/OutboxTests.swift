import Core
import Testing

@testable import Storage

@Suite struct OutboxTests {
    private let database: Database
    private let outbox: Outbox

    init() throws {
        database = try openNotes(Database.inMemory)
        outbox = Outbox(database)
    }

    @Test func `Events of committed transactions wait in order, those of failed ones are gone`() async throws {
        let identifier = Identifier(high: 1, low: 2)
        try await database.write(.system) { transaction in
            try transaction.note("a")
            try transaction.emit(topic: "default", eventID: identifier, body: [1])
            try transaction.emit(topic: "default", body: [2])
        }
        await #expect(throws: Refusal.self) {
            try await database.write(.system) { transaction in
                try transaction.emit(topic: "default", body: [3])
                throw Refusal()
            }
        }
        try await database.maintain { try $0.emit(topic: "other", body: []) }
        let pending = try await outbox.pending(limit: 10)
        #expect(pending.map(\.body) == [[1], [2], []])
        #expect(pending.map(\.topic) == ["default", "default", "other"])
        #expect(pending.map(\.eventID) == [identifier, nil, nil])
        #expect(try await outbox.pending(after: pending[0].id, limit: 1).map(\.body) == [[2]])
    }

    @Test func `Identifiers are not used again after everything was removed`() async throws {
        try await database.maintain { try $0.emit(topic: "t", body: [1]) }
        let first = try #require(try await outbox.pending(limit: 1).first)
        try await outbox.remove(through: first.id)
        #expect(try await outbox.pending(limit: 1).isEmpty)
        try await database.maintain { try $0.emit(topic: "t", body: [2]) }
        #expect(try await outbox.pending(after: first.id, limit: 1).map(\.body) == [[2]])
    }

    @Test func `The relay is woken when an event is durable, and let go when the database closes`() async throws {
        var arrivals = outbox.arrivals.makeAsyncIterator()
        try await database.maintain { try $0.emit(topic: "t", body: [1]) }
        #expect(await arrivals.next() != nil)
        await database.close()
        #expect(await arrivals.next() == nil)
    }
}
