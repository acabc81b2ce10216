/// One message of the stream, lent for the time of a call.
public struct StreamRecord {
    /// Ends in `/`; see `StreamTopic`.
    public var topic: UnsafeRawBufferPointer
    /// A JSON object, UTF-8.
    public var payload: UnsafeRawBufferPointer
    /// Rises strictly over the whole stream.
    public var sequence: UInt64
    /// The sequence before it on the same topic; 0 where none is retained.
    public var previousSequence: UInt64

    public init(
        topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, sequence: UInt64, previousSequence: UInt64
    ) {
        self.topic = topic
        self.payload = payload
        self.sequence = sequence
        self.previousSequence = previousSequence
    }
}

/// The two sequences of a message's second frame.
struct SequenceFrame {
    static let byteCount = 16

    var sequence: UInt64
    var previousSequence: UInt64

    init(sequence: UInt64, previousSequence: UInt64) {
        self.sequence = sequence
        self.previousSequence = previousSequence
    }

    /// Nil where the frame has not 16 bytes.
    init?(_ frame: UnsafeRawBufferPointer) {
        guard frame.count == SequenceFrame.byteCount else { return nil }
        sequence = UInt64(bigEndian: frame.loadUnaligned(as: UInt64.self))
        previousSequence = UInt64(bigEndian: frame.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    func write(into output: inout [UInt8]) {
        withUnsafeBytes(of: sequence.bigEndian) { output.append(contentsOf: $0) }
        withUnsafeBytes(of: previousSequence.bigEndian) { output.append(contentsOf: $0) }
    }
}
