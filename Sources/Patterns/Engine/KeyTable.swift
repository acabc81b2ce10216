/// A slot of the key table: one hash table for everything that is looked up by bytes, which is operands, prefixes,
/// suffixes, grams, networks, and the keys of large objects. Of which path a key is, and what kind of thing, is part of
/// what is hashed.
///
/// A probe costs one multiplication for each eight bytes and, as a rule, two cache lines (slot and record), however
/// many rules there are, where an automaton costs a dependent load for each byte. Takes 12 bytes a slot, of which at
/// most three quarters are in use, and a record of the key.
/// - Source: open addressing with linear probing; the hash is `KeyHash`.
struct KeyEntry: BitwiseCopyable {
    var hash: UInt32
    var record: UInt32
    var payload: UInt32

    static let none = UInt32.max
    /// The payload is an offset into the key lists.
    static let listBit: UInt32 = 1 << 31
    /// The key only suggests the predicate, whose own record must be tried on the value.
    static let verifyBit: UInt32 = 1 << 30
    static let empty = KeyEntry(hash: 0, record: 0, payload: none)
}

extension UnsafePointer<SegmentView> {
    /// What the key leads to: a predicate reference, a list of them, or a trie node; `KeyEntry.none` if it is absent.
    @inline(__always)
    func find(_ tag: UInt32, _ bytes: UnsafeRawPointer, _ count: Int, hash: UInt64) -> UInt32 {
        let wanted = UInt32(truncatingIfNeeded: hash >> 32)
        var slot = UInt32(truncatingIfNeeded: hash) & pointee.keyMask
        while true {
            let entry = pointee.keys[slot]
            if entry.payload == KeyEntry.none { return KeyEntry.none }
            if entry.hash == wanted {
                let record = UnsafeRawPointer(pointee.records.base + Int(entry.record))
                if record.load(as: UInt32.self) == tag,
                    record.load(fromByteOffset: 4, as: UInt32.self) == UInt32(truncatingIfNeeded: count),
                    bytesAreEqual(record + 8, bytes, count)
                {
                    return entry.payload
                }
            }
            slot = (slot &+ 1) & pointee.keyMask
        }
    }
}

/// The key table under construction.
struct KeyTableBuilder {
    private var entries: [KeyEntry]
    private var hashes: [UInt64]
    private var count = 0
    /// References of keys that have several, by first reference's place in this list.
    private var several: [[UInt32]] = []

    init(capacity: Int) {
        var slots = 16
        while slots * 2 < capacity * 3 { slots *= 2 }
        entries = [KeyEntry](repeating: .empty, count: slots)
        hashes = [UInt64](repeating: 0, count: slots)
    }

    func find(_ hash: UInt64, _ tag: UInt32, _ key: [UInt8], _ records: RecordPool) -> UInt32? {
        guard let slot = slot(hash, tag, key, records) else { return nil }
        return entries[slot].payload
    }

    private func slot(_ hash: UInt64, _ tag: UInt32, _ key: [UInt8], _ records: RecordPool) -> Int? {
        let mask = entries.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while entries[slot].payload != KeyEntry.none {
            if hashes[slot] == hash,
                key.withUnsafeBytes({ records.holds(tag, $0, at: entries[slot].record) })
            {
                return slot
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Adds a reference to a key that is there.
    /// - Returns: Whether it is.
    mutating func append(
        _ hash: UInt64, _ tag: UInt32, _ key: [UInt8], reference: UInt32, _ records: RecordPool
    ) -> Bool {
        guard let slot = slot(hash, tag, key, records) else { return false }
        let payload = entries[slot].payload
        if payload & KeyEntry.listBit != 0 {
            several[Int(payload & ~KeyEntry.listBit)].append(reference)
        } else {
            entries[slot].payload = UInt32(several.count) | KeyEntry.listBit
            several.append([payload, reference])
        }
        return true
    }

    mutating func add(
        _ hash: UInt64, _ tag: UInt32, _ key: [UInt8], record: UInt32, reference: UInt32, _ records: RecordPool
    ) {
        if append(hash, tag, key, reference: reference, records) { return }
        if (count + 1) * 4 > entries.count * 3 { grow() }
        let entry = KeyEntry(hash: UInt32(truncatingIfNeeded: hash >> 32), record: record, payload: reference)
        place(entry, hash)
        count += 1
    }

    private mutating func place(_ entry: KeyEntry, _ hash: UInt64) {
        let mask = entries.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while entries[slot].payload != KeyEntry.none { slot = (slot + 1) & mask }
        entries[slot] = entry
        hashes[slot] = hash
    }

    private mutating func grow() {
        let (oldEntries, oldHashes) = (entries, hashes)
        entries = [KeyEntry](repeating: .empty, count: oldEntries.count * 2)
        hashes = [UInt64](repeating: 0, count: oldEntries.count * 2)
        for (entry, hash) in zip(oldEntries, oldHashes) where entry.payload != KeyEntry.none { place(entry, hash) }
    }

    func finish() -> (entries: [KeyEntry], lists: [UInt32]) {
        var starts: [UInt32] = []
        var lists: [UInt32] = []
        for references in several {
            starts.append(UInt32(lists.count))
            lists.append(UInt32(references.count))
            lists += references
        }
        let entries = entries.map { entry in
            var entry = entry
            if entry.payload != KeyEntry.none, entry.payload & KeyEntry.listBit != 0 {
                entry.payload = starts[Int(entry.payload & ~KeyEntry.listBit)] | KeyEntry.listBit
            }
            return entry
        }
        return (entries, lists)
    }
}
