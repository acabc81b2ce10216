import Core
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// A way to make a journal; each test of `JournalTests` runs on all of them.
enum Backend: CaseIterable {
    case memory
    case segments
    /// So small that nearly every commit begins a new one.
    case smallSegments

    func make(
        _ directory: ScratchDirectory, clock: StepClock = StepClock(), queueBytesMax: Int = 64 << 20,
        topicsMax: Int = 1000
    ) throws -> any Journal {
        switch self {
        case .memory:
            return MemoryJournal(clock: clock, epoch: nil, queueBytesMax: queueBytesMax, topicsMax: topicsMax)
        case .segments, .smallSegments:
            return try SegmentJournal.open(
                directory, segmentBytes: self == .segments ? 64 << 20 : 400, queueBytesMax: queueBytesMax,
                topicsMax: topicsMax, clock: clock)
        }
    }
}

private final class Seen: Sendable {
    let entries = Mutex<[Entry]>([])
    let completed = Mutex<Set<UInt64>>([])
}

@Suite("Every journal")
struct JournalTests {
    private let directory = ScratchDirectory()

    @Test("begins empty", arguments: Backend.allCases)
    func beginsEmpty(backend: Backend) throws {
        let journal = try backend.make(directory)
        #expect(journal.lastSequence == 0)
        #expect(journal.oldestSequence == 1)
        let slice = try journal.read(after: 0, bytesMax: 1000)
        #expect(slice.isEmpty && slice.count == 0)
    }

    @Test("gives back what was appended, in order, with each topic's predecessor", arguments: Backend.allCases)
    func keepsRecords(backend: Backend) async throws {
        let journal = try backend.make(directory)
        let first = try await journal.append([("a/", "1"), ("b/", "2"), ("a/", "")])
        #expect(first == JournalReceipt(firstSequence: 1, lastSequence: 3, time: StepClock().now))
        let second = try await journal.append([("b/", "4"), ("", "5"), ("a/", "6")])
        #expect(second.firstSequence == 4 && second.lastSequence == 6)
        #expect(journal.lastSequence == 6)
        #expect(
            try journal.entries().map(\.description) == [
                "1<-0 a/ 1", "2<-0 b/ 2", "3<-1 a/ ", "4<-2 b/ 4", "5<-0  5", "6<-3 a/ 6",
            ])
        #expect(try journal.entries(after: 4).map(\.sequence) == [5, 6])
        #expect(try journal.read(after: 6, bytesMax: 1000).isEmpty)
        #expect(try journal.read(after: 600, bytesMax: 1000).isEmpty)
    }

    @Test("returns at least one record however little room is given", arguments: Backend.allCases)
    func returnsOneRecord(backend: Backend) async throws {
        let journal = try backend.make(directory)
        let body = String(repeating: "x", count: 200_000)
        try await journal.append([("a/", body), ("a/", "small"), ("a/", body)])
        let slices = try [0, 1, 2].map { try journal.read(after: $0, bytesMax: 10) }
        #expect(slices.map(\.count) == [1, 1, 1])
        #expect(slices[0].entries[0].body.count == 200_000)
        #expect(try journal.read(after: 0, bytesMax: 200_500).count == 2)
    }

    @Test("completes an empty batch without a record", arguments: Backend.allCases)
    func acceptsEmptyBatch(backend: Backend) async throws {
        let journal = try backend.make(directory)
        try await journal.append([("a/", "1")])
        let receipt = try await journal.append([])
        #expect(receipt.firstSequence == 2 && receipt.lastSequence == 1)
        #expect(journal.lastSequence == 1)
    }

    @Test("gives concurrent appenders one total order, batches unbroken", arguments: Backend.allCases)
    func ordersConcurrentAppends(backend: Backend) async throws {
        let journal = try backend.make(directory)
        let (appenders, batches, size) = (8, 40, 5)
        let receipts = try await withThrowingTaskGroup { group in
            for appender in 0..<appenders {
                group.addTask {
                    var receipts: [(JournalReceipt, String)] = []
                    for batch in 0..<batches {
                        let name = "\(appender)-\(batch)"
                        let records = (0..<size).map { (topic: "\(appender)/", body: "\(name)-\($0)") }
                        receipts.append((try await journal.append(records), name))
                    }
                    return receipts
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let entries = try journal.entries(bytesMax: 10_000)
        #expect(entries.map(\.sequence) == Array(1...UInt64(appenders * batches * size)))
        for (receipt, name) in receipts {
            let bodies = entries[Int(receipt.firstSequence) - 1..<Int(receipt.lastSequence)].map(\.body)
            #expect(bodies == (0..<size).map { Array("\(name)-\($0)".utf8) })
        }
        var last: [String: UInt64] = [:]
        for entry in entries {
            #expect(entry.previous == last[entry.topic] ?? 0)
            last[entry.topic] = entry.sequence
        }
    }

    @Test("shows observers every record once, in order, after its completion", arguments: Backend.allCases)
    func informsObservers(backend: Backend) async throws {
        let journal = try backend.make(directory)
        let seen = Seen()
        journal.observe { slice in
            let entries = slice.entries
            #expect(seen.completed.withLock { done in entries.allSatisfy { done.contains($0.sequence) } })
            seen.entries.withLock { $0 += entries }
        }
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    for index in 0..<50 {
                        await withCheckedContinuation { continuation in
                            do {
                                try journal.append(JournalBatch([("t\(task)/", "\(index)"), ("u/", "x")])) { result in
                                    guard case .success(let receipt) = result else { return }
                                    seen.completed.withLock {
                                        $0.formUnion(receipt.firstSequence...receipt.lastSequence)
                                    }
                                    continuation.resume()
                                }
                            } catch {
                                Issue.record(error)
                                continuation.resume()
                            }
                        }
                    }
                }
            }
        }
        journal.close()
        #expect(seen.entries.withLock { $0 } == (try journal.entries()))
        #expect(seen.entries.withLock { $0.count } == 400)
    }

    @Test("throttles past its queue's limit and recovers", arguments: Backend.allCases)
    func throttles(backend: Backend) async throws {
        let journal = try backend.make(directory, queueBytesMax: 10_000)
        let (held, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        // The thread is held in a completion, so that what follows stays queued.
        try journal.append(JournalBatch([("a/", "hold")])) { _ in
            held.signal()
            gate.wait()
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                held.wait()
                continuation.resume()
            }
        }
        let outcomes = Mutex<[Bool]>([])
        var accepted = 0
        let error = #expect(throws: StorageError.self) {
            while accepted < 1000 {
                try journal.append(JournalBatch([("a/", String(repeating: "x", count: 1000))])) { result in
                    outcomes.withLock { $0.append((try? result.get()) != nil) }
                }
                accepted += 1
            }
        }
        #expect(error?.code == .throttled)
        #expect(accepted == 10_000 / (1000 + 2 + JournalRecord.headerBytes))
        gate.signal()
        journal.close()
        #expect(outcomes.withLock { $0 } == Array(repeating: true, count: accepted))
        #expect(journal.lastSequence == UInt64(accepted + 1))
    }

    @Test("refuses appends once closed, and still reads", arguments: Backend.allCases)
    func closes(backend: Backend) async throws {
        let journal = try backend.make(directory)
        try await journal.append([("a/", "1")])
        journal.close()
        journal.close()
        await #expect { try await journal.append([("a/", "2")]) } throws: { ($0 as? StorageError)?.code == .closed }
        #expect(try journal.entries().count == 1)
    }

    @Test("may be let go of on its own thread, which then ends", arguments: Backend.allCases)
    func endsOnItsThread(backend: Backend) throws {
        /// Held by an observer, so gone with the thread.
        final class Signal: Sendable {
            let ended: DispatchSemaphore
            init(_ ended: DispatchSemaphore) { self.ended = ended }
            deinit { ended.signal() }
        }
        let ended = DispatchSemaphore(value: 0)
        do {
            let journal = try backend.make(directory)
            let signal = Signal(ended)
            journal.observe { _ in _ = signal }
            try journal.append(JournalBatch([("a/", "1")])) { _ in #expect(journal.lastSequence == 1) }
        }
        #expect(ended.wait(timeout: .now() + 20) == .success)
    }

    @Test("finds records by bytes of topic or body", arguments: Backend.allCases)
    func scans(backend: Backend) async throws {
        let journal = try backend.make(directory)
        for index in 0..<30 {
            try await journal.append([("t/\(index % 3)/", "{\"id\":\"event-\(index)-end\"}"), ("u/", "other")])
        }
        func sequences(_ needle: String, limit: Int = 100, after: UInt64 = 0) throws -> [UInt64] {
            var found: [UInt64] = []
            try journal.scan(after: after, matching: Array(needle.utf8)) { record in
                found.append(record.sequence)
                return found.count < limit
            }
            return found
        }
        #expect(try sequences("event-17-end") == [35])
        #expect(try sequences("t/2/").count == 10)
        #expect(try sequences("t/2/", limit: 3) == [5, 11, 17])
        #expect(try sequences("t/2/", after: 11).first == 17)
        #expect(try sequences("absent") == [])
        #expect(try sequences("").count == 60)
    }

    @Test("forgets old records, but not what a cursor, the time or the size keeps", arguments: Backend.allCases)
    func trims(backend: Backend) async throws {
        let clock = StepClock()
        let journal = try backend.make(directory, clock: clock)
        let start = clock.now
        for index in 0..<20 {
            try await journal.append([("a/", String(repeating: "\(index % 10)", count: 300))])
            clock.advance(by: .seconds(1))
        }
        let future = clock.now + .seconds(100)
        #expect(try journal.trim(olderThan: start, keepingBytes: 0, keepingAfter: 20).records == 0)
        #expect(try journal.trim(olderThan: future, keepingBytes: 0, keepingAfter: 0).records == 0)
        #expect(try journal.trim(olderThan: future, keepingBytes: 1 << 20, keepingAfter: 20).records == 0)
        #expect(journal.oldestSequence == 1)
        if backend == .segments { return }

        #expect(try journal.trim(olderThan: future, keepingBytes: 0, keepingAfter: 5).records == 5)
        #expect(journal.oldestSequence == 6)
        #expect(try journal.entries(after: 5).map(\.sequence) == Array(6...20))
        let error = #expect(throws: StorageError.self) { try journal.read(after: 4, bytesMax: 1000) }
        #expect(error?.code == .expired)
        #expect(error?.message.contains("the oldest one is 6") == true)

        try journal.trim(olderThan: start + .seconds(10), keepingBytes: 0, keepingAfter: 20)
        #expect((10...11).contains(journal.oldestSequence))
        try journal.trim(olderThan: future, keepingBytes: 3 * 400, keepingAfter: 20)
        #expect((17...18).contains(journal.oldestSequence))
    }

    @Test("names no predecessor that is no longer retained", arguments: [Backend.memory, .smallSegments])
    func forgetsPredecessors(backend: Backend) async throws {
        let clock = StepClock()
        let journal = try backend.make(directory, clock: clock)
        for topic in ["a/", "b/", "c/"] {
            try await journal.append([(topic, String(repeating: "x", count: 400))])
            clock.advance(by: .seconds(1))
        }
        try journal.trim(olderThan: clock.now, keepingBytes: 0, keepingAfter: 2)
        #expect(journal.oldestSequence == 3)
        try await journal.append([("a/", ""), ("c/", ""), ("a/", "")])
        #expect(try journal.entries(after: 3).map(\.previous) == [0, 3, 4])
    }

    @Test("never names too early a predecessor when it has forgotten topics", arguments: Backend.allCases)
    func boundsTopics(backend: Backend) async throws {
        var generator = SeededGenerator(seed: 7)
        let journal = try backend.make(directory, topicsMax: 20)
        for _ in 0..<60 {
            try await journal.append((0..<10).map { _ in ("\(Int.random(in: 0..<60, using: &generator))/", "") })
        }
        var last: [String: UInt64] = [:]
        var exact = 0
        for entry in try journal.entries(bytesMax: 10_000) {
            let truth = last[entry.topic] ?? 0
            #expect(entry.previous >= truth && entry.previous < entry.sequence)
            exact += entry.previous == truth ? 1 : 0
            last[entry.topic] = entry.sequence
        }
        #expect(exact > 60 && exact < 600)
    }
}
