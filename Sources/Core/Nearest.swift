/// The candidate that a mistyped word most probably meant; nil where none is close.
///
/// Distance is the number of insertions, deletions, replacements and swaps of neighbours; letter case is ignored.
/// - Parameter candidates: Compared in order; the first of equally close ones wins.
public func nearest(to word: String, among candidates: [String]) -> String? {
    let typed = Array(word.lowercased().utf8)
    let limit = max(1, typed.count / 3)
    var best: (word: String, distance: Int)?
    for candidate in candidates {
        let known = Array(candidate.lowercased().utf8)
        // So many letters must be put in or taken out at least; a word may be as long as a request.
        guard abs(known.count - typed.count) <= limit else { continue }
        let distance = editDistance(typed, known)
        if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    return best?.word
}

/// Optimal string alignment distance.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for (row, a) in left.enumerated() {
        var current = [row + 1]
        for (column, b) in right.enumerated() {
            var cost = min(previous[column] + (a == b ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, a == right[column - 1], left[row - 1] == b {
                cost = min(cost, beforePrevious[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[right.count]
}
