internal import Core
internal import Platform
internal import Synchronization

/// One file of the journal, as its readers see it.
final class Segment: Sendable {
    let path: String
    let header: SegmentHeader
    /// Bytes up to the end of the last durable record.
    let byteCount: Atomic<Int>
    private let index = Mutex(SparseIndex())

    init(path: String, header: SegmentHeader, byteCount: Int) {
        self.path = path
        self.header = header
        self.byteCount = Atomic(byteCount)
    }

    /// Remembers where a record begins.
    func note(_ sequence: UInt64, at offset: Int) { index.withLock { $0.note(sequence, at: offset) } }

    /// Remembers where some of a commit's records begin.
    func note(_ slice: JournalSlice, at offset: Int) {
        index.withLock { index in
            var offset = offset
            slice.forEach { record in
                index.note(record.sequence, at: offset)
                offset += record.length
            }
        }
    }

    /// The records after `sequence`, up to `last`, that fit into `bytesMax`; at least one.
    /// - Parameters:
    ///   - sequence: From `header.firstSequence - 1` to `last - 1`.
    ///   - last: Durable and in this segment.
    /// - Throws: `StorageError` with `.corrupt`, or `.inputOutput`.
    func read(after sequence: UInt64, through last: UInt64, bytesMax: Int) throws(StorageError) -> JournalSlice {
        let file = try FileDescriptor(reading: path)
        let offset = try offset(of: sequence + 1, in: file)
        return try take(from: offset, first: sequence + 1, through: last, bytesMax: bytesMax, of: file)
    }

    private func offset(of sequence: UInt64, in file: borrowing FileDescriptor) throws(StorageError) -> Int {
        let start = index.withLock { $0.start(for: sequence) }
        var scan = SegmentScan(
            from: start?.offset ?? SegmentHeader.bytesCount, nextSequence: start?.sequence ?? header.firstSequence)
        let windowBytes = start == nil ? 1 << 20 : 2 * SparseIndex.stride
        try scan.run(file, through: sequence - 1, windowBytes: windowBytes) { record, offset in
            note(record.sequence, at: offset)
        }
        if let broken = scan.broken { throw .corruption(broken, path: path) }
        guard scan.nextSequence == sequence else {
            throw .corruption(scan.missing, path: path)
        }
        note(sequence, at: scan.offset)
        return scan.offset
    }

    private func take(
        from offset: Int, first: UInt64, through last: UInt64, bytesMax: Int, of file: borrowing FileDescriptor
    ) throws(StorageError) -> JournalSlice {
        let durable = byteCount.load(ordering: .acquiring)
        var buffer = RecordBuffer(capacity: min(bytesMax, durable - offset))
        var available = try file.read(into: buffer.room, at: offset)
        if available >= JournalRecord.headerBytes {
            let length = JournalRecord(at: buffer.base).length
            if length > available && length <= durable - offset {
                buffer = RecordBuffer(capacity: length)
                available = try file.read(into: buffer.room, at: offset)
            }
        }
        var end = 0
        var next = first
        while next <= last,
            let length = JournalRecord.intactLength(at: buffer.base + end, available: available - end),
            JournalRecord(at: buffer.base + end).sequence == next
        {
            end += length
            next += 1
        }
        // A later bad record ends the slice, and is met as the first one of the next.
        guard next > first else {
            let reason = "the record does not match its checksum"
            throw .corruption(.init(offset: offset, sequence: first, reason: reason), path: path)
        }
        index.withLock { $0.end = (next, offset + end) }
        return JournalSlice(buffer, 0..<end, first: first, count: Int(next - first))
    }
}

/// Where some of a segment's records begin, at least `stride` bytes apart.
struct SparseIndex {
    static let stride = 64 << 10

    private var entries: [(sequence: UInt64, offset: Int)] = []
    /// Where the last reader stopped, which is where it is likely to go on.
    var end: (sequence: UInt64, offset: Int)?

    /// The last known record not after `sequence`.
    func start(for sequence: UInt64) -> (sequence: UInt64, offset: Int)? {
        if let end, end.sequence == sequence { return end }
        let following = position { $0.sequence > sequence }
        return following == 0 ? nil : entries[following - 1]
    }

    mutating func note(_ sequence: UInt64, at offset: Int) {
        if let last = entries.last, offset < last.offset + Self.stride {
            guard offset < last.offset else { return }
            let following = position { $0.offset > offset }
            guard offset + Self.stride <= entries[following].offset,
                following == 0 || entries[following - 1].offset + Self.stride <= offset
            else { return }
            entries.insert((sequence, offset), at: following)
        } else {
            entries.append((sequence, offset))
        }
    }

    /// The first entry for which `isAfter` holds, the entries being ordered by it.
    private func position(where isAfter: ((sequence: UInt64, offset: Int)) -> Bool) -> Int {
        var range = 0..<entries.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = isAfter(entries[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}
