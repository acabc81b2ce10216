public import Core
public import Platform
internal import Synchronization

/// The journal in files of one directory: append-only segments, group commit, a checksum and a link of the hash chain
/// in each record.
public final class SegmentJournal: Journal {
    private let directory: String
    private let files: any JournalFiles
    private let list: SegmentList
    private let thread: CommitThread

    /// What was found at opening.
    public let recovery: JournalRecovery

    /// Opens the journal of a directory, which this process alone must hold, or begins one.
    /// - Parameters:
    ///   - directory: Exists or can be created.
    ///   - segmentBytes: Size at which a new file is begun; one commit may exceed it.
    /// - Throws: `StorageError` with `.corrupt` naming segment, offset and sequence, `.unsupportedVersion`, `.diskFull`
    ///   or `.inputOutput`.
    public convenience init(
        directory: String, segmentBytes: Int = 64 << 20, clock: any Clock = SystemClock(),
        log: Log = Log(component: "journal")
    ) throws(StorageError) {
        var options = Options()
        options.segmentBytes = segmentBytes
        try self.init(directory: directory, options: options, files: LocalFiles(), clock: clock, log: log)
    }

    /// What only tests change.
    struct Options {
        var segmentBytes = 64 << 20
        var queueBytesMax = Limits.journalQueueBytesMax
        var topicsMax = TopicTable.topicsMax
    }

    init(
        directory: String, options: Options, files: any JournalFiles, clock: any Clock, log: Log?
    ) throws(StorageError) {
        do { try Files.createDirectory(directory, mode: 0o750) } catch { throw StorageError(error) }
        var generator = SystemRandomNumberGenerator()
        let recovered = try SegmentRecovery(
            directory: directory, files: files, topicsMax: options.topicsMax, epoch: Identifier(using: &generator),
            now: clock.now)
        self.directory = directory
        self.files = files
        list = recovered.list
        recovery = recovered.report
        if recovery.bytesCut > 0 {
            log?.warning("cut \(recovery.bytesCut) bytes of an unfinished commit off \(recovery.path ?? directory)")
        }
        if recovery.hasRebuiltTopics { log?.info("rebuilt the table of topics from all segments") }
        let writer = SegmentWriter(
            directory: directory, segmentBytes: options.segmentBytes, files: files, clock: clock, log: log, list: list,
            opened: recovered.takeTail())
        thread = CommitThread(bytesMax: options.queueBytesMax) { writer.commit($0) }
    }

    deinit { thread.stop() }

    public var epoch: Identifier { list.epoch }

    public var lastSequence: UInt64 { list.lastSequence }

    public var oldestSequence: UInt64 { list.oldestSequence }

    public func append(
        _ batch: consuming JournalBatch,
        completion: @escaping @Sendable (Result<JournalReceipt, StorageError>) -> Void
    ) throws(StorageError) {
        try thread.submit(batch.buffer, completion: completion)
    }

    public func read(after sequence: UInt64, bytesMax: Int) throws(StorageError) -> JournalSlice {
        try list.read(after: sequence, bytesMax: bytesMax)
    }

    public func observe(_ observer: @escaping @Sendable (JournalSlice) -> Void) { thread.observe(observer) }

    /// Removes whole segments, never the last. Each removal is durable before the next, so that no crash leaves a gap.
    @discardableResult
    public func trim(olderThan time: Timestamp, keepingBytes bytesMin: Int, keepingAfter sequence: UInt64)
        throws(StorageError) -> JournalTrim
    {
        var trim = JournalTrim()
        while let (segment, records) = list.expendable(
            olderThan: time, keepingBytes: bytesMin, keepingAfter: sequence)
        {
            try files.remove(TopicFile.path(of: segment.header.firstSequence, in: directory))
            try files.remove(segment.path)
            list.remove(segment)
            try files.synchronizeDirectory(directory)
            trim.records += records
            trim.bytes += segment.byteCount.load(ordering: .acquiring)
        }
        return trim
    }

    public func close() { thread.stop() }
}
