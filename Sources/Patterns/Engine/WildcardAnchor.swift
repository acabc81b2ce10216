/// A piece of text under which a wildcard can be filed: all that it matches holds that text.
struct WildcardAnchor {
    let kind: RecordKind
    let key: [UInt8]
    /// Of path, kind and key; 0 until it has been counted.
    fileprivate(set) var hash: UInt64 = 0

    /// The text every match begins with, and the text it ends with if there is some.
    static func ends(_ wildcard: Wildcard) -> [WildcardAnchor] {
        var ends = [WildcardAnchor(kind: .prefix, key: wildcard.pieces[0])]
        if wildcard.starCount > 0, let last = wildcard.pieces.last, !last.isEmpty {
            ends.append(WildcardAnchor(kind: .suffix, key: last))
        }
        return ends
    }

    /// The grams of the longest piece.
    static func grams(_ wildcard: Wildcard) -> [WildcardAnchor] {
        let longest = wildcard.pieces.max { $0.count < $1.count } ?? []
        var size = 8
        while size > longest.count { size /= 2 }
        guard size > 0 else { return [] }
        return (0...(longest.count - size)).map { start in
            WildcardAnchor(kind: .gram, key: Array(longest[start..<(start + size)]))
        }
    }
}

/// How many wildcards share each piece of text.
///
/// Counted by hash: should two pieces have the same one, a wildcard is filed under a slightly worse piece.
struct WildcardSharers {
    private let seed: UInt64
    private var counts: [UInt64: UInt32] = [:]

    init(seed: UInt64) { self.seed = seed }

    /// Counts one more wildcard with this piece.
    /// - Returns: The piece with its hash.
    mutating func add(_ anchor: WildcardAnchor, path: UInt32) -> WildcardAnchor {
        var anchor = anchor
        anchor.hash = anchor.key.withUnsafeBytes { bytes in
            bytes.baseAddress.map {
                KeyHash.forwards($0, bytes.count, seed: seed, tag: anchor.kind.tag(path))
            } ?? 0
        }
        counts[anchor.hash, default: 0] += 1
        return anchor
    }

    /// How often a value will wrongly suggest a wildcard filed here, in arbitrary units.
    func cost(_ anchor: WildcardAnchor) -> UInt32 {
        // Text of no bytes is shared by every value there is, and very short text by many.
        let shared = counts[anchor.hash] ?? 0
        switch anchor.key.count {
        case 0: return .max
        case 1: return shared &* 8
        case 2, 3: return shared &* 2
        default: return shared
        }
    }

    /// The piece of least cost; of equally good ones the first, since beginnings are found fastest.
    func best(of anchors: [WildcardAnchor]) -> WildcardAnchor? {
        var best: (anchor: WildcardAnchor, cost: UInt32)?
        for anchor in anchors {
            let cost = cost(anchor)
            if best.map({ cost < $0.cost }) ?? true { best = (anchor, cost) }
        }
        return best?.anchor
    }
}
