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
    private(set) var constraintEntries: [UInt32] = []
    private(set) var conjunctionStarts: [UInt32] = [0]
    private(set) var conjunctionRules: [UInt32] = []
    private(set) var rules: [UInt32] = []
    private var scratch: [UInt8] = []

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

    private mutating func endConjunction(of slot: UInt32) {
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

    private mutating func internList(
        _ path: UInt32, _ flags: UInt32, _ wanted: [UInt32], _ groups: [[UInt32]]
    ) -> UInt32 {
        var words: [UInt32] = [path, flags, UInt32(wanted.count)] + wanted + [UInt32(groups.count)]
        for group in groups { words += [UInt32(group.count)] + group }
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

    private mutating func intern(path name: UnsafeRawBufferPointer) -> UInt32 {
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

    private mutating func internPredicate(_ tag: UInt32, _ content: UnsafeRawBufferPointer) -> UInt32 {
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

    // MARK: From another segment

    /// Takes over the rules of a segment, except those `isDropped` says.
    mutating func add(_ segment: Segment, droppingWhere isDropped: (UInt32) -> Bool) {
        withUnsafePointer(to: segment.view) { add($0, droppingWhere: isDropped) }
    }

    private mutating func add(_ view: UnsafePointer<SegmentView>, droppingWhere isDropped: (UInt32) -> Bool) {
        var pathMap = [UInt32](repeating: .max, count: view.pointee.pathRecords.count)
        var predicateMap = [UInt32](repeating: .max, count: view.pointee.predicateRecords.count)
        var listMap: [UInt32: UInt32] = [:]
        var slots = [UInt32](repeating: .max, count: view.pointee.rules.count)
        for conjunction in 0..<view.pointee.conjunctionRules.count {
            let oldSlot = view.pointee.conjunctionRules[conjunction]
            if isDropped(oldSlot) { continue }
            if slots[Int(oldSlot)] == .max {
                slots[Int(oldSlot)] = UInt32(rules.count)
                rules.append(view.pointee.rules[oldSlot])
            }
            for index in view.pointee.conjunctionStarts[conjunction]..<view.pointee.conjunctionStarts[conjunction + 1] {
                let entry = view.pointee.constraintEntries[index]
                if entry & ConstraintEntry.listBit == 0 {
                    constraintEntries.append(translate(entry, view, &pathMap, &predicateMap))
                } else if let known = listMap[entry] {
                    constraintEntries.append(known)
                } else {
                    let moved = translateList(entry, view, &pathMap, &predicateMap)
                    listMap[entry] = moved
                    constraintEntries.append(moved)
                }
            }
            endConjunction(of: slots[Int(oldSlot)])
        }
    }

    private mutating func translate(path: UInt32, _ view: UnsafePointer<SegmentView>, _ pathMap: inout [UInt32])
        -> UInt32
    {
        if pathMap[Int(path)] == .max {
            pathMap[Int(path)] = intern(path: view.recordBytes(view.pointee.pathRecords[path]))
        }
        return pathMap[Int(path)]
    }

    private mutating func translate(
        _ predicate: UInt32, _ view: UnsafePointer<SegmentView>, _ pathMap: inout [UInt32],
        _ predicateMap: inout [UInt32]
    ) -> UInt32 {
        if predicateMap[Int(predicate)] == .max {
            let record = view.pointee.predicateRecords[predicate]
            let tag = view.recordTag(record)
            let path = translate(path: tag >> 4, view, &pathMap)
            predicateMap[Int(predicate)] = internPredicate(path << 4 | tag & 15, view.recordBytes(record))
        }
        return predicateMap[Int(predicate)]
    }

    private mutating func translateList(
        _ entry: UInt32, _ view: UnsafePointer<SegmentView>, _ pathMap: inout [UInt32], _ predicateMap: inout [UInt32]
    ) -> UInt32 {
        var reader = ConstraintListReader(view, entry)
        let path = translate(path: reader.path, view, &pathMap)
        var wanted: [UInt32] = []
        for _ in 0..<reader.count { wanted.append(translate(reader.next(), view, &pathMap, &predicateMap)) }
        var groups: [[UInt32]] = []
        for _ in 0..<reader.next() {
            var group: [UInt32] = []
            for _ in 0..<reader.next() { group.append(translate(reader.next(), view, &pathMap, &predicateMap)) }
            groups.append(group.sorted())
        }
        return internList(path, reader.flags, wanted.sorted(), groups)
    }

    mutating func appendRecord(_ tag: UInt32, _ content: UnsafeRawBufferPointer) -> UInt32 {
        records.append(tag, content)
    }
}

/// Reads a constraint's list word by word.
struct ConstraintListReader {
    let path: UInt32
    let flags: UInt32
    let count: UInt32
    private var word: UnsafePointer<UInt32>

    @inline(__always)
    init(_ view: UnsafePointer<SegmentView>, _ entry: UInt32) {
        word = view.pointee.constraintLists.pointer(at: entry & ~ConstraintEntry.listBit)
        path = word[0]
        flags = word[1]
        count = word[2]
        word += 3
    }

    @inline(__always)
    mutating func next() -> UInt32 {
        defer { word += 1 }
        return word.pointee
    }

    /// The next `count` words, passing over them.
    @inline(__always)
    mutating func take(_ count: UInt32) -> UnsafeBufferPointer<UInt32> {
        defer { word += Int(count) }
        return UnsafeBufferPointer(start: word, count: Int(count))
    }
}

extension RecordPool {
    func hash(at offset: UInt32, seed: UInt64) -> UInt64 {
        withContent(at: offset) { content, tag in
            // An empty record still has a valid address, that of what follows it or of its end.
            KeyHash.forwards(content.baseAddress!, content.count, seed: seed, tag: tag)
        }
    }
}

extension Predicate {
    /// Appends the predicate's record.
    func encode(into output: inout [UInt8]) -> RecordKind {
        switch self {
        case .string(let bytes): return append(bytes, .string, &output)
        case .numberText(let bytes): return append(bytes, .numberText, &output)
        case .prefix(let bytes): return append(bytes, .prefix, &output)
        case .suffix(let bytes): return append(bytes, .suffix, &output)
        case .folded(let bytes): return append(bytes, .folded, &output)
        case .foldedPrefix(let bytes): return append(bytes, .foldedPrefix, &output)
        case .foldedSuffix(let bytes): return append(bytes, .foldedSuffix, &output)
        case .wildcard(let wildcard): return append(wildcard.program, .wildcard, &output)
        case .number(let place):
            withUnsafeBytes(of: place) { output.append(contentsOf: $0) }
            return .number
        case .literal(let literal): return append([literal.rawValue], .literal, &output)
        case .range(let low, let high):
            withUnsafeBytes(of: (low, high)) { output.append(contentsOf: $0) }
            return .range
        case .network(let network):
            let key = NetworkKey(network.family, network.bits, network.high, network.low)
            key.withBytes { output.append(contentsOf: $0) }
            return .network
        case .foldedText(let folded): return append(folded.record, .foldedText, &output)
        }
    }

    private func append(_ bytes: [UInt8], _ kind: RecordKind, _ output: inout [UInt8]) -> RecordKind {
        output.append(contentsOf: bytes)
        return kind
    }
}

/// A network as a key: family and mask bits, then the address.
struct NetworkKey {
    private var words: (UInt64, UInt64, UInt64)

    static let byteCount = 24

    @inline(__always)
    init(_ family: IPNetwork.Family, _ bits: Int, _ high: UInt64, _ low: UInt64) {
        words = (UInt64(family.rawValue) << 8 | UInt64(bits), high, low)
    }

    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body($0) }
    }

    /// Family x 256 + mask bits of a stored key.
    static func mask(of record: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(record.loadUnaligned(as: UInt64.self))
    }
}
