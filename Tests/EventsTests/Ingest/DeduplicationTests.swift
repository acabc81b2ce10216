import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Events sent again under their ids") struct DeduplicationTests {
    private let id = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
    private let clock = ManualClock()

    private func chosen(_ id: String, bus: String? = nil) -> JSON {
        var entry = TestEvents.entry(bus: bus)
        entry["OpsBusEventId"] = .string(id)
        return entry
    }

    @Test("An id is taken in once, within a request and over requests, and answered every time")
    func once() async throws {
        let engine = try TestEvents()
        #expect(try await engine.put([chosen(id), chosen(id.uppercased())]) == [id, id])
        #expect(try await engine.put(chosen(id)) == id)
        #expect(try engine.events().map { $0["id"] } == [.string(id)])
        // What the service chooses itself never repeats.
        let free = try await engine.put([TestEvents.entry(), TestEvents.entry()])
        #expect(Set(free).count == 2)
    }

    @Test("One id may be put on several buses, once on each")
    func buses() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.put([chosen(id), chosen(id, bus: "other"), chosen(id, bus: "other")])
            #expect(try engine.entries().filter { $0.eventID.description == id }.map(\.bus) == ["default", "other"])
        }
    }

    @Test("An entry that is refused is not remembered")
    func refused() async throws {
        let engine = try TestEvents()
        var entry = chosen(id)
        entry["Detail"] = "no json"
        let (_, answer) = await engine.publish(JSON.object(["Entries": [entry]]).bytes)
        #expect(answer["FailedEntryCount"] == 1)
        try await engine.put(chosen(id))
        #expect(try engine.events().count == 1)
    }

    @Test("The window is ten minutes, to the microsecond")
    func window() async throws {
        let engine = try TestEvents(clock: clock)
        try await engine.put(chosen(id))
        clock.advance(by: .seconds(600))
        try await engine.put(chosen(id))
        #expect(try engine.events().count == 1)
        clock.advance(by: .microseconds(1))
        try await engine.put(chosen(id))
        #expect(try engine.events().count == 2)
    }

    @Test("The window outlives a restart, with the age of what it holds")
    func restart() async throws {
        let journal = MemoryJournal(clock: clock)
        let first = try TestEvents(clock: clock, journal: journal)
        try await first.put(chosen(id))
        clock.advance(by: .seconds(599))
        try await TestEvents.run(try TestEvents(clock: clock, journal: journal)) { engine in
            #expect(try await engine.put(chosen(id)) == id)
            #expect(try engine.events().count == 1)
            clock.advance(by: .seconds(2))
            try await engine.put(chosen(id))
            #expect(try engine.events().count == 2)
        }
    }

    @Test("What the journal refused is an error to all who sent it, and may be sent again")
    func failedJournal() async throws {
        let journal = FaultyJournal(MemoryJournal(clock: clock))
        let engine = try TestEvents(clock: clock, journal: journal)
        journal.fail(StorageError(.diskFull, "no space"))
        let body = JSON.object(["Entries": [chosen(id)]]).bytes
        async let first = engine.publish(body)
        async let second = engine.publish(body)
        for (status, answer) in await [first, second] {
            #expect(status == 503)
            #expect(answer["__type"] == "ServiceUnavailable")
            #expect(answer["message"]?.string?.hasPrefix("The disk is full") == true, "\(answer.text)")
        }
        journal.fail(nil)
        #expect(try await engine.put(chosen(id)) == id)
        #expect(try engine.events().count == 1)
    }

    @Test("A full window forgets the oldest ids first")
    func bounded() {
        var window = DeduplicationWindow(length: .seconds(600), identifiersMax: 3000)
        func key(_ number: UInt64) -> DeduplicationWindow.Key {
            .init(identifier: Identifier(high: 1, low: number), bus: "default")
        }
        let isNew = (0..<10_000).map { window.insert(key(UInt64($0)), at: clock.now) }
        #expect(!isNew.contains(false))
        #expect(window.count == 3000)
        #expect(!window.contains(key(6999)) && window.contains(key(7000)))
        window.remove([key(7000), key(9999)])
        #expect(window.count == 2998)
        let forgotten = window.insert(key(9999), at: clock.now)
        let kept = window.insert(key(8000), at: clock.now)
        let late = window.insert(key(7000), at: clock.now + .seconds(601))
        #expect(forgotten && !kept && late)
        #expect(window.count == 1, "all others were older than the window")
    }
}
