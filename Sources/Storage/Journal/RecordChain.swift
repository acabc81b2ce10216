internal import CShims
internal import Core

/// Gives records their place: sequence, predecessor on the topic, time, link and checksum.
struct RecordChain {
    private(set) var lastSequence: UInt64
    /// The link of the last record, or `Digest.zero` before the first.
    private(set) var link: Digest
    private(set) var topics: TopicTable

    /// Completes the frames of a commit, in place, and moves on past them.
    /// - Parameters:
    ///   - buffer: Frames as `RecordBuffer.append` leaves them.
    ///   - oldest: The oldest sequence retained: earlier predecessors are given as 0.
    mutating func extend(over buffer: RecordBuffer, time: Timestamp, oldest: UInt64) -> JournalSlice {
        let first = lastSequence + 1
        guard buffer.records > 0 else { return .empty(after: lastSequence) }
        let base = buffer.base
        Self.addFlag(JournalRecord.Flags.startsCommit, to: base)
        let lastLink = link.bytes.withUnsafeBytes { bytes in
            var previous = bytes.baseAddress ?? UnsafeRawPointer(base)
            var offset = 0
            while offset < buffer.count {
                let frame = base + offset
                let record = JournalRecord(at: frame)
                lastSequence += 1
                let predecessor = topics.exchange(record.topic, lastSequence)
                frame.storeLittle(lastSequence, at: JournalRecord.sequenceOffset)
                frame.storeLittle(predecessor < oldest ? 0 : predecessor, at: JournalRecord.previousOffset)
                frame.storeLittle(UInt64(bitPattern: time.microseconds), at: JournalRecord.timeOffset)
                // `RecordBuffer.append` has put the content's digest where the link goes.
                let link = frame + JournalRecord.linkOffset
                JournalRecord.writeLink(after: previous, header: frame, content: link, to: link)
                frame.storeLittle(ops_crc32c(0, frame + 4, record.length - 4), at: 0)
                previous = UnsafeRawPointer(link)
                offset += record.length
            }
            return Array(UnsafeRawBufferPointer(start: previous, count: 32))
        }
        link = Digest(bytes: lastLink)
        return JournalSlice(buffer, 0..<buffer.count, first: first, count: buffer.records)
    }

    /// Takes back the last commit, which could not be made durable.
    mutating func retract(_ slice: JournalSlice, to link: Digest) {
        self.link = link
        lastSequence = slice.firstSequence - 1
        slice.forEach { record in
            // Only a topic's first record in the slice says what stood in the table before.
            if record.previousSequence < slice.firstSequence {
                _ = topics.exchange(record.topic, record.previousSequence)
            }
        }
    }

    private static func addFlag(_ flag: UInt16, to frame: UnsafeMutableRawPointer) {
        let flags = UnsafeRawPointer(frame).loadLittle(UInt16.self, at: JournalRecord.flagsOffset)
        frame.storeLittle(flags | flag, at: JournalRecord.flagsOffset)
    }
}
