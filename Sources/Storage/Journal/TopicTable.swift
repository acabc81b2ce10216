/// The last sequence of each topic, within bounded memory.
///
/// Only a keyed 64-bit hash of the topic is kept. Two topics with one hash share an entry, which then holds the later
/// sequence of the two; and a topic not found is answered with `floor`, the highest sequence of any topic forgotten.
/// Both make a predecessor look later than it is, which sends a subscriber to read a backlog that holds nothing new.
/// The other direction would hide a loss from it, and cannot happen.
///
/// Entries live in two generations: when the young one is full the old one is dropped and the young one becomes old;
/// a topic in use moves to the young one. So the least recently used half goes, without a list to maintain.
struct TopicTable {
    /// Some 8 MiB when full.
    static let topicsMax = 200_000

    private var young = Generation()
    private var old = Generation()
    private var floor: UInt64 = 0
    /// Secret, so that no publisher can choose topics that collide.
    private let key: (UInt64, UInt64)
    private let generationMax: Int

    /// - Parameter topicsMax: At most this many topics are remembered, and at least half as many.
    init(topicsMax: Int, using generator: inout some RandomNumberGenerator) {
        key = (generator.next(), generator.next() | 1)
        generationMax = max(topicsMax / 2, 1)
    }

    /// Makes `sequence` the last one of `topic`.
    /// - Returns: The last one before; 0 for none.
    mutating func exchange(_ topic: UnsafeRawBufferPointer, _ sequence: UInt64) -> UInt64 {
        let hash = hash(topic)
        if let slot = young.slot(of: hash) { return young.exchange(sequence, at: slot) }
        let previous = old.slot(of: hash).map { old.sequence(at: $0) } ?? floor
        if young.count == generationMax {
            floor = max(floor, old.highest)
            old = young
            young = Generation()
        }
        young.insert(hash, sequence)
        return previous
    }

    /// Whether `exchange` may answer with more than the truth.
    var hasForgotten: Bool { floor > 0 }

    /// Mixes eight bytes at a time by a 128-bit product, in the manner of wyhash.
    private func hash(_ topic: UnsafeRawBufferPointer) -> UInt64 {
        var state = key.0 ^ UInt64(topic.count)
        var offset = 0
        while offset < topic.count {
            let count = min(8, topic.count - offset)
            var word: UInt64 = 0
            if count == 8 {
                word = topic.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
            } else {
                for index in 0..<count { word |= UInt64(topic[offset + index]) << (8 * UInt64(index)) }
            }
            state = Self.fold(state ^ word, key.1)
            offset += 8
        }
        let hash = Self.fold(state ^ key.1, 0x9E37_79B9_7F4A_7C15)
        return hash == 0 ? 1 : hash
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}

/// An open-addressing table from hash to sequence; hash 0 marks a free slot.
private struct Generation {
    /// Hash and sequence by turns; a power of two of pairs, at most two thirds used.
    private var pairs: [UInt64] = []
    private(set) var count = 0
    private(set) var highest: UInt64 = 0

    /// Index of the pair with this hash.
    func slot(of hash: UInt64) -> Int? {
        guard count > 0 else { return nil }
        let slot = probe(hash)
        return pairs[slot] == hash ? slot : nil
    }

    func sequence(at slot: Int) -> UInt64 { pairs[slot + 1] }

    mutating func exchange(_ sequence: UInt64, at slot: Int) -> UInt64 {
        let previous = pairs[slot + 1]
        pairs[slot + 1] = sequence
        highest = max(highest, sequence)
        return previous
    }

    /// Adds a hash that is not there.
    mutating func insert(_ hash: UInt64, _ sequence: UInt64) {
        if (count + 1) * 3 > pairs.count { grow() }
        let slot = probe(hash)
        pairs[slot] = hash
        pairs[slot + 1] = sequence
        count += 1
        highest = max(highest, sequence)
    }

    private func probe(_ hash: UInt64) -> Int {
        let mask = pairs.count - 1
        var slot = Int(truncatingIfNeeded: hash << 1) & mask
        while pairs[slot] != hash && pairs[slot] != 0 { slot = (slot + 2) & mask }
        return slot
    }

    private mutating func grow() {
        var larger = Generation()
        larger.pairs = [UInt64](repeating: 0, count: max(pairs.count * 2, 128))
        forEach { larger.insert($0, $1) }
        self = larger
    }

    func forEach(_ body: (UInt64, UInt64) -> Void) {
        for slot in stride(from: 0, to: pairs.count, by: 2) where pairs[slot] != 0 {
            body(pairs[slot], pairs[slot + 1])
        }
    }
}

// MARK: As bytes

extension TopicTable {
    /// Little-endian words: key, floor, counts of both generations, then their pairs, young first.
    var words: [UInt64] {
        var words = [key.0, key.1, floor, UInt64(young.count), UInt64(old.count)]
        for generation in [young, old] {
            generation.forEach {
                words.append($0)
                words.append($1)
            }
        }
        return words
    }

    /// Reads `words`; nil where they are something else.
    init?(words: [UInt64], topicsMax: Int) {
        guard words.count >= 5 else { return nil }
        let (youngCount, oldCount) = (words[3], words[4])
        guard youngCount <= words.count, oldCount <= words.count,
            words.count == 5 + 2 * Int(youngCount + oldCount)
        else { return nil }
        key = (words[0], words[1])
        floor = words[2]
        generationMax = max(topicsMax / 2, 1)
        for index in stride(from: 5, to: words.count, by: 2) {
            guard words[index] != 0 else { return nil }
            if index < 5 + 2 * Int(youngCount) {
                young.insert(words[index], words[index + 1])
            } else {
                old.insert(words[index], words[index + 1])
            }
        }
    }
}
