internal import Core
internal import Platform
internal import Synchronization

/// The segments of an open journal, shared between its thread, which adds, readers, and whoever trims.
final class SegmentList: Sendable {
    let epoch: Identifier
    private let segments: Mutex<[Segment]>
    private let last: Atomic<UInt64>

    /// - Parameters:
    ///   - segments: At least one, oldest first.
    ///   - lastSequence: The last durable one.
    init(epoch: Identifier, segments: [Segment], lastSequence: UInt64) {
        self.epoch = epoch
        self.segments = Mutex(segments)
        last = Atomic(lastSequence)
    }

    var lastSequence: UInt64 { last.load(ordering: .acquiring) }

    var oldestSequence: UInt64 { segments.withLock { $0[0].header.firstSequence } }

    /// Makes records visible that have become durable in the last segment.
    func publish(_ slice: JournalSlice, in segment: Segment, endingAt end: Int) {
        segment.note(slice, at: end - slice.byteCount)
        segment.byteCount.store(end, ordering: .releasing)
        last.store(slice.lastSequence, ordering: .releasing)
    }

    /// Adds a segment that begins after the last record. It takes the place of one without records.
    func append(_ segment: Segment) {
        segments.withLock { segments in
            if segments.last?.header.firstSequence == segment.header.firstSequence { segments.removeLast() }
            segments.append(segment)
        }
    }

    func read(after sequence: UInt64, bytesMax: Int) throws(StorageError) -> JournalSlice {
        let last = lastSequence
        let (found, oldest) = segments.withLock { segments in
            let following = segments.firstIndex { $0.header.firstSequence > sequence + 1 } ?? segments.count
            let end = following < segments.count ? segments[following].header.firstSequence - 1 : last
            return (following == 0 ? nil : (segments[following - 1], end), segments[0].header.firstSequence)
        }
        guard let (segment, end) = found else { throw .expired(after: sequence, oldest: oldest) }
        guard sequence < last else { return .empty(after: sequence) }
        do throws(StorageError) {
            return try segment.read(after: sequence, through: min(end, last), bytesMax: bytesMax)
        } catch {
            // It may have been trimmed since.
            if sequence + 1 < oldestSequence { throw .expired(after: sequence, oldest: oldestSequence) }
            throw error
        }
    }

    /// The oldest segment, if it may go under these conditions, which are those of `Journal.trim`.
    func expendable(olderThan time: Timestamp, keepingBytes bytesMin: Int, keepingAfter sequence: UInt64)
        -> (segment: Segment, records: UInt64)?
    {
        segments.withLock { segments in
            guard segments.count > 1 else { return nil }
            let (segment, next) = (segments[0], segments[1].header)
            let rest = segments.dropFirst().reduce(0) { $0 + $1.byteCount.load(ordering: .acquiring) }
            // A segment is made when the one before it is full: its creation is the time of the last record there.
            guard next.created < time, next.firstSequence <= sequence + 1, rest >= bytesMin else { return nil }
            return (segment, next.firstSequence - segment.header.firstSequence)
        }
    }

    /// Takes a segment off the list once its file is gone.
    func remove(_ segment: Segment) {
        segments.withLock { segments in
            if segments.count > 1, segments[0] === segment { segments.removeFirst() }
        }
    }
}
