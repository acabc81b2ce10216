import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Events as archives keep them") struct ArchivedEventTests {
    private func makeBlock() async throws -> ArchiveBlock {
        let clock = ManualClock()
        let journal = MemoryJournal(clock: clock)
        var batch = JournalBatch()
        for text in ["a", "bb", ""] { batch.append(topic: Array("t/\(text)".utf8), body: Array(text.utf8)) }
        _ = try await journal.append(batch)
        var block = ArchiveBlock()
        try journal.read(after: 0, bytesMax: 1 << 20).forEach { record in
            block.append(record, time: Timestamp(seconds: Int64(record.sequence)), payloadBytes: record.body.count)
        }
        return block
    }

    private func read(_ bytes: [UInt8], from index: Int = 0) throws -> [ArchivedEvent] {
        var events: [ArchivedEvent] = []
        try ArchiveBlock.read(bytes, minute: 7, block: 9, from: index) { event in
            events.append(event)
            return true
        }
        return events
    }

    @Test("A block is read as it was written, from any event on") func block() async throws {
        let block = try await makeBlock()
        #expect(block.contents == Archive.Contents(eventCount: 3, sizeBytes: 3))
        let events = try read(block.bytes)
        try #require(events.count == 3)
        #expect(events.map { String(decoding: $0.body, as: UTF8.self) } == ["a", "bb", ""])
        #expect(events.map { String(decoding: $0.topic, as: UTF8.self) } == ["t/a", "t/bb", "t/"])
        #expect(events.map(\.time.seconds) == [1, 2, 3])
        #expect(events.map(\.position) == (0..<3).map { ArchivePosition(minute: 7, block: 9, index: $0) })
        #expect(try read(block.bytes, from: 2) == [events[2]])
        #expect(try read(block.bytes, from: 3) == [] && read([]) == [])
    }

    @Test("A block that was cut is an error, wherever it was") func cut() async throws {
        let block = try await makeBlock()
        let whole = try read(block.bytes)
        for count in 1..<block.bytes.count {
            do {
                let events = try read(Array(block.bytes.prefix(count)))
                #expect(events.count < whole.count && events == Array(whole.prefix(events.count)))
            } catch let error as StorageError {
                #expect(error.code == .corrupt)
            }
        }
    }

    @Test("The time is the envelope's own, not one of its detail", arguments: [
        (#"{"version":"0","id":"x","time":"2026-03-01T10:00:00Z","detail":{}}"#, 1_772_359_200 as Int64?),
        (#"{"id":"time","source":"time","time":"2026-03-01T10:00:00Z"}"#, 1_772_359_200),
        (#"{"id":"x","detail":{"time":"2026-03-01T10:00:00Z"}}"#, nil), (#"{"time":"yesterday"}"#, nil), ("{}", nil),
    ])
    func time(text: String, seconds: Int64?) {
        let time = Array(text.utf8).withUnsafeBytes { ArchivedEvent.time(of: $0) }
        #expect(time?.seconds == seconds)
    }

    @Test("Minutes are counted down below 1970", arguments: [(0, 0), (59, 0), (60, 1), (-1, -1), (-60, -1), (-61, -2)])
    func minutes(seconds: Int64, minute: Int64) {
        #expect(ArchivePosition.minute(of: Timestamp(seconds: seconds)) == minute)
    }
}
