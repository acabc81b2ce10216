/// Refuses patterns whose wildcards are too dear by the service's measure, `WildcardComplexity`.
///
/// The service measures each machine of one path that it compiles a pattern to. Lists of several `$or` members meet in
/// one machine where they are of the same path and everything before it, in order of path, is the same.
struct WildcardLimit {
    private(set) var work = WorkCount()

    /// - Returns: A wildcard of the first set that is too dear, with its path; nil if there is none.
    mutating func offender(in conjunctions: [Conjunction]) -> (path: [UInt8], wildcard: Alternative)? {
        let holdWildcards = conjunctions.contains { $0.constraints.contains { !Self.wildcards(of: $0).isEmpty } }
        guard holdWildcards else { return nil }
        // Conjunctions whose first `depth` constraints are the same.
        var pending = [(alike: conjunctions, depth: 0)]
        while let (alike, depth) = pending.popLast() {
            let unfinished = alike.filter { $0.constraints.count > depth }
            work.add(alike.count)
            for ofPath in Dictionary(grouping: unfinished, by: { $0.constraints[depth].path }).values {
                let constraints = ofPath.map { $0.constraints[depth] }
                let alternatives = constraints.flatMap(Self.wildcards)
                let distinct = Set(alternatives.map(\.wildcard))
                if WildcardComplexity.measure(Array(distinct), &work) > WildcardComplexity.limit {
                    return (constraints[0].path, alternatives[0].alternative)
                }
                let tests = Dictionary(grouping: ofPath) { $0.constraints[depth].alternatives.map(\.test) }
                for same in tests.values { pending.append((same, depth + 1)) }
            }
        }
        return nil
    }

    private static func wildcards(of constraint: Constraint) -> [(wildcard: Wildcard, alternative: Alternative)] {
        constraint.alternatives.compactMap { alternative in
            guard case .holds(.wildcard(let wildcard)) = alternative.test else { return nil }
            return (wildcard, alternative)
        }
    }
}
