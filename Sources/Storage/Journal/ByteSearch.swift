/// Finds a string of bytes in others: Horspool's algorithm, which looks at a fraction of the bytes searched.
struct ByteSearch {
    private let needle: [UInt8]
    /// How far the window may move when its last byte is this one.
    private let shifts: [Int]

    init(_ needle: [UInt8]) {
        var shifts = [Int](repeating: needle.count, count: 256)
        for (index, byte) in needle.dropLast().enumerated() { shifts[Int(byte)] = needle.count - 1 - index }
        self.needle = needle
        self.shifts = shifts
    }

    func isFound(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard let last = needle.last else { return true }
        var end = needle.count - 1
        while end < bytes.count {
            let byte = bytes[end]
            if byte == last, needle.elementsEqual(bytes[(end + 1 - needle.count)...end]) { return true }
            end += shifts[Int(byte)]
        }
        return false
    }
}
