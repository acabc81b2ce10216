internal import Core
internal import Platform

/// A part of a file in memory, moved along as it is read.
struct FileWindow: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var count = 0

    init(capacity: Int = 1 << 20) { memory = .allocate(byteCount: capacity, alignment: 16) }

    deinit { memory.deallocate() }

    /// `count` bytes at `offset`, fewer only at the end of the file; valid until the next call.
    mutating func bytes(
        at offset: Int, count wanted: Int, of file: borrowing FileDescriptor
    ) throws(StorageError) -> UnsafeRawBufferPointer {
        if offset < start || offset + wanted > start + count {
            if wanted > memory.count {
                memory.deallocate()
                memory = .allocate(byteCount: wanted, alignment: 16)
            }
            start = offset
            count = 0
            count = try file.read(into: memory, at: offset)
        }
        let available = min(wanted, start + count - offset)
        return UnsafeRawBufferPointer(rebasing: memory[offset - start..<offset - start + available])
    }
}

/// Walks the records of one segment file, checking each.
struct SegmentScan {
    /// A place in a segment where no good record stands.
    struct Break: Equatable {
        let offset: Int
        /// The sequence that should stand there.
        let sequence: UInt64
        let reason: String
    }

    /// Where the walk stands: past the last good record.
    private(set) var offset: Int
    private(set) var nextSequence: UInt64
    /// Why the walk ended before the end of the file.
    private(set) var broken: Break?

    static let frameBytesMax =
        JournalRecord.headerBytes + JournalBatch.topicBytesMax + JournalBatch.bodyBytesMax

    /// - Parameters:
    ///   - offset: Of a record.
    ///   - nextSequence: That record's.
    init(from offset: Int, nextSequence: UInt64) {
        self.offset = offset
        self.nextSequence = nextSequence
    }

    /// Calls `body` with each good record and its offset, until the end of the file, the record `last`, or a bad one.
    mutating func run(
        _ file: borrowing FileDescriptor, through last: UInt64 = .max, windowBytes: Int = 1 << 20,
        _ body: (borrowing JournalRecord, Int) -> Void
    ) throws(StorageError) {
        guard nextSequence <= last else { return }
        var window = FileWindow(capacity: windowBytes)
        while nextSequence <= last {
            let head = try window.bytes(at: offset, count: JournalRecord.headerBytes, of: file)
            if head.isEmpty { return }
            guard head.count == JournalRecord.headerBytes else { return stop("the record is cut short") }
            let length = Int(head.little(UInt32.self, at: 4))
            guard length >= head.count, length <= Self.frameBytesMax else {
                return stop("the record has no valid length")
            }
            let frame = try window.bytes(at: offset, count: length, of: file)
            guard frame.count == length, let base = frame.baseAddress else { return stop("the record is cut short") }
            guard JournalRecord.intactLength(at: base, available: length) == length else {
                return stop("the record does not match its checksum")
            }
            let record = JournalRecord(at: base)
            guard record.sequence == nextSequence else { return stop("the record has sequence \(record.sequence)") }
            body(record, offset)
            offset += length
            nextSequence += 1
        }
    }

    /// What is wrong where the file ends too early.
    var missing: Break { Break(offset: offset, sequence: nextSequence, reason: "the record is missing") }

    private mutating func stop(_ reason: String) {
        broken = Break(offset: offset, sequence: nextSequence, reason: reason)
    }
}

extension StorageError {
    static func corruption(_ broken: SegmentScan.Break, path: String) -> StorageError {
        StorageError(
            .corrupt, "\(broken.reason): sequence \(broken.sequence) at offset \(broken.offset);"
                + " restore the file from a backup, and run 'opsbus doctor' to see what else is damaged", path: path)
    }
}
