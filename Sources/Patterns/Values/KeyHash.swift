/// Hash of short byte strings that can be taken at several lengths in one pass.
///
/// Words of eight bytes are absorbed in order, the last one padded with zeros, and the length ends it; so the hash of
/// every prefix of a value falls out of one walk over the value. Each step is one 64 x 64 to 128 bit multiplication
/// whose halves are folded together (as wyhash and its kin do), about 1 ns. The seed is secret, so a sender cannot
/// make values collide.
enum KeyHash {
    @inline(__always)
    static func start(seed: UInt64, tag: UInt32) -> UInt64 {
        seed ^ (UInt64(tag) &* 0x9E37_79B9_7F4A_7C15)
    }

    @inline(__always)
    static func absorb(_ hash: UInt64, _ word: UInt64) -> UInt64 { fold(hash ^ word, 0xA076_1D64_78BD_642F) }

    @inline(__always)
    static func finish(_ hash: UInt64, length: Int) -> UInt64 {
        fold(hash ^ UInt64(truncatingIfNeeded: length), 0xE703_7ED1_A0B4_28DB)
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    /// The hash of `count` bytes read forwards.
    @inline(__always)
    static func forwards(_ bytes: UnsafeRawPointer, _ count: Int, seed: UInt64, tag: UInt32) -> UInt64 {
        var hash = start(seed: seed, tag: tag)
        var done = 0
        while done + 8 <= count {
            hash = absorb(hash, loadWord(bytes + done))
            done += 8
        }
        if done < count { hash = absorb(hash, loadPartialWord(bytes + done, count - done)) }
        return finish(hash, length: count)
    }

    /// The hash of `count` bytes read word by word from their end, for suffixes.
    @inline(__always)
    static func backwards(_ bytes: UnsafeRawPointer, _ count: Int, seed: UInt64, tag: UInt32) -> UInt64 {
        var hash = start(seed: seed, tag: tag)
        var left = count
        while left >= 8 {
            left -= 8
            hash = absorb(hash, loadWord(bytes + left))
        }
        if left > 0 { hash = absorb(hash, loadPartialWord(bytes, left)) }
        return finish(hash, length: count)
    }
}

@inline(__always)
func loadWord(_ bytes: UnsafeRawPointer) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
}

@inline(__always)
private func loadHalf(_ bytes: UnsafeRawPointer) -> UInt64 {
    UInt64(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
}

/// The first `count` bytes (1 to 7) as a word padded with zeros; touches no byte beyond them.
@inline(__always)
func loadPartialWord(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
    if count >= 4 {
        return loadHalf(bytes) | (loadHalf(bytes + (count - 4)) << UInt64(8 * (count - 4)))
    }
    let first = UInt64(bytes.load(as: UInt8.self))
    let middle = UInt64(bytes.load(fromByteOffset: count >> 1, as: UInt8.self))
    let last = UInt64(bytes.load(fromByteOffset: count - 1, as: UInt8.self))
    return first | (middle << UInt64(8 * (count >> 1))) | (last << UInt64(8 * (count - 1)))
}

/// Whether two byte strings of one length are equal; faster than a call of `memcmp` for the short keys of events.
@inline(__always)
func bytesAreEqual(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
    if count < 8 {
        return count == 0 || loadPartialWord(a, count) == loadPartialWord(b, count)
    }
    var done = 0
    while done + 8 <= count {
        if loadWord(a + done) != loadWord(b + done) { return false }
        done += 8
    }
    return loadWord(a + (count - 8)) == loadWord(b + (count - 8))
}
