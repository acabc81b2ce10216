internal import CShims
internal import Core

/// Matches events against snapshots; one per thread.
///
/// Holds the memory that matching needs, sized for the largest snapshot seen, so that matching an event allocates
/// nothing, counts no references and builds no strings.
public struct Matcher: ~Copyable {
    // What is being matched. The pointers are valid within one call of `match` only.
    var view: UnsafePointer<SegmentView>
    var end: UnsafePointer<UInt8>
    var begin: UnsafePointer<UInt8>
    var stopsEarly = false
    /// Known of events that were validated on the way.
    var skeleton = EventSkeleton()
    /// Containers being read that may still hold something wanted; the event is done when none is left.
    var openContainers = 0

    /// Number of the current walk over an event; what is stamped with another number is void.
    var epoch: UInt32 = 0
    var predicateStamps = StampTable()
    var ruleStamps = StampTable()
    /// Of conjunctions filed under several predicates: whether they were tried.
    var attemptStamps = StampTable()
    /// Last value, by serial number, that a predicate was verified against.
    var verifyStamps = StampTable()
    var valueSerial: UInt32 = 0
    var paths = PathStates()
    var values = ScratchList<EventValue>()
    var hits = ScratchList<UInt32>(capacity: 256)
    var candidates = ScratchList<UInt32>(capacity: 256)
    var elements = ScratchList<ArrayElement>()
    var arrays = ScratchList<EventArray>()
    var elementSets = ScratchList<UInt64>()
    /// Unescaped text of the event and operands' worth of folded text; never longer than the event.
    var text = ScratchList<UInt8>(capacity: 1024)
    var folded = ScratchList<UInt8>(capacity: 256)
    var work = WorkCount()

    public init() {
        // Placeholders: both are set before they are used.
        view = UnsafePointer(bitPattern: 8)!
        end = UnsafePointer(bitPattern: 8)!
        begin = end
    }

    /// Calls `body` with every rule whose pattern the event matches, each once, in no particular order.
    ///
    /// - Parameters:
    ///   - event: JSON text of one object.
    ///   - validated: The event was found good by `JSONValidator.validateEvent`: reading may then stop as soon as every
    ///     field that rules mention was seen. Otherwise all of it is checked and read.
    /// - Throws: `PatternError` with `.invalidEvent` before any call of `body`; never for a validated event.
    public mutating func match(
        _ event: UnsafeRawBufferPointer, with snapshot: PatternSnapshot, validated: Bool, _ body: (UInt32) -> Void
    ) throws(PatternError) {
        ops_prefetch(event.baseAddress, event.count)
        if validated {
            skeleton.forget()
        } else if !skeleton.read(event), let error = JSONWalk.check(event, .object, keys: nil) {
            throw PatternError(.invalidEvent, error.message, at: error.position)
        }
        guard let start = event.baseAddress else { return }
        for index in 0..<snapshot.parts.count {
            let part = UnsafePointer(snapshot.parts.baseAddress! + index)  // not empty
            collect(start, event.count, part, stopsEarly: validated)
            report(part, body)
        }
        withExtendedLifetime(snapshot) {}
    }

    /// Matches an event held in an array, as ``match(_:with:validated:_:)`` does.
    /// - Returns: The matching rules in ascending order.
    public mutating func matches(
        _ event: [UInt8], with snapshot: PatternSnapshot, validated: Bool = false
    ) throws(PatternError) -> [UInt32] {
        var rules: [UInt32] = []
        let failure: PatternError? = event.withUnsafeBytes { bytes in
            do throws(PatternError) {
                try match(bytes, with: snapshot, validated: validated) { rules.append($0) }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        return rules.sorted()
    }

    // MARK: One segment

    /// Reads the event: afterwards values, hits and candidates are those of this event and segment.
    mutating func collect(
        _ start: UnsafeRawPointer, _ count: Int, _ part: UnsafePointer<PatternSnapshot.Part>, stopsEarly: Bool
    ) {
        view = UnsafeRawPointer(part).assumingMemoryBound(to: SegmentView.self)
        beginEpoch()
        self.stopsEarly = stopsEarly
        openContainers = 0
        skeleton.rewind()
        begin = start.assumingMemoryBound(to: UInt8.self)
        end = begin + count
        text.reserve(count)
        work.add(count)
        let first = EventReader(end: end).skipWhitespace(begin)
        guard first < end, first.pointee == UInt8(ascii: "{") else { return }
        _ = scanObject(first + 1, node: 0, element: 0, depth: 1)
    }

    private mutating func beginEpoch() {
        if epoch == .max || valueSerial > .max - 1 << 28 {
            predicateStamps.clear()
            ruleStamps.clear()
            attemptStamps.clear()
            verifyStamps.clear()
            paths.clear()
            epoch = 0
            valueSerial = 0
        }
        epoch += 1
        predicateStamps.reserve(view.pointee.predicateRecords.count)
        verifyStamps.reserve(view.pointee.predicateRecords.count)
        ruleStamps.reserve(view.pointee.rules.count)
        attemptStamps.reserve(view.pointee.conjunctionRules.count)
        paths.reserve(view.pointee.paths.count)
        values.removeAll()
        hits.removeAll()
        candidates.removeAll()
        arrays.removeAll()
        elements.removeAll()
        elements.append(ArrayElement(array: .max, next: 0))
        text.removeAll()
    }

    private mutating func report(_ part: UnsafePointer<PatternSnapshot.Part>, _ body: (UInt32) -> Void) {
        let unfiled = view.pointee.unfiled
        if unfiled.count > 0 { candidates.append(from: UnsafePointer(unfiled.base), count: unfiled.count) }
        let removed = part.pointee.removed
        for index in 0..<candidates.count {
            let conjunction = candidates[index] & ~Filing.severalBit
            work.add()
            if candidates[index] != conjunction {
                if attemptStamps[conjunction] == epoch { continue }
                attemptStamps[conjunction] = epoch
            }
            let rule = view.pointee.conjunctionRules[conjunction]
            if ruleStamps[rule] == epoch { continue }
            if let removed, removed[Int(rule >> 6)] >> UInt64(rule & 63) & 1 == 1 { continue }
            guard holds(conjunction) else { continue }
            ruleStamps[rule] = epoch
            body(view.pointee.rules[rule])
        }
    }

    // MARK: Candidates

    /// Whether all constraints hold, and together.
    mutating func holds(_ conjunction: UInt32) -> Bool {
        let first = view.pointee.conjunctionStarts[conjunction]
        let end = view.pointee.conjunctionStarts[conjunction + 1]
        var dependsOnElements = false
        work.add(Int(end - first))
        for index in first..<end {
            let entry = view.pointee.constraintEntries[index]
            if entry & ConstraintEntry.listBit == 0 {
                if predicateStamps[entry] != epoch { return false }
            } else {
                switch outcome(ofList: entry) {
                case .holds: break
                case .fails: return false
                case .dependsOnElements: dependsOnElements = true
                }
            }
        }
        if arrays.count == 0 { return true }
        var inElements = 0
        for index in first..<end
        where paths[path(of: view.pointee.constraintEntries[index])].pointee.elementEpoch == epoch {
            inElements += 1
        }
        if inElements < 2 { return !dependsOnElements }
        return holdsWithinElements(first..<end)
    }

    @inline(__always)
    mutating func path(of entry: UInt32) -> UInt32 {
        entry & ConstraintEntry.listBit == 0
            ? view.path(ofPredicate: entry)
            : view.pointee.constraintLists[entry & ~ConstraintEntry.listBit]
    }

    enum Outcome {
        case holds, fails
        /// Absence may hold within some element of an array although the path has values in others.
        case dependsOnElements
    }

    /// Whether a list of alternatives holds for the values of its path, each taken by itself.
    mutating func outcome(ofList entry: UInt32) -> Outcome {
        var list = ConstraintListReader(view, entry)
        let state = paths[list.path].pointee
        if state.epoch != epoch { return list.flags & ConstraintEntry.existsFalse != 0 ? .holds : .fails }
        if list.flags & ConstraintEntry.existsTrue != 0 { return .holds }
        let wanted = list.take(list.count)
        work.add(wanted.count)
        for predicate in wanted where predicateStamps[predicate] == epoch { return .holds }
        for _ in 0..<list.next() {
            let excluded = list.take(list.next())
            var value = state.first
            while value != EventValue.none {
                if !isHit(value, byAnyOf: excluded) { return .holds }
                value = values[Int(value)].next
            }
        }
        let mayBeAbsent = list.flags & ConstraintEntry.existsFalse != 0 && state.elementEpoch == epoch
        return mayBeAbsent ? .dependsOnElements : .fails
    }

    /// Whether a value was hit by one of some predicates, given in ascending order.
    @inline(__always)
    mutating func isHit(_ value: UInt32, byAnyOf predicates: UnsafeBufferPointer<UInt32>) -> Bool {
        let value = values[Int(value)]
        work.add(1 + Int(value.endHit - value.firstHit))
        for index in Int(value.firstHit)..<Int(value.endHit) where Self.contains(predicates, hits[index]) {
            return true
        }
        return false
    }

    @inline(__always)
    private static func contains(_ sorted: UnsafeBufferPointer<UInt32>, _ wanted: UInt32) -> Bool {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) >> 1
            if sorted[middle] == wanted { return true }
            if sorted[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return false
    }

    /// Whether one value satisfies a constraint by itself.
    mutating func isSatisfied(_ entry: UInt32, by value: UInt32) -> Bool {
        if entry & ConstraintEntry.listBit == 0 {
            let record = view.pointee.predicateRecords[entry]
            if view.recordTag(record) & 15 == RecordKind.present.rawValue { return true }
            let hit = values[Int(value)]
            work.add(1 + Int(hit.endHit - hit.firstHit))
            for index in Int(hit.firstHit)..<Int(hit.endHit) where hits[index] == entry { return true }
            return false
        }
        var list = ConstraintListReader(view, entry)
        if list.flags & ConstraintEntry.existsTrue != 0 { return true }
        if isHit(value, byAnyOf: list.take(list.count)) { return true }
        for _ in 0..<list.next() where !isHit(value, byAnyOf: list.take(list.next())) { return true }
        return false
    }
}
