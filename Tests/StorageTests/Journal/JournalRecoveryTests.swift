import Core
import Foundation
import TestSupport
import Testing

@testable import Storage

@Suite("Opening and verifying a journal")
struct JournalRecoveryTests {
    private let directory = ScratchDirectory()

    /// Three commits of one record, and a last one of `count`. Returns where the commits begin in the only segment.
    private func fill(lastCommit count: Int = 1) async throws -> [Int] {
        let journal = try SegmentJournal.open(directory)
        var offsets: [Int] = []
        for index in 0..<4 {
            offsets.append(try size(directory.segments[0]))
            let records = (0..<(index == 3 ? count : 1)).map { (topic: "t\($0)/", body: "body \(index) \($0)") }
            try await journal.append(records)
        }
        offsets.append(try size(directory.segments[0]))
        journal.close()
        return offsets
    }

    private func size(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }

    private func edit(_ directory: ScratchDirectory, _ change: (inout Data) -> Void) throws {
        let url = URL(fileURLWithPath: try #require(directory.segments.last))
        var data = try Data(contentsOf: url)
        change(&data)
        try data.write(to: url)
    }

    enum Damage: CaseIterable { case cut, zeros, noise }

    @Test("cuts a torn tail at the first bad record, wherever it is torn", arguments: Damage.allCases, [1, 3])
    func cutsTornTail(damage: Damage, lastCommit: Int) async throws {
        let offsets = try await fill(lastCommit: lastCommit)
        let (start, end) = (offsets[3], offsets[4])
        var generator = SeededGenerator(seed: 5)
        for tear in start..<end {
            let copy = try directory.copy()
            try edit(copy) { data in
                switch damage {
                case .cut: data.removeLast(end - tear)
                case .zeros: data.resetBytes(in: tear..<end)
                case .noise: for index in tear..<end { data[index] ^= UInt8.random(in: 1...255, using: &generator) }
                }
            }
            let torn = damage == .cut ? tear - start : end - start
            let before = SegmentJournal.verify(directory: copy.path)
            #expect(before.isSound && before.records == 3 && before.tornBytes == torn, "tear at \(tear)")

            let journal = try SegmentJournal.open(copy)
            #expect(journal.recovery.bytesCut == torn, "tear at \(tear)")
            #expect(journal.recovery.path == (torn > 0 ? copy.segments[0] : nil))
            #expect(try journal.entries().map(\.sequence) == [1, 2, 3])
            try await journal.append([("t0/", "again")])
            #expect(try journal.entries().last?.description == "4<-3 t0/ again")
            journal.close()
            let after = SegmentJournal.verify(directory: copy.path)
            #expect(after.isSound && after.records == 4 && after.tornBytes == 0, "tear at \(tear)")
        }
    }

    @Test("tells two unfinished commits in one place apart, though each record is good in itself")
    func separatesFailedCommits() async throws {
        let start = try await fill().last ?? 0
        let other = try directory.copy()
        for (directory, body) in [(directory, "one"), (other, "two")] {
            let journal = try SegmentJournal.open(directory)
            try await journal.append([("a/", body), ("b/", body)])
            journal.close()
        }
        let rest = try Data(contentsOf: URL(fileURLWithPath: other.segments[0]))
        let second = start + JournalRecord.headerBytes + 5
        try edit(directory) { $0.replaceSubrange(second..., with: rest[second...]) }

        let report = SegmentJournal.verify(directory: directory.path)
        #expect(report.isSound && report.records == 4)
        #expect(report.torn?.sequence == 6 && report.torn?.offset == second)
        let journal = try SegmentJournal.open(directory)
        #expect(journal.lastSequence == 4)
        #expect(journal.recovery.bytesCut == rest.count - start)
    }

    @Test("names the record in which any bit has changed, and refuses to open")
    func findsChangedBits() async throws {
        let offsets = try await fill()
        for sequence in 1...3 {
            for offset in offsets[sequence - 1]..<offsets[sequence] {
                let copy = try directory.copy()
                try edit(copy) { $0[offset] ^= 1 << UInt8(offset % 8) }
                let fault = try #require(SegmentJournal.verify(directory: copy.path).fault, "offset \(offset)")
                #expect(fault.sequence == UInt64(sequence) && fault.offset == offsets[sequence - 1])
                #expect(fault.path == copy.segments[0])
                let error = #expect(throws: StorageError.self) { try SegmentJournal.open(copy) }
                #expect(error?.code == .corrupt && error?.path == copy.segments[0])
                #expect(error?.message.contains("sequence \(sequence) at offset \(offsets[sequence - 1])") == true)
            }
        }
    }

    @Test("takes a changed bit in the last commit for a torn tail, and names it")
    func findsChangedBitsInTail() async throws {
        let offsets = try await fill()
        for offset in offsets[3]..<offsets[4] {
            let copy = try directory.copy()
            try edit(copy) { $0[offset] ^= 1 << UInt8(offset % 8) }
            let report = SegmentJournal.verify(directory: copy.path)
            #expect(report.isSound && report.records == 3)
            #expect(report.torn?.sequence == 4 && report.torn?.offset == offsets[3])
        }
    }

    @Test("finds a changed bit in any byte of a header")
    func findsChangedHeader() async throws {
        _ = try await fill()
        for offset in 0..<SegmentHeader.bytesCount {
            let copy = try directory.copy()
            try edit(copy) { $0[offset] ^= 1 << UInt8(offset % 8) }
            #expect(SegmentJournal.verify(directory: copy.path).fault?.path == copy.segments[0], "offset \(offset)")
            let error = #expect(throws: StorageError.self) { try SegmentJournal.open(copy) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test("finds a record that was replaced together with its checksum")
    func findsForgedRecord() async throws {
        let offsets = try await fill()
        try edit(directory) { data in
            let range = offsets[1]..<offsets[2]
            data[range.upperBound - 1] ^= 1
            var frame = [UInt8](data[range])
            frame.withUnsafeMutableBytes { bytes in
                let crc = crc32c(Array(bytes[4...]))
                bytes.storeBytes(of: crc.littleEndian, as: UInt32.self)
            }
            data.replaceSubrange(range, with: frame)
        }
        let fault = try #require(SegmentJournal.verify(directory: directory.path).fault)
        #expect(fault.sequence == 2 && fault.reason == "the record is not linked to the one before")
    }

    /// Bit by bit, from the polynomial: independent of the code under test.
    private func crc32c(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
    }

    @Test("finds damage in full segments, which opening does not read")
    func findsDamageInFullSegment() async throws {
        let journal = try SegmentJournal.open(directory, segmentBytes: 600)
        for index in 0..<12 { try await journal.append([("a/", "\(index)" + String(repeating: "x", count: 150))]) }
        journal.close()
        #expect(directory.segments.count == 6)
        let path = directory.segments[2]
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        data[data.count - 10] ^= 4
        try data.write(to: URL(fileURLWithPath: path))

        let report = SegmentJournal.verify(directory: directory.path)
        #expect(report.fault?.path == path && report.fault?.sequence == 6 && report.records == 5)
        let opened = try SegmentJournal.open(directory, segmentBytes: 600)
        #expect(try opened.read(after: 4, bytesMax: 10_000).entries.map(\.sequence) == [5])
        let error = #expect(throws: StorageError.self) { try opened.read(after: 5, bytesMax: 10_000) }
        #expect(error?.code == .corrupt && error?.path == path)
        #expect(error?.message.contains("sequence 6") == true)
        #expect(try opened.read(after: 6, bytesMax: 10_000).firstSequence == 7)
    }

    @Test("names a missing segment and one of another journal")
    func findsMissingSegment() async throws {
        for directory in [directory, ScratchDirectory()] {
            let journal = try SegmentJournal.open(directory, segmentBytes: 600)
            for index in 0..<12 { try await journal.append([("a/", "\(index)" + String(repeating: "x", count: 150))]) }
            journal.close()
            let copy = try directory.copy()
            try FileManager.default.removeItem(atPath: copy.segments[2])
            let error = #expect(throws: StorageError.self) { try SegmentJournal.open(copy) }
            #expect(error?.code == .corrupt)
            #expect(error?.message.contains("00000000000000000005.seg, is missing") == true)
            #expect(SegmentJournal.verify(directory: copy.path).fault?.reason == error?.message)
            #expect(SegmentJournal.verify(directory: copy.path).records == 4)
            if directory !== self.directory {
                try FileManager.default.removeItem(atPath: self.directory.segments[3])
                let foreign = directory.segments[3]
                let name = (foreign as NSString).lastPathComponent
                try FileManager.default.copyItem(atPath: foreign, toPath: self.directory.path + "/" + name)
                let error = #expect(throws: StorageError.self) { try SegmentJournal.open(self.directory) }
                #expect(error?.message.contains("of another journal") == true)
            }
        }
    }

    @Test("refuses a newer format by its number")
    func refusesNewerFormat() async throws {
        _ = try await fill()
        try edit(directory) { data in
            data[12] = 2
            let crc = crc32c([UInt8](data[12..<SegmentHeader.bytesCount]))
            withUnsafeBytes(of: crc.littleEndian) { data.replaceSubrange(8..<12, with: $0) }
        }
        let error = #expect(throws: StorageError.self) { try SegmentJournal.open(directory) }
        #expect(error?.code == .unsupportedVersion)
        #expect(error?.message.contains("format 2") == true)
    }

    @Test("reports what it went through")
    func reports() async throws {
        let clock = StepClock()
        let start = clock.now
        let journal = try SegmentJournal.open(directory, segmentBytes: 600, clock: clock)
        for _ in 0..<12 {
            try await journal.append([("a/", String(repeating: "x", count: 150))])
            clock.advance(by: .seconds(1))
        }
        try journal.trim(olderThan: clock.now, keepingBytes: 0, keepingAfter: 5)
        let epoch = journal.epoch
        journal.close()
        let report = SegmentJournal.verify(directory: directory.path)
        #expect(report.isSound && report.epoch == epoch && report.segments == 4)
        #expect(report.firstSequence == 5 && report.lastSequence == 12 && report.records == 8)
        #expect(report.oldestTime == start + .seconds(4) && report.newestTime == start + .seconds(11))
        #expect(report.bytes == (try directory.segments.map(size).reduce(0, +)))
        #expect(report.link != .zero)
        let nothing = ScratchDirectory()
        let empty = SegmentJournal.verify(directory: nothing.path)
        #expect(empty.isSound && empty.epoch == nil && empty.records == 0)
        #expect(SegmentJournal.verify(directory: nothing.path + "/none").fault != nil)
    }
}
