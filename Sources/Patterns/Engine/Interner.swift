/// Numbers under a hash, for finding what is already there. The caller compares.
struct Interner {
    private var identifiers: [UInt32]
    private var hashes: [UInt32]
    private(set) var count = 0

    init(capacity: Int = 16) {
        var slots = 16
        while slots * 3 / 4 < capacity { slots *= 2 }
        identifiers = [UInt32](repeating: .max, count: slots)
        hashes = [UInt32](repeating: 0, count: slots)
    }

    @inline(__always)
    func find(_ hash: UInt64, where isEqual: (UInt32) -> Bool) -> UInt32? {
        let mask = identifiers.count - 1
        let wanted = UInt32(truncatingIfNeeded: hash >> 32)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while identifiers[slot] != .max {
            if hashes[slot] == wanted, isEqual(identifiers[slot]) { return identifiers[slot] }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// - Parameter rehash: The full hash of an identifier, for when the table grows.
    mutating func insert(_ identifier: UInt32, _ hash: UInt64, rehash: (UInt32) -> UInt64) {
        if (count + 1) * 4 > identifiers.count * 3 { grow(rehash) }
        place(identifier, hash)
        count += 1
    }

    private mutating func place(_ identifier: UInt32, _ hash: UInt64) {
        let mask = identifiers.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while identifiers[slot] != .max { slot = (slot + 1) & mask }
        identifiers[slot] = identifier
        hashes[slot] = UInt32(truncatingIfNeeded: hash >> 32)
    }

    private mutating func grow(_ rehash: (UInt32) -> UInt64) {
        let old = identifiers
        identifiers = [UInt32](repeating: .max, count: old.count * 2)
        hashes = [UInt32](repeating: 0, count: old.count * 2)
        for identifier in old where identifier != .max { place(identifier, rehash(identifier)) }
    }
}
