enum ConstraintEntry {
    static let listBit: UInt32 = 1 << 31
    /// Flags of a list: absence satisfies it; any value satisfies it.
    static let existsFalse: UInt32 = 1
    static let existsTrue: UInt32 = 2
}

/// Reads a constraint's list word by word.
struct ConstraintListReader {
    let path: UInt32
    let flags: UInt32
    let count: UInt32
    private var word: UnsafePointer<UInt32>

    @inline(__always)
    init(_ view: UnsafePointer<SegmentView>, _ entry: UInt32) {
        word = view.pointee.constraintLists.pointer(at: entry & ~ConstraintEntry.listBit)
        path = word[0]
        flags = word[1]
        count = word[2]
        word += 3
    }

    @inline(__always)
    mutating func next() -> UInt32 {
        defer { word += 1 }
        return word.pointee
    }

    /// The next `count` words, passing over them.
    @inline(__always)
    mutating func take(_ count: UInt32) -> UnsafeBufferPointer<UInt32> {
        defer { word += Int(count) }
        return UnsafeBufferPointer(start: word, count: Int(count))
    }
}
