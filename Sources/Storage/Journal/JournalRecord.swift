internal import CShims
public import Core

/// One record, lent for the duration of a call; its pointers end with it.
///
/// The frame, the same in memory and in a segment file; integers little endian, bytes without padding:
///
/// | offset | bytes | |
/// |---|---|---|
/// | 0 | 4 | CRC-32C of all that follows |
/// | 4 | 4 | length of the whole frame |
/// | 8 | 32 | link: see `writeLink` |
/// | 40 | 8 | sequence |
/// | 48 | 8 | previous sequence on this topic |
/// | 56 | 8 | time, microseconds since 1970 |
/// | 64 | 2 | bytes of the topic, n |
/// | 66 | 2 | flags: 1 the batch continues with the next record; 2 the first record of a commit |
/// | 68 | n | topic |
/// | 68 + n | | body, to the end |
public struct JournalRecord: ~Copyable {
    /// Whether a crash may leave the frame half written is decided by these: see `TailScan`.
    struct Flags {
        static let continues: UInt16 = 1
        static let startsCommit: UInt16 = 2
    }

    static let headerBytes = 68
    static let linkOffset = 8
    static let sequenceOffset = 40
    static let previousOffset = 48
    static let timeOffset = 56
    static let topicBytesOffset = 64
    static let flagsOffset = 66

    let base: UnsafeRawPointer

    init(at base: UnsafeRawPointer) { self.base = base }

    /// The frame's length, if `available` bytes may hold a frame; its checksum is not looked at.
    static func length(at base: UnsafeRawPointer, available: Int) -> Int? {
        guard available >= headerBytes else { return nil }
        let length = Int(base.loadLittle(UInt32.self, at: 4))
        let topicBytes = Int(base.loadLittle(UInt16.self, at: topicBytesOffset))
        guard length <= available, length >= headerBytes + topicBytes else { return nil }
        return length
    }

    /// The frame's length, if a whole frame with the right checksum stands here.
    static func intactLength(at base: UnsafeRawPointer, available: Int) -> Int? {
        guard let length = length(at: base, available: available),
            ops_crc32c(0, base + 4, length - 4) == base.loadLittle(UInt32.self, at: 0)
        else { return nil }
        return length
    }

    /// Position in the journal, from 1.
    public var sequence: UInt64 { base.loadLittle(UInt64.self, at: Self.sequenceOffset) }

    /// The last record before this one with the same topic, if it was retained when this one was written; else 0.
    ///
    /// Never smaller than the truth. It is larger only where the journal has forgotten a topic among very many.
    public var previousSequence: UInt64 { base.loadLittle(UInt64.self, at: Self.previousOffset) }

    /// When the record was committed.
    public var time: Timestamp {
        Timestamp(microseconds: Int64(bitPattern: base.loadLittle(UInt64.self, at: Self.timeOffset)))
    }

    /// UTF-8.
    public var topic: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Self.headerBytes, count: topicBytes)
    }

    public var body: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: content.dropFirst(topicBytes))
    }

    /// The record's link of the hash chain, 32 bytes.
    public var link: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base + Self.linkOffset, count: 32) }

    /// Topic and body.
    var content: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Self.headerBytes, count: length - Self.headerBytes)
    }

    var length: Int { Int(base.loadLittle(UInt32.self, at: 4)) }

    private var topicBytes: Int { Int(base.loadLittle(UInt16.self, at: Self.topicBytesOffset)) }

    private var flags: UInt16 { base.loadLittle(UInt16.self, at: Self.flagsOffset) }

    var startsCommit: Bool { flags & Flags.startsCommit != 0 }

    var endsBatch: Bool { flags & Flags.continues == 0 }

    /// Whether the link is the one that follows `previous`.
    func isLinked(after previous: Digest) -> Bool {
        var expected = [UInt8](repeating: 0, count: 32)
        expected.withUnsafeMutableBytes { room in
            previous.bytes.withUnsafeBytes { previous in
                guard let output = room.baseAddress, let previous = previous.baseAddress else { return }
                Digest.write(of: content, to: output)
                Self.writeLink(after: previous, header: base, content: output, to: output)
            }
        }
        return expected.elementsEqual(link)
    }

    /// Writes the 32 bytes of a link: the digest of the previous record's link, offset 40 to 68 of this one, and the
    /// digest of its topic and body, which `output` may overlap.
    ///
    /// The content has a digest of its own so that appenders compute it, on their threads: the chain is one after
    /// another by nature, and this leaves a single block of the hash function to it.
    static func writeLink(
        after previous: UnsafeRawPointer, header: UnsafeRawPointer, content: UnsafeRawPointer,
        to output: UnsafeMutableRawPointer
    ) {
        withUnsafeTemporaryAllocation(byteCount: 92, alignment: 8) { input in
            input.baseAddress?.copyMemory(from: previous, byteCount: 32)
            input.baseAddress?.advanced(by: 32).copyMemory(from: header + sequenceOffset, byteCount: 28)
            input.baseAddress?.advanced(by: 60).copyMemory(from: content, byteCount: 32)
            Digest.write(of: UnsafeRawBufferPointer(input), to: output)
        }
    }
}

extension UnsafeRawPointer {
    func loadLittle<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

extension UnsafeMutableRawPointer {
    func storeLittle<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }
}
