import Core
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite("The journal in files")
struct SegmentJournalTests {
    private let directory = ScratchDirectory()

    @Test("keeps epoch, sequences and predecessors over restarts, rolls and trims", arguments: 1...12)
    func keepsPredecessors(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let clock = StepClock()
        var journal = try SegmentJournal.open(directory, segmentBytes: 2000, clock: clock)
        let epoch = journal.epoch
        var (topics, bodies): ([String], [String]) = ([], [])
        var expected: [UInt64] = []
        var last: [String: UInt64] = [:]
        for step in 0..<120 {
            switch Int.random(in: 0..<20, using: &generator) {
            case 0:
                journal.close()
                if Bool.random(using: &generator) { try removeTopicFiles() }
                let last = try #require(directory.segments.last)
                let hasTable = FileManager.default.fileExists(
                    atPath: last.replacingOccurrences(of: ".seg", with: ".topics"))
                journal = try SegmentJournal.open(directory, segmentBytes: 2000, clock: clock)
                #expect(journal.recovery.bytesCut == 0)
                #expect(journal.recovery.hasRebuiltTopics == (!hasTable && directory.segments.count > 1))
            case 1:
                let cursor = UInt64.random(in: 0...UInt64(expected.count), using: &generator)
                let oldest = journal.oldestSequence
                try journal.trim(olderThan: clock.now, keepingBytes: 1000, keepingAfter: cursor)
                #expect(journal.oldestSequence >= oldest && journal.oldestSequence <= max(oldest, cursor + 1))
            default:
                var records: [(topic: String, body: String)] = []
                for index in 0..<Int.random(in: 1...6, using: &generator) {
                    let topic = "topic/\(Int.random(in: 0..<12, using: &generator))/"
                    records.append((topic, "\(step)-\(index)"))
                    let previous = last[topic] ?? 0
                    expected.append(previous < journal.oldestSequence ? 0 : previous)
                    last[topic] = UInt64(expected.count)
                    topics.append(topic)
                    bodies.append("\(step)-\(index)")
                }
                let receipt = try await journal.append(records)
                #expect(receipt.lastSequence == UInt64(expected.count))
                clock.advance(by: .seconds(1))
            }
            #expect(journal.epoch == epoch)
        }
        for entry in try journal.entries() {
            let index = Int(entry.sequence) - 1
            #expect(entry.previous == expected[index] && entry.topic == topics[index])
            #expect(String(decoding: entry.body, as: UTF8.self) == bodies[index])
        }
        journal.close()
        #expect(SegmentJournal.verify(directory: directory.path).isSound)
    }

    private func removeTopicFiles() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        for name in names where name.hasSuffix(".topics") {
            try FileManager.default.removeItem(atPath: directory.path + "/" + name)
        }
    }

    @Test("keeps one table of topics, and takes a damaged one for missing")
    func keepsOneTopicFile() async throws {
        var journal = try SegmentJournal.open(directory, segmentBytes: 500)
        for index in 0..<10 { try await journal.append([("t\(index % 3)/", String(repeating: "x", count: 200))]) }
        journal.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        let tables = names.filter { $0.hasSuffix(".topics") }
        #expect(tables == ["00000000000000000010.topics"])
        let url = URL(fileURLWithPath: directory.path + "/" + tables[0])
        var data = try Data(contentsOf: url)
        data[data.count - 1] ^= 1
        try data.write(to: url)
        journal = try SegmentJournal.open(directory, segmentBytes: 500)
        #expect(journal.recovery.hasRebuiltTopics)
        try await journal.append([("t0/", ""), ("t1/", ""), ("t2/", "")])
        #expect(try journal.entries(after: 10).map(\.previous) == [10, 8, 9])
    }

    @Test("starts reading anywhere, also in segments written before a restart")
    func readsFromAnywhere() async throws {
        var generator = SeededGenerator(seed: 9)
        var journal = try SegmentJournal.open(directory, segmentBytes: 1 << 20)
        for _ in 0..<60 {
            let size = Int.random(in: 100...900, using: &generator)
            try await journal.append((0..<100).map { ("t/", "\($0)" + String(repeating: "x", count: size)) })
        }
        for _ in 0..<2 {
            for _ in 0..<200 {
                let after = UInt64.random(in: 0...6000, using: &generator)
                let slice = try journal.read(after: after, bytesMax: 5000)
                #expect(slice.firstSequence == after + 1)
                #expect(slice.entries.map(\.sequence) == (0..<slice.count).map { after + 1 + UInt64($0) })
                #expect(slice.isEmpty == (after == 6000) && slice.byteCount <= 5000)
            }
            journal.close()
            journal = try SegmentJournal.open(directory, segmentBytes: 1 << 20)
        }
    }

    @Test("is read by many while it is written and trimmed")
    func readsWhileWriting() async throws {
        let clock = StepClock()
        let journal = try SegmentJournal.open(directory, segmentBytes: 5000, clock: clock)
        let total: UInt64 = 4000
        try await withThrowingTaskGroup { group in
            group.addTask {
                while journal.lastSequence < total {
                    try await journal.append((0..<20).map { ("t\($0 % 7)/", "body \($0)") })
                    clock.advance(by: .seconds(1))
                    let cursor = journal.lastSequence / 2
                    try journal.trim(olderThan: clock.now, keepingBytes: 0, keepingAfter: cursor)
                }
            }
            for reader in 0..<3 {
                group.addTask {
                    var next: UInt64 = 1
                    while next <= total {
                        do {
                            let slice = try journal.read(after: next - 1, bytesMax: 300 * (reader + 1))
                            slice.forEach { record in
                                #expect(record.sequence == next)
                                #expect(record.body.starts(with: Array("body ".utf8)))
                                next = record.sequence + 1
                            }
                            if slice.isEmpty { await Task.yield() }
                        } catch let error as StorageError where error.code == .expired {
                            #expect(journal.oldestSequence > next)
                            next = journal.oldestSequence
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(journal.oldestSequence > 1)
    }

    @Test("keeps a slice readable after its segment is gone")
    func keepsSlices() async throws {
        let clock = StepClock()
        let journal = try SegmentJournal.open(directory, segmentBytes: 300, clock: clock)
        for index in 0..<5 {
            try await journal.append([("t/", "\(index)" + String(repeating: "x", count: 300))])
            clock.advance(by: .seconds(1))
        }
        let slice = try journal.read(after: 0, bytesMax: 1000)
        #expect(try journal.trim(olderThan: clock.now, keepingBytes: 0, keepingAfter: 4).records == 4)
        #expect(directory.segments.count == 1)
        #expect(slice.entries.first?.sequence == 1)
    }

    @Test("gives the same frame for the same input on every machine")
    func hasFixedFormat() async throws {
        let journal = try SegmentJournal.open(directory)
        try await journal.append([("a/", "one"), ("a/", "two")])
        journal.close()
        let data = try Data(contentsOf: URL(fileURLWithPath: directory.segments[0]))
        let second = [UInt8](data[(96 + 68 + 5)...])
        #expect(second.count == 68 + 5)
        let time = StepClock().now.microseconds
        var header: [UInt8] = []
        for word in [2, 1, UInt64(time)] { withUnsafeBytes(of: word.littleEndian) { header += Array($0) } }
        header += [2, 0, 0, 0]
        #expect(Array(second[4..<8]) == [73, 0, 0, 0])
        #expect(Array(second[40..<68]) == header)
        #expect(Array(second[68...]) == Array("a/two".utf8))
    }
}
