internal import Core

/// Refuses patterns whose wildcards are too dear by the service's measure, `WildcardComplexity`.
///
/// The service measures each machine of one path that it compiles a pattern to. Lists of several `$or` members meet in
/// one machine where they are of the same path and everything before it, in order of path, is the same.
struct WildcardLimit {
    private(set) var work = WorkCount()

    /// A wildcard of a machine that is too dear.
    struct Offender {
        let path: [UInt8]
        let wildcard: Alternative
    }

    /// - Returns: The first one in the pattern's text; nil if there is none.
    mutating func offender(in conjunctions: [Conjunction]) -> Offender? {
        let holdWildcards = conjunctions.contains { $0.constraints.contains { !Self.wildcards(of: $0).isEmpty } }
        guard holdWildcards else { return nil }
        var offenders: [Offender] = []
        // Conjunctions whose first `depth` constraints are the same.
        var pending = [(alike: conjunctions, depth: 0)]
        while let (alike, depth) = pending.popLast() {
            if alike.count == 1 {
                // Nothing meets any more.
                offenders += alike[0].constraints.dropFirst(depth).compactMap { machine(of: [$0]) }
                continue
            }
            let unfinished = alike.filter { $0.constraints.count > depth }
            for ofPath in Dictionary(grouping: unfinished, by: { $0.constraints[depth].path }).values {
                if let offender = machine(of: ofPath.map { $0.constraints[depth] }) { offenders.append(offender) }
                let alike = Dictionary(grouping: ofPath) { $0.constraints[depth].alternatives.map(\.test) }
                for group in alike.values { pending.append((group, depth + 1)) }
            }
        }
        return offenders.min { first, second in
            let (one, other) = (first.wildcard.source.position, second.wildcard.source.position)
            return (one.line, one.column) < (other.line, other.column)
        }
    }

    /// Measures the machine that some lists of one path make.
    private mutating func machine(of constraints: [Constraint]) -> Offender? {
        let alternatives = constraints.flatMap(Self.wildcards)
        work.add(constraints.count)
        let distinct = Array(Set(alternatives.map(\.wildcard)))
        guard WildcardComplexity.measure(distinct, &work) > WildcardComplexity.limit else { return nil }
        return Offender(path: constraints[0].path, wildcard: alternatives[0].alternative)
    }

    private static func wildcards(of constraint: Constraint) -> [(wildcard: Wildcard, alternative: Alternative)] {
        constraint.alternatives.compactMap { alternative in
            guard case .holds(.wildcard(let wildcard)) = alternative.test else { return nil }
            return (wildcard, alternative)
        }
    }
}
