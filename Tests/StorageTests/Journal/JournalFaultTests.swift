import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import Storage

/// A run of appends against failing files, and what was promised in it.
private struct Workload {
    var generator: SeededGenerator
    /// Records of the batches acknowledged, in order.
    var acknowledged: [String] = []
    /// Batches that failed after the last one acknowledged.
    var failedSince: [[String]] = []
    var failures = 0
    private var serial = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func run(_ journal: SegmentJournal, batches: Int) async throws {
        for _ in 0..<batches {
            let bodies = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                serial += 1
                return "body \(serial) " + String(repeating: "x", count: Int.random(in: 0..<150, using: &generator))
            }
            let records = bodies.map { (topic: "topic\(Int.random(in: 0..<5, using: &generator))/", body: $0) }
            do {
                let receipt = try await journal.append(records)
                #expect(receipt.firstSequence == UInt64(acknowledged.count + 1))
                acknowledged += bodies
                failedSince = []
            } catch {
                #expect(error.code == .diskFull || error.code == .inputOutput)
                #expect(journal.lastSequence == UInt64(acknowledged.count))
                failedSince.append(bodies)
                failures += 1
            }
        }
    }

    /// Everything acknowledged is there, in place; after it at most one whole batch that failed.
    func check(_ journal: SegmentJournal, isExact: Bool, _ comment: Comment) throws {
        let entries = try journal.entries()
        let bodies = entries.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(bodies.prefix(acknowledged.count) == acknowledged[...], comment)
        let rest = Array(bodies.dropFirst(acknowledged.count))
        #expect(rest.isEmpty || (!isExact && failedSince.contains(rest)), comment)
        #expect(entries.map(\.sequence) == (0..<entries.count).map { UInt64($0 + 1) }, comment)
        var last: [String: UInt64] = [:]
        for entry in entries {
            #expect(entry.previous == last[entry.topic] ?? 0, comment)
            last[entry.topic] = entry.sequence
        }
    }
}

@Suite("The journal under faults")
struct JournalFaultTests {
    private let batches = 25

    /// Reopens, checks, goes on, reopens again.
    private func checkRecovery(
        _ directory: ScratchDirectory, _ workload: Workload, isExact: Bool, _ comment: Comment
    ) async throws {
        var journal = try SegmentJournal.open(directory, segmentBytes: 1000)
        try workload.check(journal, isExact: isExact, comment)
        let count = journal.lastSequence
        try await journal.append([("after/", "more"), ("after/", "and more")])
        journal.close()
        let report = SegmentJournal.verify(directory: directory.path)
        #expect(report.isSound && report.torn == nil && report.tornBytes == 0, comment)
        #expect(report.records == count + 2, comment)
        journal = try SegmentJournal.open(directory, segmentBytes: 1000)
        #expect(journal.lastSequence == count + 2, comment)
        #expect(journal.recovery.bytesCut == 0, comment)
    }

    @Test("loses nothing acknowledged when one operation fails, whichever it is", arguments: [ENOSPC, EIO])
    func survivesOneFailure(errno: Int32) async throws {
        var number = 1
        while true {
            let directory = ScratchDirectory()
            let files = FaultyJournalFiles(.once(number, errno: errno))
            var workload = Workload(seed: 3)
            let comment: Comment = "operation \(number), errno \(errno)"
            do {
                let journal = try SegmentJournal.open(directory, segmentBytes: 1000, files: files)
                try await workload.run(journal, batches: batches)
                #expect(workload.failures <= 1, comment)
                try workload.check(journal, isExact: true, comment)
                journal.close()
            } catch let error as StorageError {
                // Opening failed.
                #expect(number < 10, comment)
                #expect(error.code == (errno == ENOSPC ? .diskFull : .inputOutput))
            }
            try await checkRecovery(directory, workload, isExact: true, comment)
            if files.operations < number { break }
            number += 1
        }
        #expect(number > 100)
    }

    @Test("keeps what was acknowledged when the process dies at any operation, with or without the power")
    func survivesCrash() async throws {
        var number = 1
        while true {
            let directory = ScratchDirectory()
            let files = FaultyJournalFiles(.from(number))
            var workload = Workload(seed: 4)
            do {
                let journal = try SegmentJournal.open(directory, segmentBytes: 1000, files: files)
                // One more after the failure would go to the same place.
                while workload.failures == 0 && workload.acknowledged.count < 60 {
                    try await workload.run(journal, batches: 1)
                }
                journal.close()
            } catch is StorageError {
                #expect(number < 10)
            }
            for seed in 1...3 {
                let remains = try files.afterPowerFailure(seed: UInt64(number * 10 + seed))
                try await checkRecovery(remains, workload, isExact: false, "operation \(number), power seed \(seed)")
            }
            try await checkRecovery(directory, workload, isExact: false, "operation \(number)")
            if workload.failures == 0 && files.operations < number { break }
            number += 1
        }
        #expect(number > 100)
    }

    @Test("keeps what was acknowledged through random failures and a power failure", arguments: 1...60)
    func survivesRandomFailures(seed: UInt64) async throws {
        let directory = ScratchDirectory()
        let files = FaultyJournalFiles(.random(0.08), seed: seed)
        var workload = Workload(seed: seed)
        do {
            let journal = try SegmentJournal.open(directory, segmentBytes: 1000, files: files)
            try await workload.run(journal, batches: 60)
            try workload.check(journal, isExact: true, "seed \(seed)")
            journal.close()
        } catch is StorageError {
            return
        }
        for power in 1...3 {
            let remains = try files.afterPowerFailure(seed: seed * 100 + UInt64(power))
            try await checkRecovery(remains, workload, isExact: false, "seed \(seed), power seed \(power)")
        }
        try await checkRecovery(directory, workload, isExact: false, "seed \(seed)")
    }

    @Test("keeps what it showed after a restart, though the sync before the restart had failed")
    func distrustsFailedSync() async throws {
        let directory = ScratchDirectory()
        let files = FaultyJournalFiles(.none)
        var journal = try SegmentJournal.open(directory, files: files)
        try await journal.append([("a/", "1")])
        // The write goes well and the sync does not, nor anything after it.
        files.fail(from: files.operations + 2)
        await #expect(throws: StorageError.self) { try await journal.append([("a/", "2")]) }
        journal.close()
        files.heal()
        journal = try SegmentJournal.open(directory, files: files)
        #expect(journal.lastSequence == 2)
        try await journal.append([("a/", "3")])
        journal.close()
        for seed: UInt64 in 1...5 {
            let remains = try files.afterPowerFailure(seed: seed)
            #expect(try SegmentJournal.open(remains).entries().map(\.sequence) == [1, 2, 3])
        }
    }

    @Test("goes on in a new segment after a failed sync, and in the same one after a failed write", arguments: [1, 2])
    func leavesUnsyncedSegment(operation: Int) async throws {
        let directory = ScratchDirectory()
        let files = FaultyJournalFiles(.none)
        let journal = try SegmentJournal.open(directory, files: files)
        try await journal.append([("a/", "1")])
        files.fail(once: files.operations + operation)
        await #expect(throws: StorageError.self) { try await journal.append([("a/", "lost")]) }
        try await journal.append([("a/", "2")])
        #expect(directory.segments.count == operation)
        #expect(try journal.entries().map(\.description) == ["1<-0 a/ 1", "2<-1 a/ 2"])
    }

    @Test("refuses what is published while the disk is full, and takes it again when there is space")
    func survivesFullDisk() async throws {
        let directory = ScratchDirectory()
        let files = FaultyJournalFiles(.none)
        let journal = try SegmentJournal.open(directory, segmentBytes: 300, files: files)
        try await journal.append([("a/", "1")])
        files.fail(from: files.operations + 1, errno: ENOSPC)
        for _ in 0..<20 {
            let error = await #expect(throws: StorageError.self) {
                try await journal.append([("a/", String(repeating: "x", count: 200))])
            }
            #expect(error?.code == .diskFull && error?.message.contains("free some space") == true)
        }
        #expect(try journal.entries().map(\.sequence) == [1])
        files.heal()
        #expect(try await journal.append([("a/", "2")]).firstSequence == 2)
        #expect(try journal.entries().map(\.previous) == [0, 1])
    }
}
