/// Collects rules and compiles them into a segment.
///
/// Paths, predicates and lists of alternatives are interned as they come, so that rules that say the same share it.
struct SegmentBuilder {
    let seed: UInt64
    private(set) var records = RecordPool()
    private var pathNames = Interner()
    private(set) var pathRecords: [UInt32] = []
    private var predicates = Interner()
    private(set) var predicateRecords: [UInt32] = []
    private var lists = Interner()
    private var listStarts: [UInt32] = []
    private(set) var constraintLists: [UInt32] = []
    var constraintEntries: [UInt32] = []
    private(set) var conjunctionStarts: [UInt32] = [0]
    private(set) var conjunctionRules: [UInt32] = []
    var rules: [UInt32] = []
    private var scratch: [UInt8] = []
    private(set) var work = WorkCount()

    /// - Parameter seed: Secret of the key hash.
    init(seed: UInt64) { self.seed = seed }

    // MARK: From patterns

    mutating func add(_ pattern: Pattern, for rule: UInt32) { add(pattern.conjunctions, for: rule) }

    mutating func add(_ conjunctions: [Conjunction], for rule: UInt32) {
        let slot = UInt32(rules.count)
        rules.append(rule)
        for conjunction in conjunctions {
            for constraint in conjunction.constraints { constraintEntries.append(entry(constraint)) }
            endConjunction(of: slot)
        }
    }

    mutating func endConjunction(of slot: UInt32) {
        conjunctionStarts.append(UInt32(constraintEntries.count))
        conjunctionRules.append(slot)
    }

    private mutating func entry(_ constraint: Constraint) -> UInt32 {
        let path = constraint.path.withUnsafeBytes { intern(path: $0) }
        if constraint.alternatives.count == 1 {
            switch constraint.alternatives[0].test {
            case .holds(let predicate): return intern(predicate, path)
            case .exists(true): return internPresent(path)
            default: break
            }
        }
        var flags: UInt32 = 0
        var wanted: [UInt32] = []
        var groups: [[UInt32]] = []
        for alternative in constraint.alternatives {
            switch alternative.test {
            case .holds(let predicate): wanted.append(intern(predicate, path))
            case .exists(let value): flags |= value ? ConstraintEntry.existsTrue : ConstraintEntry.existsFalse
            case .anythingBut(let excluded): groups.append(excluded.map { intern($0, path) }.sorted())
            }
        }
        return internList(path, flags, wanted.sorted(), groups)
    }

    mutating func internList(
        _ path: UInt32, _ flags: UInt32, _ wanted: [UInt32], _ groups: [[UInt32]]
    ) -> UInt32 {
        var words: [UInt32] = [path, flags, UInt32(wanted.count)] + wanted + [UInt32(groups.count)]
        for group in groups { words += [UInt32(group.count)] + group }
        work.add(words.count)
        let hash = words.withUnsafeBytes {
            KeyHash.forwards($0.baseAddress!, $0.count, seed: seed, tag: 0)  // never empty
        }
        let known = lists.find(hash) { constraintLists[Int(listStarts[Int($0)])...].starts(with: words) }
        if let known { return listStarts[Int(known)] | ConstraintEntry.listBit }
        let start = UInt32(constraintLists.count)
        let identifier = UInt32(listStarts.count)
        listStarts.append(start)
        constraintLists += words
        listHashes.append(hash)
        let hashes = listHashes
        lists.insert(identifier, hash) { hashes[Int($0)] }
        return start | ConstraintEntry.listBit
    }

    private var listHashes: [UInt64] = []

    // MARK: Interning

    mutating func intern(path name: UnsafeRawBufferPointer) -> UInt32 {
        work.add(name.count)
        let hash = self.hash(0, name)
        if let known = pathNames.find(hash, where: { records.holds(0, name, at: pathRecords[Int($0)]) }) {
            return known
        }
        let identifier = UInt32(pathRecords.count)
        pathRecords.append(records.append(0, name))
        let (pool, offsets, seed) = (records, pathRecords, self.seed)
        pathNames.insert(identifier, hash) { pool.hash(at: offsets[Int($0)], seed: seed) }
        return identifier
    }

    mutating func internPresent(_ path: UInt32) -> UInt32 {
        internPredicate(RecordKind.present.tag(path), UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private mutating func intern(_ predicate: Predicate, _ path: UInt32) -> UInt32 {
        scratch.removeAll(keepingCapacity: true)
        let kind = predicate.encode(into: &scratch)
        let content = scratch
        return content.withUnsafeBytes { internPredicate(kind.tag(path), $0) }
    }

    mutating func internPredicate(_ tag: UInt32, _ content: UnsafeRawBufferPointer) -> UInt32 {
        work.add(1 + content.count)
        let hash = self.hash(tag, content)
        if let known = predicates.find(hash, where: { records.holds(tag, content, at: predicateRecords[Int($0)]) }) {
            return known
        }
        let identifier = UInt32(predicateRecords.count)
        predicateRecords.append(records.append(tag, content))
        let (pool, offsets, seed) = (records, predicateRecords, self.seed)
        predicates.insert(identifier, hash) { pool.hash(at: offsets[Int($0)], seed: seed) }
        return identifier
    }

    private func hash(_ tag: UInt32, _ content: UnsafeRawBufferPointer) -> UInt64 {
        var nothing: UInt8 = 0
        return withUnsafeBytes(of: &nothing) { empty in
            KeyHash.forwards(
                content.baseAddress ?? empty.baseAddress!, content.count, seed: seed, tag: tag)  // one byte
        }
    }

    // MARK: Compiling

    /// Compiles what was added.
    mutating func finish() -> Segment {
        let filing = Filing(&self, Selectivity(self))
        var indexes = IndexBuilder(self)
        indexes.addTrie()
        indexes.addPredicates()
        let edges = indexes.finishEdges()
        let tables = indexes.finish()
        work.add(indexes.work)
        let view = SegmentView(
            seed: seed, records: FlatArray(indexes.records.bytes), keys: FlatArray(tables.keys),
            keyMask: UInt32(tables.keys.count - 1), keyLists: FlatArray(tables.keyLists),
            nodes: FlatArray(indexes.trie.nodes), edges: FlatArray(edges), paths: FlatArray(indexes.paths),
            pathRecords: FlatArray(pathRecords),
            lengths: FlatArray(tables.lengths), ranges: tables.ranges, grams: GramFilter(hashes: tables.gramHashes),
            predicateRecords: FlatArray(predicateRecords), postingStarts: FlatArray(filing.postingStarts),
            postings: FlatArray(filing.postings), unfiled: FlatArray(filing.unfiled),
            conjunctionStarts: FlatArray(conjunctionStarts), conjunctionRules: FlatArray(conjunctionRules),
            constraintEntries: FlatArray(constraintEntries), constraintLists: FlatArray(constraintLists),
            rules: FlatArray(rules))
        return Segment(view, ruleCount: rules.count)
    }

    func kind(of predicate: UInt32) -> RecordKind {
        RecordKind(rawValue: records.tag(at: predicateRecords[Int(predicate)]) & 15) ?? .present
    }

    func path(of predicate: UInt32) -> UInt32 { records.tag(at: predicateRecords[Int(predicate)]) >> 4 }

    func path(ofEntry entry: UInt32) -> UInt32 {
        entry & ConstraintEntry.listBit == 0
            ? path(of: entry) : constraintLists[Int(entry & ~ConstraintEntry.listBit)]
    }
}
