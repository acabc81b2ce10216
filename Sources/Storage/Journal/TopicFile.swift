internal import CShims
internal import Core
internal import Platform

/// The table of topics as it was where a segment begins, in `NAME.topics` beside it.
///
/// With it, opening a journal reads the last segment only. One that is lost or torn costs a walk through all segments,
/// which say the same. Words of 64 bits, little endian: CRC-32C of all that follows, the epoch's two
/// halves, the sequence of the segment's first record, then `TopicTable.words`.
enum TopicFile {
    static let suffix = ".topics"

    static func path(of sequence: UInt64, in directory: String) -> String {
        directory + "/" + SegmentHeader.name(sequence) + suffix
    }

    static func bytes(of topics: TopicTable, epoch: Identifier, firstSequence: UInt64) -> [UInt8] {
        let words = [0, epoch.high, epoch.low, firstSequence] + topics.words
        var bytes = [UInt8](repeating: 0, count: words.count * 8)
        bytes.withUnsafeMutableBytes { room in
            guard let base = room.baseAddress else { return }
            for (index, word) in words.enumerated() { base.storeLittle(word, at: index * 8) }
            base.storeLittle(UInt64(ops_crc32c(0, base + 8, room.count - 8)), at: 0)
        }
        return bytes
    }

    /// - Returns: Nil where the file is missing, torn, or belongs to another segment.
    static func read(_ path: String, epoch: Identifier, firstSequence: UInt64, topicsMax: Int) -> TopicTable? {
        guard Files.exists(path) else { return nil }
        let bytes: [UInt8]
        // Whatever is wrong with it, the segments say the same.
        do { bytes = try Files.read(path, bytesMax: 64 << 20) } catch { return nil }
        guard bytes.count >= 32, bytes.count % 8 == 0 else { return nil }
        return bytes.withUnsafeBytes { bytes in
            let words = stride(from: 0, to: bytes.count, by: 8).map { bytes.little(UInt64.self, at: $0) }
            guard words[0] == UInt64(ops_crc32c(0, bytes.baseAddress?.advanced(by: 8), bytes.count - 8)),
                words[1] == epoch.high, words[2] == epoch.low, words[3] == firstSequence
            else { return nil }
            return TopicTable(words: Array(words[4...]), topicsMax: topicsMax)
        }
    }
}
