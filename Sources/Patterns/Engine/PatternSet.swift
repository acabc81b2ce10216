internal import Synchronization

/// The patterns of many rules, matched together.
///
/// How an event finds its rules among a hundred thousand: each rule is filed under the one constraint that events
/// satisfy least often (`Filing`). The event is walked along the paths that rules mention (`Matcher+scan`, `Trie`), and
/// each value there is looked up in the indexes of its path (`Matcher+probe`): by hash for equality, prefixes and
/// suffixes (`KeyTable`), by search for ranges (`RangeTables`), by a piece of their text for wildcards
/// (`WildcardAnchor`, `GramFilter`). What is hit makes the rules filed under it candidates, whose other constraints are
/// then checked (`Matcher`), within the elements of arrays where there are any (`Matcher+elements`). All tables of a
/// set of rules are a `Segment`, which `SegmentBuilder` compiles.
///
/// Readers take `snapshot` and never wait for a compilation: edits are made aside, and what comes of them is published
/// by replacing one reference. An edit compiles what is new into a small segment; small segments are merged into larger
/// ones as they accumulate, so that a snapshot has at most three, one for each class of size. Adding or removing one
/// rule of 100,000 takes tens of microseconds, and now and then a merge: 0.1 ms in the mean.
public final class PatternSet: Sendable {
    private struct Place {
        var segment: UInt32
        var slot: UInt32
    }

    private struct Part {
        let identifier: UInt32
        let segment: Segment
        var removed: RemovedRules?

        var liveCount: Int { segment.ruleCount - (removed?.count ?? 0) }

        /// - Parameter slots: Rules of the segment that were not removed before, each once.
        mutating func remove(_ slots: [UInt32]) {
            if slots.isEmpty { return }
            removed = RemovedRules(removed, adding: slots, of: segment.ruleCount)
        }
    }

    private struct State {
        var parts: [Part] = []
        var places: [UInt32: Place] = [:]
        var nextIdentifier: UInt32 = 0
    }

    /// Held while an edit is made.
    private let state = Mutex(State())
    /// Held only while the reference is copied or replaced.
    private let published = Mutex(PatternSnapshot([], ruleCount: 0))
    private let seed: UInt64

    /// Segments of one class, by number of rules, are merged as soon as there are two. The bounds balance the work: the
    /// smallest class is compiled at every addition, the middle one at every 32nd, the largest at every 1024th.
    private static let classes = [0..<32, 32..<1024, 1024..<Int.max]

    public init() {
        seed = .random(in: .min ... .max)
    }

    /// - Parameter rules: Patterns with their rules' keys, compiled in one go.
    public convenience init(_ rules: some Sequence<(pattern: Pattern, rule: UInt32)>) {
        self.init()
        add(contentsOf: rules)
    }

    /// The rules as they are now.
    public var snapshot: PatternSnapshot { published.withLock { $0 } }

    public var count: Int { state.withLock { $0.places.count } }

    /// Adds a rule's pattern, replacing any earlier pattern of that rule.
    ///
    /// Takes effect for snapshots taken after the call returns.
    /// - Parameter rule: Key handed to the body of `Matcher.match`.
    public func add(_ pattern: Pattern, for rule: UInt32) {
        add(contentsOf: CollectionOfOne((pattern: pattern, rule: rule)))
    }

    /// Adds many rules at once, which is much cheaper than one by one. Of a repeated rule the last pattern counts.
    public func add(contentsOf rules: some Sequence<(pattern: Pattern, rule: UInt32)>) {
        state.withLock { state in
            var builder = SegmentBuilder(seed: seed)
            var fresh: [UInt32: UInt32] = [:]
            var repeated: [UInt32] = []
            for (pattern, rule) in rules {
                if let earlier = fresh.updateValue(UInt32(builder.rules.count), forKey: rule) {
                    repeated.append(earlier)
                }
                builder.add(pattern, for: rule)
            }
            if fresh.isEmpty { return }
            Self.markRemoved(fresh.keys, &state)
            var part = Part(identifier: state.nextIdentifier, segment: builder.finish())
            state.nextIdentifier += 1
            part.remove(repeated)
            state.parts.append(part)
            for (rule, slot) in fresh { state.places[rule] = Place(segment: part.identifier, slot: slot) }
            mergeAlike(&state)
            publish(state)
        }
    }

    /// Removes a rule.
    /// - Returns: Whether it was there.
    @discardableResult
    public func remove(_ rule: UInt32) -> Bool {
        state.withLock { state in
            guard Self.markRemoved(CollectionOfOne(rule), &state) else { return false }
            state.parts.removeAll { $0.liveCount == 0 }
            // A segment that is mostly gone is compiled anew.
            if let index = state.parts.firstIndex(where: {
                $0.segment.ruleCount > 32 && $0.liveCount * 2 < $0.segment.ruleCount
            }) {
                merge([state.parts.remove(at: index)], &state)
            }
            publish(state)
            return true
        }
    }

    /// - Returns: Whether any of the rules was there.
    @discardableResult
    private static func markRemoved(_ rules: some Sequence<UInt32>, _ state: inout State) -> Bool {
        var slots: [UInt32: [UInt32]] = [:]
        for rule in rules {
            guard let place = state.places.removeValue(forKey: rule) else { continue }
            slots[place.segment, default: []].append(place.slot)
        }
        for index in state.parts.indices {
            if let gone = slots[state.parts[index].identifier] { state.parts[index].remove(gone) }
        }
        return !slots.isEmpty
    }

    /// Leaves at most one part of each class. A merged part may belong to the next class, whose turn comes after it.
    private func mergeAlike(_ state: inout State) {
        state.parts.removeAll { $0.liveCount == 0 }
        for sizes in Self.classes {
            let alike = state.parts.filter { sizes.contains($0.liveCount) }
            guard alike.count > 1 else { continue }
            state.parts.removeAll { sizes.contains($0.liveCount) }
            merge(alike, &state)
        }
    }

    private func merge(_ parts: [Part], _ state: inout State) {
        var builder = SegmentBuilder(seed: seed)
        for part in parts {
            builder.add(part.segment) { part.removed?.contains($0) ?? false }
        }
        if builder.rules.isEmpty { return }
        let identifier = state.nextIdentifier
        state.nextIdentifier += 1
        for (slot, rule) in builder.rules.enumerated() {
            state.places[rule] = Place(segment: identifier, slot: UInt32(slot))
        }
        state.parts.append(Part(identifier: identifier, segment: builder.finish()))
    }

    private func publish(_ state: borrowing State) {
        let next = PatternSnapshot(state.parts.map { ($0.segment, $0.removed) }, ruleCount: state.places.count)
        // What is replaced may be the last reference to a large segment, which is not for readers to wait for.
        let previous = published.withLock { current in
            defer { current = next }
            return current
        }
        withExtendedLifetime(previous) {}
    }
}
