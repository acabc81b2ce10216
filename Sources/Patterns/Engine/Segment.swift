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
    /// Rules compiled into it, whether or not they were removed since.
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
}
