/// What a record holds; the low four bits of its tag, above which stands the path (or for a child, the parent node).
enum RecordKind: UInt32 {
    case string, number, numberText, literal, prefix, suffix, folded, foldedPrefix, foldedSuffix, foldedText
    case wildcard, range, network
    /// Some value stands at the path.
    case present
    /// A piece of text that a wildcard's values must contain.
    case gram
    /// A key of an object.
    case child

    @inline(__always)
    func tag(_ owner: UInt32) -> UInt32 { owner << 4 | rawValue }
}

/// Byte records under construction, each stored once.
struct RecordPool {
    private(set) var bytes: [UInt8] = []

    /// Appends tag, length and bytes, padded to four.
    /// - Returns: The record's offset.
    mutating func append(_ tag: UInt32, _ content: UnsafeRawBufferPointer) -> UInt32 {
        let offset = UInt32(bytes.count)
        withUnsafeBytes(of: tag) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(content.count)) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: content)
        while bytes.count & 3 != 0 { bytes.append(0) }
        return offset
    }

    func holds(_ tag: UInt32, _ content: UnsafeRawBufferPointer, at offset: UInt32) -> Bool {
        withContent(at: offset) { stored, storedTag in
            storedTag == tag && stored.count == content.count && stored.elementsEqual(content)
        }
    }

    @inline(__always)
    func tag(at offset: UInt32) -> UInt32 {
        bytes.withUnsafeBytes { $0.load(fromByteOffset: Int(offset), as: UInt32.self) }
    }

    @inline(__always)
    func withContent<Result>(at offset: UInt32, _ body: (UnsafeRawBufferPointer, UInt32) -> Result) -> Result {
        bytes.withUnsafeBytes { all in
            let tag = all.load(fromByteOffset: Int(offset), as: UInt32.self)
            let count = Int(all.load(fromByteOffset: Int(offset) + 4, as: UInt32.self))
            let start = Int(offset) + 8
            return body(UnsafeRawBufferPointer(rebasing: all[start..<(start + count)]), tag)
        }
    }

    func hash(at offset: UInt32, seed: UInt64) -> UInt64 {
        withContent(at: offset) { content, tag in
            // An empty record still has a valid address, that of what follows it or of its end.
            KeyHash.forwards(content.baseAddress!, content.count, seed: seed, tag: tag)
        }
    }
}
