internal import Core

/// Messages on their way from the journal's thread to the stream socket, one after the other in one array of bytes.
struct StreamOutbox {
    /// Bytes that wait for the socket's thread; past it messages are dropped, and subscribers see the gap.
    static let bytesMax = 64 << 20

    private struct Lengths {
        var topic: Int
        var payload: Int
    }

    private var bytes: [UInt8] = []
    private var lengths: [Lengths] = []
    private(set) var droppedCount = 0

    var count: Int { lengths.count }

    mutating func append(_ record: StreamRecord) {
        let size = record.topic.count + SequenceFrame.byteCount + record.payload.count
        guard bytes.count + size <= StreamOutbox.bytesMax, lengths.count < Limits.streamMessagesQueuedMax else {
            droppedCount += 1
            return
        }
        bytes.append(contentsOf: record.topic)
        SequenceFrame(sequence: record.sequence, previousSequence: record.previousSequence).write(into: &bytes)
        bytes.append(contentsOf: record.payload)
        lengths.append(Lengths(topic: record.topic.count, payload: record.payload.count))
    }

    /// Empties the outbox and keeps its storage, unless a burst made that large.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= StreamOutbox.bytesMax / 8)
        lengths.removeAll(keepingCapacity: true)
        droppedCount = 0
    }

    /// Lends each message's three frames, in order.
    func forEach(
        _ body: (_ topic: UnsafeRawBufferPointer, _ sequences: UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
        bytes.withUnsafeBytes { bytes in
            var start = 0
            func next(_ count: Int) -> UnsafeRawBufferPointer {
                defer { start += count }
                return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
            }
            for lengths in lengths {
                let topic = next(lengths.topic)
                let sequences = next(SequenceFrame.byteCount)
                body(topic, sequences, next(lengths.payload))
            }
        }
    }
}
