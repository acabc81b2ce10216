/// Consecutive durable records, immutable.
///
/// `@unchecked`: nothing writes to the buffer once a slice is made of it.
public final class JournalSlice: @unchecked Sendable {
    private let buffer: RecordBuffer
    private let byteRange: Range<Int>

    /// For an empty slice the sequence that would come next.
    public let firstSequence: UInt64
    /// `firstSequence - 1` for an empty slice.
    public let lastSequence: UInt64

    /// - Parameter byteRange: Whole frames, checked.
    init(_ buffer: RecordBuffer, _ byteRange: Range<Int>, first: UInt64, count: Int) {
        self.buffer = buffer
        self.byteRange = byteRange
        firstSequence = first
        lastSequence = first - 1 + UInt64(count)
    }

    static func empty(after sequence: UInt64) -> JournalSlice {
        JournalSlice(RecordBuffer(capacity: 0), 0..<0, first: sequence + 1, count: 0)
    }

    /// Records.
    public var count: Int { Int(lastSequence + 1 - firstSequence) }

    public var isEmpty: Bool { byteRange.isEmpty }

    /// Bytes of the framed records.
    public var byteCount: Int { byteRange.count }

    /// The frames. Valid as long as the slice.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer.room)[byteRange])
    }

    /// Calls `body` with each record in order; the record may not be kept.
    public func forEach<E: Error>(_ body: (borrowing JournalRecord) throws(E) -> Void) throws(E) {
        let bytes = bytes
        guard let base = bytes.baseAddress else { return }
        var offset = 0
        while offset < bytes.count {
            let record = JournalRecord(at: base + offset)
            offset += record.length
            try body(record)
        }
    }

    /// The records after `sequence` that fit into `bytesMax`, at least one if there is one.
    func part(after sequence: UInt64, bytesMax: Int) -> JournalSlice {
        var start = 0
        var end = 0
        var count = 0
        var isFull = false
        forEach { record in
            if record.sequence <= sequence {
                start += record.length
                end = start
                return
            }
            isFull = isFull || (count > 0 && end - start + record.length > bytesMax)
            if isFull { return }
            end += record.length
            count += 1
        }
        let range = byteRange.lowerBound + start..<byteRange.lowerBound + end
        return JournalSlice(buffer, range, first: max(sequence + 1, firstSequence), count: count)
    }
}
