/// The cost of wildcards as the service measures it.
///
/// For a machine made of one field's wildcards it is the largest number of prefixes of these wildcards that one input
/// can match at once. An input that has passed every star keeps them all live; beyond that it can end in the beginnings
/// of the pieces that follow a star, and all beginnings that one input ends in are suffixes of the longest of them. So
/// it is the number of stars plus the longest-weighted chain of suffix links in the trie of those pieces (Aho and
/// Corasick), found in linear time.
/// - Source: event-pattern specification, section 8, whose measured values the tests repeat.
enum WildcardComplexity {
    /// More than this the service refuses.
    static let limit = 10

    /// The cost of the wildcards of one list; where it is above the limit, some number above the limit.
    ///
    /// Linear in the text of the wildcards: a set that only more work than that could tell from dearer ones is taken
    /// for as dear as it could be. No ordinary list comes near.
    static func measure(_ wildcards: [Wildcard], _ work: inout WorkCount) -> Int {
        // Wildcards are live together only where one's beginning begins with the other's. In order of beginnings, those
        // that this holds for are a stack, and one of more than `limit` is too dear whatever it holds.
        let ordered = wildcards.filter { $0.starCount > 0 }
            .sorted { $0.pieces[0].lexicographicallyPrecedes($1.pieces[0]) }
        var together: [(wildcard: Wildcard, alone: Int)] = []
        var allowance = 32 * ordered.reduce(0) { $0 + $1.textCount }
        var most = 0
        for wildcard in ordered {
            while let last = together.last, !wildcard.pieces[0].starts(with: last.wildcard.pieces[0]) {
                together.removeLast()
            }
            together.append((wildcard, measureTogether([wildcard], &work)))
            let bound = together.reduce(0) { $0 + $1.alone }
            if bound <= most { continue }
            allowance -= together.reduce(0) { $0 + $1.wildcard.textCount }
            let isExact = together.count > 1 && together.count <= limit && allowance >= 0
            most = max(most, isExact ? measureTogether(together.map(\.wildcard), &work) : bound)
            if most > limit { return most }
        }
        return most
    }

    private struct TrieNode {
        var children: [UInt8: Int] = [:]
        var pieces = 0
        var suffix = 0
        var chain = 0
    }

    private static func measureTogether(_ wildcards: [Wildcard], _ work: inout WorkCount) -> Int {
        let stars = wildcards.reduce(0) { $0 + $1.starCount }
        var trie = [TrieNode()]
        var breadthFirst: [Int] = []
        for piece in wildcards.flatMap({ $0.pieces.dropFirst() }) {
            var node = 0
            work.add(piece.count)
            for byte in piece {
                if let child = trie[node].children[byte] {
                    node = child
                } else {
                    trie[node].children[byte] = trie.count
                    node = trie.count
                    trie.append(TrieNode())
                }
                trie[node].pieces += 1
            }
        }
        var longest = 0
        breadthFirst.append(0)
        var next = 0
        while next < breadthFirst.count {
            let node = breadthFirst[next]
            next += 1
            for (byte, child) in trie[node].children {
                var link = trie[node].suffix
                work.add()
                while link != 0, trie[link].children[byte] == nil {
                    link = trie[link].suffix
                    work.add()
                }
                let suffix = trie[link].children[byte] ?? 0
                trie[child].suffix = suffix == child ? 0 : suffix
                trie[child].chain = trie[child].pieces + trie[trie[child].suffix].chain
                longest = max(longest, trie[child].chain)
                breadthFirst.append(child)
            }
        }
        return stars + longest
    }
}
