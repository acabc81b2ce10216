/// Numeric ranges, found by one binary search and a walk to the root of a segment tree.
///
/// The bounds of a path's ranges cut the number line into elementary intervals, the leaves of an implicit binary tree
/// in which each range is noted on at most two nodes a level. A value finds its leaf and collects the ranges noted on
/// the way up: O(log n + hits), in 16 to 60 bytes a range, whatever the ranges' overlap.
struct RangeTables: BitwiseCopyable {
    /// Where one path's tree lies; no leaves where the path has no ranges.
    struct Tree: BitwiseCopyable {
        var firstBound: UInt32 = 0
        var leafCount: UInt32 = 0
        var firstNode: UInt32 = 0
    }

    /// Lower ends of elementary intervals, ascending within each tree.
    let bounds: FlatArray<UInt64>
    /// Node n's predicates are the items from `nodeStarts[n]` to `nodeStarts[n + 1]`.
    let nodeStarts: FlatArray<UInt32>
    let items: FlatArray<UInt32>

    func free() {
        bounds.free()
        nodeStarts.free()
        items.free()
    }

    var byteCount: Int { bounds.byteCount + nodeStarts.byteCount + items.byteCount }

    /// The leaf that holds a value, or nil if it lies below every range.
    @inline(__always)
    func leaf(of value: UInt64, in tree: Tree) -> UInt32? {
        let start = bounds.base + Int(tree.firstBound)
        var low = 0
        var count = Int(tree.leafCount)
        // Branch-free search for the number of bounds that are at most the value.
        while count > 1 {
            let half = count >> 1
            low = start[low + half] <= value ? low + half : low
            count -= half
        }
        return start[low] <= value ? UInt32(truncatingIfNeeded: low) : nil
    }
}

extension RangeTables {
    /// The values that share a leaf; `high` is not one of them, unless it is the greatest.
    /// - Parameter leaf: nil for the values below every range.
    @inline(__always)
    func interval(ofLeaf leaf: UInt32?, in tree: Tree) -> (low: UInt64, high: UInt64) {
        let next = leaf.map { $0 + 1 } ?? 0
        return (
            low: leaf.map { bounds[tree.firstBound + $0] } ?? 0,
            high: next < tree.leafCount ? bounds[tree.firstBound + next] : .max
        )
    }
}

/// Collects the ranges of all paths.
struct RangeTablesBuilder {
    private var bounds: [UInt64] = []
    private var nodeStarts: [UInt32] = []
    private var items: [UInt32] = []

    /// - Parameter ranges: Both ends inclusive; at least one.
    mutating func add(_ ranges: [(low: UInt64, high: UInt64, predicate: UInt32)]) -> RangeTables.Tree {
        var cuts: [UInt64] = []
        for range in ranges {
            cuts.append(range.low)
            if range.high < .max { cuts.append(range.high + 1) }
        }
        cuts.sort()
        var unique: [UInt64] = []
        for cut in cuts where unique.last != cut { unique.append(cut) }
        let leaves = unique.count
        var covers: [(node: Int, predicate: UInt32)] = []
        for range in ranges {
            var left = lowerBound(unique, range.low) + leaves
            var right = (range.high == .max ? leaves : lowerBound(unique, range.high + 1)) + leaves
            while left < right {
                if left & 1 == 1 {
                    covers.append((left, range.predicate))
                    left += 1
                }
                if right & 1 == 1 {
                    right -= 1
                    covers.append((right, range.predicate))
                }
                left >>= 1
                right >>= 1
            }
        }
        let tree = RangeTables.Tree(
            firstBound: UInt32(bounds.count), leafCount: UInt32(leaves), firstNode: UInt32(nodeStarts.count))
        bounds += unique
        appendNodes(covers, count: 2 * leaves)
        return tree
    }

    private mutating func appendNodes(_ covers: [(node: Int, predicate: UInt32)], count: Int) {
        var starts = [Int](repeating: 0, count: count + 1)
        for cover in covers { starts[cover.node + 1] += 1 }
        for node in 0..<count { starts[node + 1] += starts[node] }
        let base = items.count
        items += [UInt32](repeating: 0, count: covers.count)
        nodeStarts += starts.map { UInt32(base + $0) }
        for cover in covers {
            items[base + starts[cover.node]] = cover.predicate
            starts[cover.node] += 1
        }
    }

    private func lowerBound(_ sorted: [UInt64], _ value: UInt64) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) >> 1
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func finish() -> RangeTables {
        RangeTables(bounds: FlatArray(bounds), nodeStarts: FlatArray(nodeStarts), items: FlatArray(items))
    }
}
