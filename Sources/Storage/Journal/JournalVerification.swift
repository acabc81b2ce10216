internal import Core

extension SegmentJournal {
    /// Checks every checksum, link, sequence and predecessor of the journal in a directory. Changes nothing, and may
    /// run beside the server.
    /// - Returns: What was found. A file that cannot be read is a fault too.
    public static func verify(directory: String) -> JournalReport {
        var verification = JournalVerification()
        do throws(StorageError) {
            try verification.run(directory)
        } catch {
            verification.report.fault =
                verification.report.fault
                ?? .init(path: error.path ?? directory, offset: 0, sequence: 0, reason: error.message)
        }
        return verification.report
    }
}

/// The walk of `SegmentJournal.verify`.
private struct JournalVerification {
    var report = JournalReport()
    private var topics: TopicTable

    init() {
        var generator = SystemRandomNumberGenerator()
        topics = TopicTable(topicsMax: TopicTable.topicsMax, using: &generator)
    }

    mutating func run(_ directory: String) throws(StorageError) {
        let catalog = try SegmentCatalog(directory: directory)
        report.segments = catalog.entries.count
        report.bytes = catalog.entries.reduce(0) { $0 + $1.bytesCount }
        if let first = catalog.entries.first?.header {
            (report.epoch, report.link) = (first.epoch, first.link)
            report.lastSequence = first.firstSequence - 1
        }
        for (index, entry) in catalog.entries.enumerated() {
            if index + 1 < catalog.entries.count {
                try walk(entry, to: catalog.entries[index + 1].header.firstSequence)
            } else if catalog.failure == nil {
                try walkTail(entry)
            } else {
                // The header that follows is broken, and this segment ends where that one says it begins.
                _ = try check(entry, through: .max)
            }
            if report.fault != nil { return }
        }
        if let failure = catalog.failure { throw failure }
    }

    /// A segment that another follows, which says where this one ends.
    private mutating func walk(_ entry: SegmentCatalog.Entry, to next: UInt64) throws(StorageError) {
        let scan = try check(entry, through: next - 1)
        if let broken = scan.broken ?? (scan.nextSequence < next ? scan.missing : nil) { fail(broken, entry.path) }
        report.abandonedBytes += entry.bytesCount - scan.offset
    }

    /// The last segment, whose last commit may be unfinished.
    private mutating func walkTail(_ entry: SegmentCatalog.Entry) throws(StorageError) {
        let tail = try TailScan(try FileDescriptor(reading: entry.path), header: entry.header)
        _ = try check(entry, through: tail.lastSequence)
        if let broken = tail.broken {
            if tail.isDamaged { fail(broken, entry.path) } else { report.torn = .init(broken, entry.path) }
        }
        if report.fault == nil { report.tornBytes = max(entry.bytesCount - tail.end, 0) }
    }

    /// Follows the chain through a segment.
    private mutating func check(
        _ entry: SegmentCatalog.Entry, through last: UInt64
    ) throws(StorageError) -> SegmentScan {
        var scan = SegmentScan(from: SegmentHeader.bytesCount, nextSequence: entry.header.firstSequence)
        if entry.header.link != report.link {
            let reason = "the segment is not linked to the record before it"
            fail(.init(offset: 0, sequence: scan.nextSequence, reason: reason), entry.path)
            return scan
        }
        let file = try FileDescriptor(reading: entry.path)
        try scan.run(file, through: last) { record, offset in
            guard report.fault == nil else { return }
            if let reason = check(record) {
                fail(.init(offset: offset, sequence: record.sequence, reason: reason), entry.path)
            }
        }
        return scan
    }

    private mutating func check(_ record: borrowing JournalRecord) -> String? {
        guard record.isLinked(after: report.link) else { return "the record is not linked to the one before" }
        let predecessor = topics.exchange(record.topic, record.sequence)
        guard record.previousSequence < record.sequence,
            record.previousSequence >= predecessor || topics.hasForgotten
        else { return "the record names \(record.previousSequence) as its predecessor, which is \(predecessor)" }
        report.link = Digest(bytes: Array(record.link))
        report.records += 1
        report.lastSequence = record.sequence
        if report.firstSequence == 0 { (report.firstSequence, report.oldestTime) = (record.sequence, record.time) }
        report.newestTime = record.time
        return nil
    }

    /// The first fault counts.
    private mutating func fail(_ broken: SegmentScan.Break, _ path: String) {
        report.fault = report.fault ?? .init(broken, path)
    }
}

extension JournalReport.Fault {
    fileprivate init(_ broken: SegmentScan.Break, _ path: String) {
        self.init(path: path, offset: broken.offset, sequence: broken.sequence, reason: broken.reason)
    }
}
