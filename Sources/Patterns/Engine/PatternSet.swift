internal import Synchronization

/// The patterns of many rules, matched together.
///
/// Readers take `snapshot` and never wait for edits. An edit compiles what is new into a small segment of its own;
/// small segments are merged into larger ones as they accumulate, so a snapshot has at most three or four. Adding or
/// removing one rule of 100,000 takes tens of microseconds, and now and then a merge.
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
    }

    private struct State {
        var parts: [Part] = []
        var places: [UInt32: Place] = [:]
        var nextIdentifier: UInt32 = 0
        var snapshot = PatternSnapshot([], ruleCount: 0)
    }

    private let state = Mutex(State())
    private let seed: UInt64

    /// A segment with at least this many rules is merged only with one of its own class.
    private static let classes = [32, 1024]

    public init() {
        seed = .random(in: .min ... .max)
    }

    /// - Parameter rules: Patterns with their rules' keys, compiled in one go.
    public convenience init(_ rules: some Sequence<(pattern: Pattern, rule: UInt32)>) {
        self.init()
        add(contentsOf: rules)
    }

    /// The rules as they are now.
    public var snapshot: PatternSnapshot { state.withLock { $0.snapshot } }

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
            for rule in fresh.keys { Self.markRemoved(rule, &state) }
            var part = Part(identifier: state.nextIdentifier, segment: builder.finish())
            state.nextIdentifier += 1
            for slot in repeated {
                part.removed = RemovedRules(part.removed, adding: slot, of: part.segment.ruleCount)
            }
            state.parts.append(part)
            for (rule, slot) in fresh { state.places[rule] = Place(segment: part.identifier, slot: slot) }
            mergeSmall(&state)
            publish(&state)
        }
    }

    /// Removes a rule.
    /// - Returns: Whether it was there.
    @discardableResult
    public func remove(_ rule: UInt32) -> Bool {
        state.withLock { state in
            guard Self.markRemoved(rule, &state) else { return false }
            state.parts.removeAll { $0.liveCount == 0 }
            // A segment that is mostly gone is compiled anew.
            if let index = state.parts.firstIndex(where: {
                $0.segment.ruleCount > 32 && $0.liveCount * 2 < $0.segment.ruleCount
            }) {
                merge([state.parts.remove(at: index)], &state)
            }
            publish(&state)
            return true
        }
    }

    @discardableResult
    private static func markRemoved(_ rule: UInt32, _ state: inout State) -> Bool {
        guard let place = state.places.removeValue(forKey: rule),
            let index = state.parts.firstIndex(where: { $0.identifier == place.segment })
        else { return false }
        let part = state.parts[index]
        state.parts[index].removed = RemovedRules(part.removed, adding: place.slot, of: part.segment.ruleCount)
        return true
    }

    /// Parts stand by size, largest first; the last ones of a class are merged when the class is full.
    private func mergeSmall(_ state: inout State) {
        state.parts.removeAll { $0.liveCount == 0 }
        state.parts.sort { $0.liveCount > $1.liveCount }
        for limit in Self.classes {
            let small = state.parts.filter { $0.liveCount < limit }
            guard small.count > 1 else { continue }
            state.parts.removeAll { $0.liveCount < limit }
            merge(small, &state)
            state.parts.sort { $0.liveCount > $1.liveCount }
        }
        let large = state.parts.filter { $0.liveCount >= Self.classes[1] }
        if large.count > 1 {
            state.parts.removeAll { $0.liveCount >= Self.classes[1] }
            merge(large, &state)
            state.parts.sort { $0.liveCount > $1.liveCount }
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

    private func publish(_ state: inout State) {
        state.snapshot = PatternSnapshot(
            state.parts.map { ($0.segment, $0.removed) }, ruleCount: state.places.count)
    }
}
