internal import Core
internal import Glibc

/// Growing memory for framed records.
///
/// `@unchecked`: it has one owner at a time. The owner of a `JournalBatch` fills it and hands it to the journal's
/// thread, which completes the frames and freezes it in a `JournalSlice`; from then on it is only read.
final class RecordBuffer: @unchecked Sendable {
    private(set) var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes in use.
    private(set) var count = 0
    private(set) var records = 0
    private var lastOffset = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 256)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// All the memory there is, for reading into.
    var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: base, count: capacity) }

    /// Adds a frame whose checksum, link, sequences and time are still to come. In place of the link stands the digest
    /// of topic and body, from which it will be made.
    func append(topic: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        let length = JournalRecord.headerBytes + topic.count + body.count
        reserve(length)
        if records > 0 {
            (base + lastOffset).storeLittle(JournalRecord.Flags.continues, at: JournalRecord.flagsOffset)
        }
        let frame = base + count
        memset(frame, 0, JournalRecord.headerBytes)
        frame.storeLittle(UInt32(length), at: 4)
        frame.storeLittle(UInt16(topic.count), at: JournalRecord.topicBytesOffset)
        if let source = topic.baseAddress { memcpy(frame + JournalRecord.headerBytes, source, topic.count) }
        if let source = body.baseAddress { memcpy(frame + JournalRecord.headerBytes + topic.count, source, body.count) }
        Digest.write(of: JournalRecord(at: frame).content, to: frame + JournalRecord.linkOffset)
        lastOffset = count
        count += length
        records += 1
    }

    /// Adds the frames of another buffer.
    func append(_ other: RecordBuffer) {
        reserve(other.count)
        memcpy(base + count, other.base, other.count)
        lastOffset = count + other.lastOffset
        count += other.count
        records += other.records
    }

    private func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        capacity = max(count + more, capacity * 2)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        memcpy(larger, base, count)
        base.deallocate()
        base = larger
    }
}
