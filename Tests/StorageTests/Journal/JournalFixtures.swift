import Core
import Foundation
import Platform
import Synchronization

@testable import Storage

/// A directory that is gone at the end of the test.
final class ScratchDirectory: Sendable {
    let path: String

    /// In memory where possible: what the tests check does not depend on the device, and syncs are many.
    init() {
        let parent = Files.isDirectory("/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        path = (parent as NSString).appendingPathComponent("journal-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Paths of the segments, oldest first.
    var segments: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".seg") }.sorted().map { path + "/" + $0 }
    }

    func copy() throws -> ScratchDirectory {
        let copy = ScratchDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            try FileManager.default.copyItem(atPath: path + "/" + name, toPath: copy.path + "/" + name)
        }
        return copy
    }
}

/// Time that moves when the test says so.
final class StepClock: Clock {
    private let time = Mutex(Timestamp(seconds: 1_800_000_000))

    var now: Timestamp { time.withLock { $0 } }
    var monotonic: Duration { now - Timestamp(seconds: 0) }

    func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }

    func sleep(until time: Timestamp) async throws { throw CancellationError() }
}

/// A record as a value, to compare.
struct Entry: Equatable, CustomStringConvertible {
    var sequence: UInt64
    var previous: UInt64
    var topic: String
    var body: [UInt8]

    init(_ record: borrowing JournalRecord) {
        sequence = record.sequence
        previous = record.previousSequence
        topic = String(decoding: record.topic, as: UTF8.self)
        body = Array(record.body)
    }

    var description: String { "\(sequence)<-\(previous) \(topic) \(String(decoding: body, as: UTF8.self))" }
}

extension JournalSlice {
    var entries: [Entry] {
        var entries: [Entry] = []
        forEach { entries.append(Entry($0)) }
        return entries
    }
}

extension Journal {
    /// Everything after a sequence, read in pieces.
    func entries(after sequence: UInt64? = nil, bytesMax: Int = 1000) throws -> [Entry] {
        var entries: [Entry] = []
        var sequence = sequence ?? oldestSequence - 1
        while true {
            let slice = try read(after: sequence, bytesMax: bytesMax)
            if slice.isEmpty { return entries }
            entries += slice.entries
            sequence = slice.lastSequence
        }
    }

    @discardableResult
    func append(_ records: [(topic: String, body: String)]) async throws(StorageError) -> JournalReceipt {
        try await append(JournalBatch(records))
    }
}

extension JournalBatch {
    init(_ records: [(topic: String, body: String)]) {
        self.init()
        for record in records { append(topic: Array(record.topic.utf8), body: Array(record.body.utf8)) }
    }
}

extension SegmentJournal {
    static func open(
        _ directory: ScratchDirectory, segmentBytes: Int = 64 << 20, queueBytesMax: Int = 64 << 20,
        topicsMax: Int = 1000, files: any JournalFiles = LocalFiles(), clock: any Clock = StepClock()
    ) throws(StorageError) -> SegmentJournal {
        let options = Options(segmentBytes: segmentBytes, queueBytesMax: queueBytesMax, topicsMax: topicsMax)
        return try SegmentJournal(directory: directory.path, options: options, files: files, clock: clock, log: nil)
    }
}
