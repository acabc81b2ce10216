internal import Core
internal import Platform

/// Finds where the durable content of the last segment ends.
///
/// A crash may leave the last commit there in any state: cut short, with holes where pages were not written, or whole
/// but never acknowledged. All that was acknowledged lies before it, because a commit is written only after the one
/// before it is durable. So a bad record is the torn tail if no later commit begins after it, and damage otherwise.
struct TailScan {
    /// End of the last whole batch.
    private(set) var end: Int
    private(set) var lastSequence: UInt64
    private(set) var link: Digest
    /// Where the last commit begins.
    let commitOffset: Int
    /// The first record that is bad, or not linked to the one before.
    private(set) var broken: SegmentScan.Break?
    /// A later commit begins after the break: acknowledged records are damaged.
    let isDamaged: Bool

    /// - Parameter header: Of the segment to scan.
    init(_ file: borrowing FileDescriptor, header: SegmentHeader) throws(StorageError) {
        var scan = SegmentScan(from: SegmentHeader.bytesCount, nextSequence: header.firstSequence)
        var previous: Int?
        var commit = (offset: scan.offset, sequence: header.firstSequence, previous: Int?.none)
        try scan.run(file) { record, offset in
            if record.startsCommit { commit = (offset, record.sequence, previous) }
            previous = offset
        }
        broken = scan.broken
        if let found = scan.broken { isDamaged = try Self.hasCommit(file, after: found) } else { isDamaged = false }
        commitOffset = commit.offset
        end = commit.offset
        lastSequence = commit.sequence - 1
        if let offset = commit.previous { link = try Self.link(of: file, at: offset) } else { link = header.link }
        try followLinks(file)
    }

    /// Goes through the last commit from its beginning: after two failures in a row records of both may lie there,
    /// each good in itself, and only the links tell them apart.
    private mutating func followLinks(_ file: borrowing FileDescriptor) throws(StorageError) {
        var scan = SegmentScan(from: commitOffset, nextSequence: lastSequence + 1)
        var (end, lastSequence, link, last) = (end, lastSequence, link, link)
        var unlinked: SegmentScan.Break?
        try scan.run(file) { record, offset in
            guard unlinked == nil else { return }
            guard record.isLinked(after: last) else {
                unlinked = .init(
                    offset: offset, sequence: record.sequence, reason: "the record is not linked to the one before")
                return
            }
            last = Digest(bytes: Array(record.link))
            if record.endsBatch { (end, lastSequence, link) = (offset + record.length, record.sequence, last) }
        }
        (self.end, self.lastSequence, self.link) = (end, lastSequence, link)
        broken = unlinked ?? broken
    }

    private static func link(of file: borrowing FileDescriptor, at offset: Int) throws(StorageError) -> Digest {
        var window = FileWindow(capacity: 4096)
        return Digest(bytes: Array(try window.bytes(at: offset + JournalRecord.linkOffset, count: 32, of: file)))
    }

    /// Looks at every offset after the break for a good record that begins a later commit.
    ///
    /// A publisher cannot plant one in an event's body: the length of a frame has a byte below 0x20, which JSON text
    /// does not.
    private static func hasCommit(
        _ file: borrowing FileDescriptor, after found: SegmentScan.Break
    ) throws(StorageError) -> Bool {
        let size = try file.size()
        var window = FileWindow(capacity: max(size - found.offset, 1))
        let rest = try window.bytes(at: found.offset, count: size - found.offset, of: file)
        guard let base = rest.baseAddress, rest.count > JournalRecord.headerBytes else { return false }
        for offset in 1..<rest.count - JournalRecord.headerBytes + 1 {
            let available = rest.count - offset
            guard JournalRecord.length(at: base + offset, available: available) != nil else { continue }
            let record = JournalRecord(at: base + offset)
            let mayFollow = record.sequence > found.sequence && record.sequence - found.sequence < UInt64(rest.count)
            if mayFollow, record.startsCommit,
                JournalRecord.intactLength(at: base + offset, available: available) != nil
            {
                return true
            }
        }
        return false
    }
}
