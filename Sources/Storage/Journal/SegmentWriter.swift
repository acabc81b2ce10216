internal import Core
internal import Platform
internal import Synchronization

/// The writing end of the segments: completes, writes and syncs each commit.
///
/// `@unchecked`: used only by the journal's thread once that has started.
final class SegmentWriter: @unchecked Sendable {
    private let directory: String
    private let segmentBytes: Int
    private let files: any JournalFiles
    private let clock: any Clock
    private let log: Log?
    private let list: SegmentList
    private var chain: RecordChain
    private var segment: Segment
    private var file: FileDescriptor
    /// End of the last durable record of `file`.
    private var end: Int
    /// Nothing may be added to `file`, and the next commit begins another.
    private var isAbandoned = false
    private var hasFailed = false

    init(
        directory: String, segmentBytes: Int, files: any JournalFiles, clock: any Clock, log: Log?, list: SegmentList,
        opened: consuming OpenedTail
    ) {
        self.directory = directory
        self.segmentBytes = segmentBytes
        self.files = files
        self.clock = clock
        self.log = log
        self.list = list
        chain = opened.chain
        segment = opened.segment
        end = opened.segment.byteCount.load(ordering: .relaxed)
        file = opened.file
    }

    /// Makes the records durable and visible.
    /// - Returns: On failure with `.diskFull` or `.inputOutput` the journal is as it was before.
    func commit(_ buffer: RecordBuffer) -> Result<(slice: JournalSlice, time: Timestamp), StorageError> {
        let time = clock.now
        guard buffer.records > 0 else { return .success((.empty(after: chain.lastSequence), time)) }
        let isFull = end > SegmentHeader.bytesCount && end + buffer.count > segmentBytes
        do throws(StorageError) {
            if isFull || isAbandoned { try roll(at: time) }
            let link = chain.link
            let slice = chain.extend(over: buffer, time: time, oldest: list.oldestSequence)
            do throws(StorageError) {
                try write(slice.bytes)
            } catch {
                chain.retract(slice, to: link)
                throw error
            }
            end += slice.byteCount
            list.publish(slice, in: segment, endingAt: end)
            if hasFailed { log?.info("writing to the journal again") }
            hasFailed = false
            return .success((slice, time))
        } catch {
            // Once: on a full disk this happens many times a second.
            if !hasFailed { log?.error("cannot write to the journal, and refuse what is published: \(error)") }
            hasFailed = true
            return .failure(error)
        }
    }

    /// Writes and syncs at the end.
    ///
    /// After a failed write the file can be cut back to what is durable and used again. After a failed sync it cannot:
    /// the kernel may have dropped the pages and marked them clean, so that a second sync of them succeeds without
    /// their ever reaching the disk. Then the records go to a new file, and this one ends where it was durable.
    private func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        do throws(StorageError) {
            try files.write(bytes, at: end, of: file)
        } catch {
            cutBack()
            throw error
        }
        do throws(StorageError) {
            try files.synchronize(file)
        } catch {
            cutBack()
            isAbandoned = true
            throw error
        }
    }

    private func cutBack() {
        do throws(StorageError) {
            try files.truncate(file, to: end)
        } catch {
            log?.warning("leaving a segment after a failed write: \(error)")
            isAbandoned = true
        }
    }

    /// Goes on in a new segment. The old one is durable up to `end`.
    private func roll(at time: Timestamp) throws(StorageError) {
        let header = SegmentHeader(
            epoch: list.epoch, firstSequence: chain.lastSequence + 1,
            previousFirstSequence: chain.lastSequence < segment.header.firstSequence
                ? segment.header.previousFirstSequence : segment.header.firstSequence,
            created: time, link: chain.link)
        let old = TopicFile.path(of: segment.header.firstSequence, in: directory)
        let new = TopicFile.path(of: header.firstSequence, in: directory)
        writeTopics(to: new, firstSequence: header.firstSequence)
        // If this fails late, the new file is there and says that the old one ends here.
        isAbandoned = true
        file = try Self.create(header, in: directory, files: files)
        segment = Segment(path: file.path, header: header, byteCount: SegmentHeader.bytesCount)
        end = SegmentHeader.bytesCount
        isAbandoned = false
        list.append(segment)
        if old != new { discard(old) }
    }

    private func writeTopics(to path: String, firstSequence: UInt64) {
        let bytes = TopicFile.bytes(of: chain.topics, epoch: list.epoch, firstSequence: firstSequence)
        do throws(StorageError) {
            let file = try files.open(path, isNew: true)
            try files.write(bytes, at: 0, of: file)
            try files.synchronize(file)
        } catch {
            log?.warning("the next opening of the journal will take longer: \(error)")
            discard(path)
        }
    }

    private func discard(_ path: String) {
        do throws(StorageError) { try files.remove(path) } catch { log?.warning("\(error)") }
    }

    /// Makes a segment file that is either absent or whole after a crash.
    /// - Returns: Open, under its final name.
    static func create(
        _ header: SegmentHeader, in directory: String, files: any JournalFiles
    ) throws(StorageError) -> FileDescriptor {
        let path = directory + "/" + header.fileName
        let temporary = path + ".new"
        let file = try files.open(temporary, isNew: true)
        try files.write(header.bytes, at: 0, of: file)
        try files.synchronize(file)
        try files.rename(temporary, to: path)
        try files.synchronizeDirectory(directory)
        return try files.open(path, isNew: false)
    }
}
