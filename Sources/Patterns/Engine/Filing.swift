/// How likely an event is to satisfy each predicate, guessed from the rules alone: a path with many different operands
/// has many different values, and a range is as likely as the share of its path's bounds that it covers.
struct Selectivity {
    private(set) var likelihoods: [Float]

    init(_ builder: SegmentBuilder) {
        var operandCounts = [Float](repeating: 0, count: builder.pathRecords.count)
        var bounds = [[UInt64]](repeating: [], count: builder.pathRecords.count)
        for predicate in builder.predicateRecords.indices {
            let path = Int(builder.path(of: UInt32(predicate)))
            operandCounts[path] += 1
            if builder.kind(of: UInt32(predicate)) == .range {
                let range = Selectivity.range(builder, predicate)
                bounds[path] += [range.low, range.high]
            }
        }
        for path in bounds.indices { bounds[path].sort() }
        likelihoods = builder.predicateRecords.indices.map { predicate in
            let path = Int(builder.path(of: UInt32(predicate)))
            let share = 1 / (operandCounts[path] + 1)
            switch builder.kind(of: UInt32(predicate)) {
            case .present: return 0.9
            case .literal: return 0.4
            case .string, .number, .numberText, .network: return share
            case .folded: return share * 1.1
            case .range:
                let range = Selectivity.range(builder, predicate)
                let covered =
                    Selectivity.rank(bounds[path], range.high &+ 1) - Selectivity.rank(bounds[path], range.low)
                return min(0.9, Float(max(covered, 1)) / Float(bounds[path].count + 1) * 1.5)
            default:
                let isEmpty = builder.records.withContent(at: builder.predicateRecords[predicate]) { content, _ in
                    content.isEmpty
                }
                return isEmpty ? 0.8 : min(0.7, share * 1.5)
            }
        }
    }

    private static func range(_ builder: SegmentBuilder, _ predicate: Int) -> (low: UInt64, high: UInt64) {
        builder.records.withContent(at: builder.predicateRecords[predicate]) { content, _ in
            (content.loadUnaligned(as: UInt64.self), content.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    /// How many of the sorted numbers are below a value; 0 stands for the value after the greatest.
    private static func rank(_ sorted: [UInt64], _ value: UInt64) -> Int {
        if value == 0 { return sorted.count }
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) >> 1
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Under which predicates each conjunction is filed: those of its least likely constraint.
///
/// - Source: the access predicates of publish/subscribe matching (Fabret and others, "Filtering algorithms and
///   implementation for very fast publish/subscribe systems").
struct Filing {
    /// In a posting: the conjunction is filed under other predicates, too.
    static let severalBit: UInt32 = 1 << 31

    private(set) var postingStarts: [UInt32] = []
    private(set) var postings: [UInt32] = []
    private(set) var unfiled: [UInt32] = []

    init(_ builder: inout SegmentBuilder, _ selectivity: Selectivity) {
        var filed: [(predicate: UInt32, conjunction: UInt32)] = []
        filed.reserveCapacity(builder.conjunctionRules.count)
        for conjunction in builder.conjunctionRules.indices {
            let entries =
                Int(builder.conjunctionStarts[conjunction])..<Int(builder.conjunctionStarts[conjunction + 1])
            var best: UInt32?
            var bestLikelihood = Float.infinity
            for index in entries {
                let entry = builder.constraintEntries[index]
                let likelihood = Filing.likelihood(entry, builder, selectivity)
                if likelihood < bestLikelihood { (best, bestLikelihood) = (entry, likelihood) }
            }
            guard let best else {
                unfiled.append(UInt32(conjunction))
                continue
            }
            if best & ConstraintEntry.listBit == 0 {
                filed.append((best, UInt32(conjunction)))
            } else {
                let list = Filing.list(best, builder)
                if list.needsAnyValue {
                    filed.append((builder.internPresent(list.path), UInt32(conjunction)))
                } else {
                    // Several values of an event may hit it: one attempt is enough.
                    let severalBit = list.wanted.count > 1 ? Filing.severalBit : 0
                    for predicate in list.wanted { filed.append((predicate, UInt32(conjunction) | severalBit)) }
                }
            }
        }
        sort(filed, predicateCount: builder.predicateRecords.count)
    }

    private mutating func sort(_ filed: [(predicate: UInt32, conjunction: UInt32)], predicateCount: Int) {
        postingStarts = [UInt32](repeating: 0, count: predicateCount + 1)
        for pair in filed { postingStarts[Int(pair.predicate) + 1] += 1 }
        for predicate in 0..<predicateCount { postingStarts[predicate + 1] += postingStarts[predicate] }
        var next = postingStarts
        postings = [UInt32](repeating: 0, count: filed.count)
        for pair in filed {
            postings[Int(next[Int(pair.predicate)])] = pair.conjunction
            next[Int(pair.predicate)] += 1
        }
    }

    private static func likelihood(_ entry: UInt32, _ builder: SegmentBuilder, _ selectivity: Selectivity) -> Float {
        if entry & ConstraintEntry.listBit == 0 { return selectivity.likelihoods[Int(entry)] }
        let list = list(entry, builder)
        if list.isMetByAbsence { return .infinity }
        if list.needsAnyValue { return 0.95 }
        return list.wanted.reduce(0) { $0 + selectivity.likelihoods[Int($1)] }
    }

    private static func list(
        _ entry: UInt32, _ builder: SegmentBuilder
    ) -> (path: UInt32, isMetByAbsence: Bool, needsAnyValue: Bool, wanted: ArraySlice<UInt32>) {
        let start = Int(entry & ~ConstraintEntry.listBit)
        let words = builder.constraintLists
        let flags = words[start + 1]
        let end = start + 3 + Int(words[start + 2])
        return (
            words[start], flags & ConstraintEntry.existsFalse != 0,
            flags & ConstraintEntry.existsTrue != 0 || words[end] > 0, words[(start + 3)..<end]
        )
    }
}
