/// Builds the key table, the trie and the indexes of each path.
struct IndexBuilder {
    private let builder: SegmentBuilder
    private(set) var records: RecordPool
    private(set) var trie = TrieBuilder()
    private(set) var paths: [PathIndex]
    private var keys: KeyTableBuilder
    private var lengths: [LengthKind: Set<UInt32>] = [:]
    private var ranges: [UInt32: [(low: UInt64, high: UInt64, predicate: UInt32)]] = [:]
    private var wildcards: [(predicate: UInt32, wildcard: Wildcard)] = []
    private var gramHashes: [UInt64] = []
    private(set) var work = WorkCount()

    private struct LengthKind: Hashable {
        let path: UInt32
        let kind: UInt32
    }

    struct Tables {
        var keys: [KeyEntry]
        var keyLists: [UInt32]
        var lengths: [UInt32]
        var ranges: RangeTables
        var gramHashes: [UInt64]
    }

    init(_ builder: SegmentBuilder) {
        self.builder = builder
        records = builder.records
        paths = [PathIndex](repeating: PathIndex(), count: builder.pathRecords.count)
        keys = KeyTableBuilder(capacity: builder.predicateRecords.count + builder.pathRecords.count)
    }

    // MARK: Trie

    mutating func addTrie() {
        for record in builder.pathRecords {
            let name = records.withContent(at: record) { content, _ in Array(content) }
            work.add(name.count)
            var node: UInt32 = 0
            for step in name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
                node = child(of: node, Array(step))
            }
            trie.endPath(at: node)
        }
        trie.markJoints(builder)
    }

    mutating func finishEdges() -> [TrieEdge] { trie.finishEdges() }

    private mutating func child(of node: UInt32, _ key: [UInt8]) -> UInt32 {
        let tag = RecordKind.child.tag(node)
        let hash = hash(tag, key)
        if let known = keys.find(hash, tag, key, records) { return known }
        let record = key.withUnsafeBytes { records.append(tag, $0) }
        let child = trie.addChild(of: node, key, record: record)
        keys.add(hash, tag, key, record: record, reference: child, records)
        return child
    }

    private func hash(_ tag: UInt32, _ key: [UInt8], backwards: Bool = false) -> UInt64 {
        key.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else {
                return KeyHash.finish(KeyHash.start(seed: builder.seed, tag: tag), length: 0)
            }
            return backwards
                ? KeyHash.backwards(start, key.count, seed: builder.seed, tag: tag)
                : KeyHash.forwards(start, key.count, seed: builder.seed, tag: tag)
        }
    }

    // MARK: Predicates

    mutating func addPredicates() {
        for predicate in builder.predicateRecords.indices {
            add(UInt32(predicate), record: builder.predicateRecords[predicate])
        }
        addWildcards()
        for (path, ofPath) in ranges.sorted(by: { $0.key < $1.key }) {
            paths[Int(path)].ranges = rangeTables.add(ofPath)
            work.add(ofPath.count)
        }
    }

    private var rangeTables = RangeTablesBuilder()

    private mutating func add(_ predicate: UInt32, record: UInt32) {
        let kind = builder.kind(of: predicate)
        let path = builder.path(of: predicate)
        let content = records.withContent(at: record) { content, _ in Array(content) }
        switch kind {
        case .present: paths[Int(path)].present = predicate
        case .literal:
            switch content[0] {
            case 0: paths[Int(path)].literals.0 = predicate
            case 1: paths[Int(path)].literals.1 = predicate
            default: paths[Int(path)].literals.2 = predicate
            }
        case .range:
            paths[Int(path)].features.insert(.range)
            let bounds = content.withUnsafeBytes {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            if bounds.0 <= bounds.1 { ranges[path, default: []].append((bounds.0, bounds.1, predicate)) }
        case .wildcard:
            wildcards.append((predicate, content.withUnsafeBytes { Wildcard(program: $0) }))
        case .foldedText:
            let (place, anchor) = content.withUnsafeBytes { record in
                let reader = FoldedText.Reader(record)
                return (reader.place, Array(reader.anchor))
            }
            fileKey(
                place == .suffix ? .foldedSuffix : .foldedPrefix, path, anchor, predicate | KeyEntry.verifyBit,
                record: nil)
        default: fileKey(kind, path, content, predicate, record: record)
        }
    }

    /// Enters a key of one of the hashed kinds and notes what the path must be probed for.
    private mutating func fileKey(
        _ kind: RecordKind, _ path: UInt32, _ key: [UInt8], _ reference: UInt32, record: UInt32?
    ) {
        let tag = kind.tag(path)
        let hash = hash(tag, key, backwards: kind == .suffix || kind == .foldedSuffix)
        work.add(key.count)
        if let record {
            keys.add(hash, tag, key, record: record, reference: reference, records)
        } else if !keys.append(hash, tag, key, reference: reference, records) {
            let added = key.withUnsafeBytes { records.append(tag, $0) }
            keys.add(hash, tag, key, record: added, reference: reference, records)
        }
        note(kind, path, key, hash)
    }

    private mutating func note(_ kind: RecordKind, _ path: UInt32, _ key: [UInt8], _ hash: UInt64) {
        let index = Int(path)
        switch kind {
        case .string:
            paths[index].features.insert(.string)
            paths[index].stringLengths |= PathIndex.lengthBit(key.count)
        case .folded:
            paths[index].features.insert(.folded)
            paths[index].foldedLengths |= PathIndex.lengthBit(key.count)
        case .number:
            paths[index].features.insert(.number)
            paths[index].numberMarks |= key.withUnsafeBytes {
                Decimal(atPlace: $0.loadUnaligned(as: UInt64.self)).mark
            }
        case .numberText: paths[index].features.insert(.numberText)
        case .prefix: paths[index].features.insert(.prefix)
        case .suffix: paths[index].features.insert(.suffix)
        case .foldedPrefix: paths[index].features.insert(.foldedPrefix)
        case .foldedSuffix: paths[index].features.insert(.foldedSuffix)
        case .network: paths[index].features.insert(.network)
        case .gram:
            paths[index].features.insert(.gram)
            paths[index].gramSizes |= 1 << UInt32(key.count.trailingZeroBitCount)
            gramHashes.append(hash)
        default: break
        }
        guard [.prefix, .suffix, .foldedPrefix, .foldedSuffix, .network].contains(kind) else { return }
        let measure = kind == .network ? key.withUnsafeBytes { NetworkKey.mask(of: $0) } : UInt32(key.count)
        lengths[LengthKind(path: path, kind: kind.rawValue), default: []].insert(measure)
    }

    // MARK: Wildcards

    /// Files each wildcard under the piece of text that fewest others share: its beginning, its end, or, where those
    /// say little, a gram of 8, 4, 2 or 1 bytes from one of its pieces.
    private mutating func addWildcards() {
        var sharers = WildcardSharers(seed: builder.seed)
        var options = wildcards.map { item in
            let ends = WildcardAnchor.ends(item.wildcard)
            return ends.map { sharers.add($0, path: builder.path(of: item.predicate)) }
        }
        // Grams cost most to look for: only for those whose ends are short or widely shared.
        for (index, item) in wildcards.enumerated()
        where options[index].allSatisfy({ sharers.cost($0) > 8 || $0.key.count < 4 }) {
            let grams = WildcardAnchor.grams(item.wildcard)
            work.add(grams.reduce(0) { $0 + $1.key.count })
            options[index] += grams.map { sharers.add($0, path: builder.path(of: item.predicate)) }
        }
        for (item, anchors) in zip(wildcards, options) {
            guard let best = sharers.best(of: anchors) else { continue }
            fileKey(
                best.kind, builder.path(of: item.predicate), best.key, item.predicate | KeyEntry.verifyBit,
                record: nil)
        }
    }

    // MARK: Finish

    mutating func finish() -> Tables {
        var pool: [UInt32] = []
        for (kind, measures) in lengths.sorted(by: { ($0.key.path, $0.key.kind) < ($1.key.path, $1.key.kind) }) {
            let slice = PathIndex.Slice(start: UInt32(pool.count), count: UInt32(measures.count))
            let index = Int(kind.path)
            switch RecordKind(rawValue: kind.kind) {
            case .prefix: paths[index].prefixes = slice
            case .suffix: paths[index].suffixes = slice
            case .foldedPrefix: paths[index].foldedPrefixes = slice
            case .foldedSuffix: paths[index].foldedSuffixes = slice
            case .network: paths[index].networks = slice
            default: continue
            }
            pool += measures.sorted()
        }
        let (entries, lists) = keys.finish()
        return Tables(
            keys: entries, keyLists: lists, lengths: pool, ranges: rangeTables.finish(), gramHashes: gramHashes)
    }
}
