/// Taking over the rules of a segment, so that segments can be merged without the patterns they were compiled from.
extension SegmentBuilder {
    /// Takes over the rules of a segment, except those `isDropped` says.
    mutating func add(_ segment: Segment, droppingWhere isDropped: (UInt32) -> Bool) {
        withUnsafePointer(to: segment.view) { view in
            var translation = Translation(view)
            var slots = [UInt32](repeating: .max, count: view.pointee.rules.count)
            for conjunction in 0..<view.pointee.conjunctionRules.count {
                let slot = view.pointee.conjunctionRules[conjunction]
                if isDropped(slot) { continue }
                if slots[Int(slot)] == .max {
                    slots[Int(slot)] = UInt32(rules.count)
                    rules.append(view.pointee.rules[slot])
                }
                let first = view.pointee.conjunctionStarts[conjunction]
                for index in first..<view.pointee.conjunctionStarts[conjunction + 1] {
                    constraintEntries.append(translation.entry(view.pointee.constraintEntries[index], &self))
                }
                endConjunction(of: slots[Int(slot)])
            }
        }
    }
}

/// What the numbers of one segment's paths, predicates and lists become in a builder.
private struct Translation {
    private let view: UnsafePointer<SegmentView>
    private var paths: [UInt32]
    private var predicates: [UInt32]
    private var lists: [UInt32: UInt32] = [:]

    init(_ view: UnsafePointer<SegmentView>) {
        self.view = view
        paths = [UInt32](repeating: .max, count: view.pointee.pathRecords.count)
        predicates = [UInt32](repeating: .max, count: view.pointee.predicateRecords.count)
    }

    mutating func entry(_ entry: UInt32, _ builder: inout SegmentBuilder) -> UInt32 {
        if entry & ConstraintEntry.listBit == 0 { return predicate(entry, &builder) }
        if let known = lists[entry] { return known }
        let moved = list(entry, &builder)
        lists[entry] = moved
        return moved
    }

    private mutating func path(_ path: UInt32, _ builder: inout SegmentBuilder) -> UInt32 {
        if paths[Int(path)] == .max {
            paths[Int(path)] = builder.intern(path: view.recordBytes(view.pointee.pathRecords[path]))
        }
        return paths[Int(path)]
    }

    private mutating func predicate(_ predicate: UInt32, _ builder: inout SegmentBuilder) -> UInt32 {
        if predicates[Int(predicate)] == .max {
            let record = view.pointee.predicateRecords[predicate]
            let tag = view.recordTag(record)
            let path = path(tag >> 4, &builder)
            predicates[Int(predicate)] = builder.internPredicate(path << 4 | tag & 15, view.recordBytes(record))
        }
        return predicates[Int(predicate)]
    }

    private mutating func list(_ entry: UInt32, _ builder: inout SegmentBuilder) -> UInt32 {
        var reader = ConstraintListReader(view, entry)
        let path = path(reader.path, &builder)
        let wanted = group(of: reader.count, from: &reader, &builder)
        var groups: [[UInt32]] = []
        for _ in 0..<reader.next() { groups.append(group(of: reader.next(), from: &reader, &builder)) }
        return builder.internList(path, reader.flags, wanted, groups)
    }

    /// The next `count` predicates of a list, in ascending order of their new numbers.
    private mutating func group(
        of count: UInt32, from reader: inout ConstraintListReader, _ builder: inout SegmentBuilder
    ) -> [UInt32] {
        var moved: [UInt32] = []
        for _ in 0..<count { moved.append(predicate(reader.next(), &builder)) }
        return moved.sorted()
    }
}
