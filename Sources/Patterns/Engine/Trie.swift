/// A step of the paths that rules mention.
struct TrieNode: BitwiseCopyable {
    /// The path that ends here, or `none`.
    var path: UInt32 = none
    var childCount: UInt32 = 0
    /// The marks of the children's keys. Most keys of an event are dismissed by it.
    var childMarks: UInt64 = 0
    /// Where the edges of a node of few children begin.
    var firstEdge: UInt32 = 0
    /// Some conjunction has several constraints here and below: only then does it matter which of them the same element
    /// of an array satisfies.
    var isJoint = false

    static let none = UInt32.max

    /// One bit of 64 that says a little about a key.
    @inline(__always)
    static func mark(_ key: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count == 0 { return 1 }
        let last = UInt64(key.load(fromByteOffset: count - 1, as: UInt8.self))
        return 1 << ((UInt64(truncatingIfNeeded: count) &* 9 &+ last) & 63)
    }
}

/// The way to a child of a node that has few: comparing a word with each is several times faster than hashing.
struct TrieEdge: BitwiseCopyable {
    /// The first eight bytes of the key, padded with zeros.
    let word: UInt64
    let length: UInt32
    let child: UInt32
    /// Where the rest of the key is found.
    let record: UInt32

    /// Nodes with more children are looked up in the key table.
    static let siblingsMax: UInt32 = 8

    @inline(__always)
    static func word(_ key: UnsafeRawPointer, _ count: Int) -> UInt64 {
        count >= 8 ? loadWord(key) : count == 0 ? 0 : loadPartialWord(key, count)
    }
}

extension UnsafePointer<SegmentView> {
    /// The child that a key leads to, or `KeyEntry.none`.
    @inline(__always)
    func child(of node: UInt32, _ key: UnsafeRawPointer, _ count: Int) -> UInt32 {
        let childCount = pointee.nodes[node].childCount
        if childCount > TrieEdge.siblingsMax { return hashedChild(of: node, key, count) }
        let word = TrieEdge.word(key, count)
        let first = pointee.nodes[node].firstEdge
        for index in first..<(first + childCount) {
            let edge = pointee.edges.pointer(at: index)
            guard edge.pointee.word == word, Int(edge.pointee.length) == count else { continue }
            if count <= 8 || bytesAreEqual(recordBytes(edge.pointee.record).baseAddress! + 8, key + 8, count - 8) {
                return edge.pointee.child
            }
        }
        return KeyEntry.none
    }

    @inline(never)
    private func hashedChild(of node: UInt32, _ key: UnsafeRawPointer, _ count: Int) -> UInt32 {
        let tag = RecordKind.child.tag(node)
        return find(tag, key, count, hash: KeyHash.forwards(key, count, seed: pointee.seed, tag: tag))
    }
}

/// Collects the trie of a segment.
struct TrieBuilder {
    private(set) var nodes: [TrieNode] = [TrieNode()]
    private var parents: [UInt32] = [0]
    private var steps: [(parent: UInt32, edge: TrieEdge)] = []
    /// The node of each path.
    private(set) var ends: [UInt32] = []

    /// - Parameter record: Where the key stands.
    mutating func addChild(of node: UInt32, _ key: [UInt8], record: UInt32) -> UInt32 {
        let child = UInt32(nodes.count)
        nodes.append(TrieNode())
        parents.append(node)
        nodes[Int(node)].childCount += 1
        key.withUnsafeBytes { bytes in
            var nothing: UInt8 = 0
            withUnsafeBytes(of: &nothing) { empty in
                let start = bytes.baseAddress ?? empty.baseAddress!  // one byte
                nodes[Int(node)].childMarks |= TrieNode.mark(start, key.count)
                let edge = TrieEdge(
                    word: TrieEdge.word(start, key.count), length: UInt32(key.count), child: child, record: record)
                steps.append((node, edge))
            }
        }
        return child
    }

    mutating func endPath(at node: UInt32) {
        nodes[Int(node)].path = UInt32(ends.count)
        ends.append(node)
    }

    /// Lays the edges out, those of a node side by side.
    mutating func finishEdges() -> [TrieEdge] {
        steps.sort { ($0.parent, $0.edge.child) < ($1.parent, $1.edge.child) }
        for (index, step) in steps.enumerated().reversed() { nodes[Int(step.parent)].firstEdge = UInt32(index) }
        return steps.map(\.edge)
    }

    /// Notes for each node whether a conjunction has several of its paths there and below.
    mutating func markJoints(_ builder: SegmentBuilder) {
        var lastSeen = [UInt32](repeating: .max, count: nodes.count)
        for conjunction in builder.conjunctionRules.indices {
            let entries = builder.conjunctionStarts[conjunction]..<builder.conjunctionStarts[conjunction + 1]
            if entries.count < 2 { continue }
            for index in entries {
                var node = ends[Int(builder.path(ofEntry: builder.constraintEntries[Int(index)]))]
                // What is above a joint is one already.
                while !nodes[Int(node)].isJoint {
                    if lastSeen[Int(node)] == UInt32(conjunction) {
                        nodes[Int(node)].isJoint = true
                    } else {
                        lastSeen[Int(node)] = UInt32(conjunction)
                    }
                    if node == 0 { break }
                    node = parents[Int(node)]
                }
            }
        }
    }
}
