/// A filter in front of the key table for the grams of wildcards: a value is tried at every position, and nearly all
/// positions hold nothing. One bit of a table that mostly stays in the first cache says so, instead of a slot that may
/// have to come from memory. Takes 2 to 4 bytes a gram; lets one position in sixteen or fewer through.
/// - Source: a Bloom filter with one hash.
struct GramFilter: BitwiseCopyable {
    let words: FlatArray<UInt64>
    let bitMask: UInt64

    init(hashes: [UInt64]) {
        var bits = 64
        while bits < hashes.count * 16 { bits *= 2 }
        var words = [UInt64](repeating: 0, count: bits / 64)
        bitMask = UInt64(bits - 1)
        for hash in hashes {
            let bit = (hash >> 20) & bitMask
            words[Int(bit >> 6)] |= 1 << (bit & 63)
        }
        self.words = FlatArray(words)
    }

    func free() { words.free() }

    var byteCount: Int { words.byteCount }

    @inline(__always)
    func mayContain(_ hash: UInt64) -> Bool {
        let bit = (hash >> 20) & bitMask
        return words.base[Int(bit >> 6)] >> (bit & 63) & 1 == 1
    }
}
