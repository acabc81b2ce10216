internal import Core
internal import Storage

/// Where an event stands in an archive. Archives are read in this order: by the minute of the event's time, and within
/// a minute as the events came.
struct ArchivePosition: Sendable, Hashable {
    /// Minutes since 1970.
    var minute: Int64
    var block: Int64
    /// In the block.
    var index: Int

    static func minute(of time: Timestamp) -> Int64 {
        let (quotient, remainder) = time.seconds.quotientAndRemainder(dividingBy: 60)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// An event as an archive keeps it.
struct ArchivedEvent: Sendable, Hashable {
    /// The event's own time.
    var time: Timestamp
    /// The journal's topic.
    var topic: [UInt8]
    /// The body of the journal's record, a `StreamEntry`.
    var body: [UInt8]
    var position = ArchivePosition(minute: 0, block: 0, index: 0)

    /// The event's `time`; nil for an envelope that has none where it is looked for, before `resources` and `detail`.
    static func time(of payload: UnsafeRawBufferPointer) -> Timestamp? {
        var cursor = JSONCursor(payload)
        var time: Timestamp?
        _ = cursor.members { cursor, key in
            guard let value = cursor.string() else { return false }
            guard cursor.isText(key, "time") else { return true }
            time = Timestamp(rfc3339: String(decoding: cursor.slice(value.range), as: UTF8.self))
            return false
        }
        return time
    }
}

/// Events of one archive and one minute, in the form in which they are kept: each as its time in microseconds since
/// 1970 (8 bytes), the lengths of topic and body (4 bytes each), topic and body. Little endian.
struct ArchiveBlock: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var contents = Archive.Contents()
    /// When the newest of the events was taken in.
    private(set) var ingested = Timestamp(microseconds: .min)

    private static let headerBytes = 16

    mutating func append(_ record: borrowing JournalRecord, time: Timestamp, payloadBytes: Int) {
        append(UInt64(bitPattern: time.microseconds))
        append(UInt32(record.topic.count))
        append(UInt32(record.body.count))
        bytes.append(contentsOf: record.topic)
        bytes.append(contentsOf: record.body)
        contents.eventCount += 1
        contents.sizeBytes += payloadBytes
        ingested = max(ingested, record.time)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Calls `body` with each event of a kept block from `index` on, until it answers false.
    /// - Throws: `StorageError` `.corrupt` where the bytes are not whole events.
    static func read(
        _ bytes: [UInt8], minute: Int64, block: Int64, from index: Int, _ body: (ArchivedEvent) -> Bool
    ) throws(StorageError) {
        var offset = 0
        var position = ArchivePosition(minute: minute, block: block, index: 0)
        while offset < bytes.count {
            guard offset + headerBytes <= bytes.count else { throw corrupt(block) }
            let topicBytes = Int(number(UInt32.self, bytes, offset + 8))
            let bodyBytes = Int(number(UInt32.self, bytes, offset + 12))
            let topicStart = offset + headerBytes
            let end = topicStart + topicBytes + bodyBytes
            guard end <= bytes.count else { throw corrupt(block) }
            if position.index >= index {
                let event = ArchivedEvent(
                    time: Timestamp(microseconds: Int64(bitPattern: number(UInt64.self, bytes, offset))),
                    topic: Array(bytes[topicStart..<topicStart + topicBytes]),
                    body: Array(bytes[topicStart + topicBytes..<end]), position: position)
                guard body(event) else { return }
            }
            position.index += 1
            offset = end
        }
    }

    private static func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type, _ bytes: [UInt8], _ offset: Int
    ) -> Value {
        bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }

    private static func corrupt(_ block: Int64) -> StorageError {
        StorageError(.corrupt, "block \(block) of the archives ends within an event")
    }
}
