/// A set of rules compiled for matching: flat tables of numbers, never changed once built.
///
/// Everything is found by hashing. One key table holds the children of the path trie, the exact operands, prefixes by
/// length, suffixes by length, wildcard anchors, numbers and networks; what a key leads to are *predicates*, the
/// interned tests of the rules. Each conjunction is filed under the constraint that events satisfy least often; a hit
/// of that predicate makes it a candidate, whose other constraints are then checked. So the cost of an event depends
/// on its values and on the candidates, hardly on the number of rules; and a rule takes some hundred bytes.
///
/// Safety: all stored properties are immutable and the memory they point to is not written after `init`.
final class Segment: @unchecked Sendable {
    let view: SegmentView
    /// Distinguishes segments that scratch memory is sized for.
    let ruleCount: Int

    init(_ view: SegmentView, ruleCount: Int) {
        self.view = view
        self.ruleCount = ruleCount
    }

    deinit { view.free() }

    /// Memory held by the tables.
    var byteCount: Int { view.byteCount }
}

/// The tables of a segment, free of reference counts.
struct SegmentView: BitwiseCopyable {
    /// Secret of the key hash.
    let seed: UInt64
    /// Byte records: tag, length, bytes, padded to four. Definitions of predicates and keys of the key table.
    let records: FlatArray<UInt8>
    let keys: FlatArray<KeyEntry>
    let keyMask: UInt32
    /// For keys with several predicates: count, then references.
    let keyLists: FlatArray<UInt32>

    let nodes: FlatArray<TrieNode>
    let edges: FlatArray<TrieEdge>
    let paths: FlatArray<PathIndex>
    /// Path names, as offsets of records.
    let pathRecords: FlatArray<UInt32>
    /// Lengths of prefixes and suffixes and masks of networks, ascending within each slice.
    let lengths: FlatArray<UInt32>
    let ranges: RangeTables
    let grams: GramFilter

    let predicateRecords: FlatArray<UInt32>
    /// Predicate p's postings are the conjunctions from `postingStarts[p]` to `postingStarts[p + 1]`.
    let postingStarts: FlatArray<UInt32>
    let postings: FlatArray<UInt32>
    /// Conjunctions that only absence can satisfy: candidates for every event.
    let unfiled: FlatArray<UInt32>

    /// Conjunction c's constraints are the entries from `conjunctionStarts[c]` to `conjunctionStarts[c + 1]`.
    let conjunctionStarts: FlatArray<UInt32>
    let conjunctionRules: FlatArray<UInt32>
    /// A predicate, or with `ConstraintEntry.listBit` an offset into `constraintLists`.
    let constraintEntries: FlatArray<UInt32>
    /// Constraints of several alternatives: path, flags, count, predicates, then group count and groups of excluded
    /// predicates, each with its count.
    let constraintLists: FlatArray<UInt32>
    /// The caller's identifier of each rule.
    let rules: FlatArray<UInt32>

    func free() {
        records.free()
        keys.free()
        keyLists.free()
        nodes.free()
        edges.free()
        paths.free()
        pathRecords.free()
        lengths.free()
        ranges.free()
        grams.free()
        predicateRecords.free()
        postingStarts.free()
        postings.free()
        unfiled.free()
        conjunctionStarts.free()
        conjunctionRules.free()
        constraintEntries.free()
        constraintLists.free()
        rules.free()
    }

    var byteCount: Int {
        let tables = records.byteCount + keys.byteCount + keyLists.byteCount + nodes.byteCount + paths.byteCount
        let indexes = edges.byteCount + pathRecords.byteCount + lengths.byteCount + ranges.byteCount + grams.byteCount
        let filing = predicateRecords.byteCount + postingStarts.byteCount + postings.byteCount + unfiled.byteCount
        let rows = conjunctionStarts.byteCount + conjunctionRules.byteCount + constraintEntries.byteCount
        return tables + indexes + filing + rows + constraintLists.byteCount + rules.byteCount
    }
}

/// Look-ups go through the pointer: calling a method of the view itself would copy its three hundred bytes first.
extension UnsafePointer<SegmentView> {
    // MARK: Records

    @inline(__always)
    func recordTag(_ offset: UInt32) -> UInt32 {
        UnsafeRawPointer(pointee.records.base + Int(offset)).load(as: UInt32.self)
    }

    @inline(__always)
    func recordBytes(_ offset: UInt32) -> UnsafeRawBufferPointer {
        let start = UnsafeRawPointer(pointee.records.base + Int(offset))
        return UnsafeRawBufferPointer(start: start + 8, count: Int(start.load(fromByteOffset: 4, as: UInt32.self)))
    }

    @inline(__always)
    func path(ofPredicate predicate: UInt32) -> UInt32 { recordTag(pointee.predicateRecords[predicate]) >> 4 }

    // MARK: Keys

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

/// A slot of the key table.
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

enum ConstraintEntry {
    static let listBit: UInt32 = 1 << 31
    /// Flags of a list: absence satisfies it; any value satisfies it.
    static let existsFalse: UInt32 = 1
    static let existsTrue: UInt32 = 2
}

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

/// Which tests there are for the values of one path.
struct PathIndex: BitwiseCopyable {
    struct Slice: BitwiseCopyable {
        var start: UInt32 = 0
        var count: UInt32 = 0
    }

    struct Features: OptionSet, BitwiseCopyable {
        let rawValue: UInt32

        static let string = Features(rawValue: 1)
        static let number = Features(rawValue: 2)
        static let numberText = Features(rawValue: 4)
        static let prefix = Features(rawValue: 8)
        static let suffix = Features(rawValue: 16)
        static let folded = Features(rawValue: 32)
        static let foldedPrefix = Features(rawValue: 64)
        static let foldedSuffix = Features(rawValue: 128)
        static let network = Features(rawValue: 256)
        static let range = Features(rawValue: 512)
        static let gram = Features(rawValue: 1024)

        static let anyFolded: Features = [.folded, .foldedPrefix, .foldedSuffix]
    }

    var features: Features = []
    /// The predicate "some value stands here", or `none`.
    var present: UInt32 = none
    var literals: (UInt32, UInt32, UInt32) = (none, none, none)
    /// Bit n: some operand has n bytes (63: or more).
    var stringLengths: UInt64 = 0
    var foldedLengths: UInt64 = 0
    /// The marks of the operands that are numbers.
    var numberMarks: UInt64 = 0
    var prefixes = Slice()
    var suffixes = Slice()
    var foldedPrefixes = Slice()
    var foldedSuffixes = Slice()
    /// Family x 256 + mask bits.
    var networks = Slice()
    var ranges = RangeTables.Tree()
    /// Bit n: wildcards are filed under grams of 2^n bytes.
    var gramSizes: UInt32 = 0

    static let none = UInt32.max

    @inline(__always)
    static func lengthBit(_ count: Int) -> UInt64 { 1 << UInt64(min(count, 63)) }
}
