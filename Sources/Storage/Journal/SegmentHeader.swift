internal import CShims
internal import Core

/// The beginning of a segment file. Integers little endian.
///
/// A journal is a directory of segments named by their first sequence in 20 digits, `00000000000000000001.seg`; the
/// records follow the header without gaps, framed as `JournalRecord` says. Only the last segment grows. A segment ends
/// where the next one says it begins: bytes after that are the rest of a commit that failed.
///
/// | offset | bytes | |
/// |---|---|---|
/// | 0 | 8 | `OPSBUSJ` and a newline |
/// | 8 | 4 | CRC-32C of offset 12 to 96 |
/// | 12 | 4 | format version, 1 |
/// | 16 | 16 | epoch, the high half first |
/// | 32 | 8 | sequence of the first record |
/// | 40 | 8 | first sequence of the segment before, 0 for none |
/// | 48 | 8 | time of creation, microseconds since 1970 |
/// | 56 | 32 | link of the record before the first |
/// | 88 | 8 | zero |
///
/// Beside a segment lies `NAME.topics`, which saves reading all segments when the journal is opened: see `TopicFile`.
struct SegmentHeader {
    static let bytesCount = 96
    static let version: UInt32 = 1
    static let suffix = ".seg"
    private static let magic = Array("OPSBUSJ\n".utf8)

    let epoch: Identifier
    let firstSequence: UInt64
    let previousFirstSequence: UInt64
    let created: Timestamp
    let link: Digest

    var fileName: String { Self.name(firstSequence) + Self.suffix }

    static func name(_ sequence: UInt64) -> String {
        let digits = String(sequence)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.bytesCount)
        bytes.replaceSubrange(0..<8, with: Self.magic)
        bytes.replaceSubrange(56..<88, with: link.bytes)
        bytes.withUnsafeMutableBytes { room in
            guard let base = room.baseAddress else { return }
            base.storeLittle(Self.version, at: 12)
            base.storeLittle(epoch.high, at: 16)
            base.storeLittle(epoch.low, at: 24)
            base.storeLittle(firstSequence, at: 32)
            base.storeLittle(previousFirstSequence, at: 40)
            base.storeLittle(UInt64(bitPattern: created.microseconds), at: 48)
            base.storeLittle(ops_crc32c(0, base + 12, Self.bytesCount - 12), at: 8)
        }
        return bytes
    }
}

extension SegmentHeader {
    /// - Throws: `StorageError` with `.corrupt` or `.unsupportedVersion`.
    init(bytes: [UInt8], path: String) throws(StorageError) {
        guard bytes.count == Self.bytesCount, bytes.starts(with: Self.magic) else {
            throw StorageError(.corrupt, "this is not a journal segment: its header is short or foreign", path: path)
        }
        let fields = bytes.withUnsafeBytes { bytes in
            (
                bytes.little(UInt32.self, at: 8), ops_crc32c(0, bytes.baseAddress?.advanced(by: 12), 84),
                bytes.little(UInt32.self, at: 12)
            )
        }
        guard fields.0 == fields.1 else {
            throw StorageError(.corrupt, "the segment's header does not match its checksum", path: path)
        }
        guard fields.2 == Self.version else {
            throw StorageError(
                .unsupportedVersion,
                "journal format \(fields.2), and this program reads \(Self.version); use a newer program", path: path)
        }
        func word(_ offset: Int) -> UInt64 { bytes.withUnsafeBytes { $0.little(UInt64.self, at: offset) } }
        epoch = Identifier(high: word(16), low: word(24))
        firstSequence = word(32)
        previousFirstSequence = word(40)
        created = Timestamp(microseconds: Int64(bitPattern: word(48)))
        link = Digest(bytes: Array(bytes[56..<88]))
    }
}

extension UnsafeRawBufferPointer {
    func little<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
