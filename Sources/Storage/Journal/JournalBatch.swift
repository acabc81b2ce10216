/// Records on their way into the journal: durable together or not at all.
///
/// Made in the form in which they are written, so that the journal's thread only completes them.
public struct JournalBatch: ~Copyable, Sendable {
    /// The longest topic. A valid event's bus, source and detail-type fit, escapes included.
    public static let topicBytesMax = 4096
    /// The longest body.
    public static let bodyBytesMax = 16 << 20

    let buffer: RecordBuffer

    /// - Parameter capacity: Bytes expected; the batch grows as needed.
    public init(capacity: Int = 4096) { buffer = RecordBuffer(capacity: capacity) }

    init(_ buffer: RecordBuffer) { self.buffer = buffer }

    /// Records.
    public var count: Int { buffer.records }

    /// Bytes in the journal.
    public var byteCount: Int { buffer.count }

    /// Adds a record.
    /// - Parameters:
    ///   - topic: UTF-8, at most `topicBytesMax` bytes; the caller has checked both.
    ///   - body: At most `bodyBytesMax` bytes of any kind.
    public mutating func append(topic: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        precondition(topic.count <= Self.topicBytesMax, "topic of \(topic.count) bytes")
        precondition(body.count <= Self.bodyBytesMax, "body of \(body.count) bytes")
        buffer.append(topic: topic, body: body)
    }

    /// Adds a record.
    public mutating func append(topic: [UInt8], body: [UInt8]) {
        topic.withUnsafeBytes { topic in
            body.withUnsafeBytes { body in append(topic: topic, body: body) }
        }
    }
}
