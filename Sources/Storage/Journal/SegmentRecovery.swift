internal import Core
internal import Platform
internal import Synchronization

/// What opening a journal found after a crash.
public struct JournalRecovery: Sendable, Hashable {
    /// The end of the last commit, which was not acknowledged, cut off the last segment.
    public var bytesCut = 0
    /// The segment it was cut off.
    public var path: String?
    /// The table of topics had to be rebuilt from all segments.
    public var hasRebuiltTopics = false
}

/// The last segment, ready for writing.
struct OpenedTail: ~Copyable {
    let file: FileDescriptor
    let segment: Segment
    let chain: RecordChain
}

/// Brings a journal's directory into the state after its last whole batch.
struct SegmentRecovery: ~Copyable {
    let list: SegmentList
    let tail: OpenedTail
    let report: JournalRecovery

    /// - Throws: `StorageError` with `.corrupt` naming segment, offset and sequence, `.unsupportedVersion`, `.diskFull`
    ///   or `.inputOutput`.
    init(
        directory: String, files: any JournalFiles, topicsMax: Int, epoch: Identifier, now: Timestamp
    ) throws(StorageError) {
        var catalog = try SegmentCatalog(directory: directory)
        if let failure = catalog.failure { throw failure }
        for path in catalog.leftovers { try files.remove(path) }
        if catalog.entries.isEmpty {
            let header = SegmentHeader(
                epoch: epoch, firstSequence: 1, previousFirstSequence: 0, created: now, link: .zero)
            _ = try SegmentWriter.create(header, in: directory, files: files)
            catalog = try SegmentCatalog(directory: directory)
        }
        guard let last = catalog.entries.last else {
            throw StorageError(.inputOutput, "a segment made just now is not there", path: directory)
        }
        let file = try files.open(last.path, isNew: false)
        let scan = try TailScan(file, header: last.header)
        if scan.isDamaged, let broken = scan.broken { throw .corruption(broken, path: last.path) }
        var report = JournalRecovery()
        if last.bytesCount > scan.end { (report.bytesCut, report.path) = (last.bytesCount - scan.end, last.path) }
        try Self.settle(file, scan, files: files)
        let topics = try Self.topics(catalog, directory: directory, topicsMax: topicsMax, report: &report)
        let segments = catalog.entries.map { Segment(path: $0.path, header: $0.header, byteCount: $0.bytesCount) }
        let segment = segments[segments.count - 1]
        segment.byteCount.store(scan.end, ordering: .relaxed)
        list = SegmentList(epoch: last.header.epoch, segments: segments, lastSequence: scan.lastSequence)
        tail = OpenedTail(
            file: file, segment: segment,
            chain: RecordChain(lastSequence: scan.lastSequence, link: scan.link, topics: topics))
        self.report = report
    }

    consuming func takeTail() -> OpenedTail { tail }

    /// Cuts the torn tail and makes the last commit durable, which after a crash of the process it need not be.
    ///
    /// It is written once more for that: if the crash followed a failed sync, its pages may be marked clean in memory
    /// though they are not on the disk, and a sync alone would pass over them.
    private static func settle(
        _ file: borrowing FileDescriptor, _ scan: borrowing TailScan, files: any JournalFiles
    ) throws(StorageError) {
        if try file.size() > scan.end { try files.truncate(file, to: scan.end) }
        if scan.end > scan.commitOffset {
            var window = FileWindow(capacity: scan.end - scan.commitOffset)
            let commit = try window.bytes(at: scan.commitOffset, count: scan.end - scan.commitOffset, of: file)
            try files.write(commit, at: scan.commitOffset, of: file)
        }
        try files.synchronize(file)
    }

    /// The table at the end of the journal: the last segment's table, or an empty one at the oldest segment, moved
    /// through the records that follow.
    private static func topics(
        _ catalog: SegmentCatalog, directory: String, topicsMax: Int, report: inout JournalRecovery
    ) throws(StorageError) -> TopicTable {
        var entries = catalog.entries[...]
        var generator = SystemRandomNumberGenerator()
        var topics = TopicTable(topicsMax: topicsMax, using: &generator)
        if let last = entries.last, entries.count > 1 {
            let first = last.header.firstSequence
            let path = TopicFile.path(of: first, in: directory)
            if let saved = TopicFile.read(path, epoch: last.header.epoch, firstSequence: first, topicsMax: topicsMax) {
                topics = saved
                entries = entries.suffix(1)
            } else {
                report.hasRebuiltTopics = true
            }
        }
        for (index, entry) in zip(entries.indices, entries) {
            let next = index + 1 < entries.endIndex ? entries[index + 1].header.firstSequence : nil
            let file = try FileDescriptor(reading: entry.path)
            var scan = SegmentScan(from: SegmentHeader.bytesCount, nextSequence: entry.header.firstSequence)
            try scan.run(file, through: next.map { $0 - 1 } ?? .max) { record, _ in
                _ = topics.exchange(record.topic, record.sequence)
            }
            if let broken = scan.broken { throw .corruption(broken, path: entry.path) }
            if let next, scan.nextSequence != next { throw .corruption(scan.missing, path: entry.path) }
        }
        return topics
    }
}
