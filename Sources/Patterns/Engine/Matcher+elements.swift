/// Array consistency: the fields of one conjunction may only be satisfied by the same element of every array they
/// share, and absence (`exists: false`) is judged in the elements that the fields before it, in order of path, chose.
///
/// The elements of an event form a tree, and what must be chosen is one element of each array on the way, so a single
/// pass from the innermost arrays outwards decides: an array passes on what its elements can satisfy if one of them
/// alone satisfies everything that the array must. Linear in the elements and values of the event for each candidate;
/// a search over combinations of values is exponential.
///
/// An object that repeats a key and holds an array of objects under both is taken as if either array had to satisfy
/// by itself whatever both could.
/// - Source: event-pattern specification, section 10.
extension Matcher {
    /// For every element two sets of constraints, by position in the conjunction: those satisfied in it, and those for
    /// which it has values that do not satisfy them but absence would.
    private struct SetLayout {
        let words: Int
        @inline(__always) func satisfied(_ element: UInt32) -> Int { Int(element) * 2 * words }
        @inline(__always) func spoiled(_ element: UInt32) -> Int { (Int(element) * 2 + 1) * words }
    }

    mutating func holdsWithinElements(_ entries: Range<UInt32>) -> Bool {
        let count = entries.count
        let layout = SetLayout(words: (count + 63) / 64)
        elementSets.assign(0, count: (elements.count + 2) * 2 * layout.words)
        work.add(elementSets.count + arrays.count)
        for (position, index) in entries.enumerated() {
            placeValues(view.pointee.constraintEntries[index], position, layout)
        }
        for array in (0..<arrays.count).reversed() { settle(array, entries, layout) }
        for (position, index) in entries.enumerated() {
            let isSatisfied = contains(layout.satisfied(0), position)
            let mayBeAbsent = isMetByAbsence(view.pointee.constraintEntries[index])
            if !isSatisfied && !(mayBeAbsent && !contains(layout.spoiled(0), position)) { return false }
        }
        return true
    }

    private mutating func isMetByAbsence(_ entry: UInt32) -> Bool {
        guard entry & ConstraintEntry.listBit != 0 else { return false }
        return ConstraintListReader(view, entry).flags & ConstraintEntry.existsFalse != 0
    }

    private mutating func placeValues(_ entry: UInt32, _ position: Int, _ layout: SetLayout) {
        let state = paths[path(of: entry)].pointee
        guard state.epoch == epoch else { return }
        let mayBeAbsent = isMetByAbsence(entry)
        var value = state.first
        while value != EventValue.none {
            let element = values[Int(value)].element
            if isSatisfied(entry, by: value) {
                insert(layout.satisfied(element), position)
            } else if mayBeAbsent {
                insert(layout.spoiled(element), position)
            }
            value = values[Int(value)].next
        }
    }

    @inline(__always)
    private mutating func contains(_ set: Int, _ position: Int) -> Bool {
        elementSets[set + position >> 6] >> UInt64(position & 63) & 1 == 1
    }

    @inline(__always)
    private mutating func insert(_ set: Int, _ position: Int) {
        elementSets[set + position >> 6] |= 1 << UInt64(position & 63)
    }

    /// What an array must satisfy in one element, from what any of its elements could, for one word of positions.
    private struct Demand {
        /// To be satisfied.
        var needed: UInt64 = 0
        /// To be absent.
        var absent: UInt64 = 0
        /// To be satisfied or absent.
        var either: UInt64 = 0
        /// Spoiled whatever element is chosen, since no earlier field chooses one.
        var spoiled: UInt64 = 0
    }

    private mutating func settle(_ array: Int, _ entries: Range<UInt32>, _ layout: SetLayout) {
        let parent = arrays[array].parent
        var hasChosen = false
        // The demand's words are kept behind the sets of the last element, where room was made for them.
        var survives = UInt32(0)
        for word in 0..<layout.words {
            let demand = demand(of: array, word, entries, layout, &hasChosen)
            store(demand, word, layout)
        }
        var element = arrays[array].first
        while true {
            work.add(layout.words)
            if meets(element, layout) { survives = element }
            if survives != 0 || elements[Int(element)].next == 0 { break }
            element = elements[Int(element)].next
        }
        for word in 0..<layout.words {
            let demand = load(word, layout)
            elementSets[layout.spoiled(parent) + word] |= demand.spoiled
            if survives != 0 {
                elementSets[layout.satisfied(parent) + word] |= demand.needed
            } else {
                elementSets[layout.spoiled(parent) + word] |= demand.needed | demand.absent | demand.either
            }
        }
    }

    private mutating func demand(
        of array: Int, _ word: Int, _ entries: Range<UInt32>, _ layout: SetLayout, _ hasChosen: inout Bool
    ) -> Demand {
        var satisfiable: UInt64 = 0
        var spoilable: UInt64 = 0
        var element = arrays[array].first
        while true {
            work.add()
            satisfiable |= elementSets[layout.satisfied(element) + word]
            spoilable |= elementSets[layout.spoiled(element) + word]
            element = elements[Int(element)].next
            if element == 0 { break }
        }
        var demand = Demand()
        var left = satisfiable | spoilable
        while left != 0 {
            let bit = left & (~left + 1)
            let index = entries.lowerBound + UInt32(word * 64 + left.trailingZeroBitCount)
            left &= left - 1
            let entry = view.pointee.constraintEntries[index]
            if !isMetByAbsence(entry) {
                demand.needed |= bit
                hasChosen = true
            } else if hasChosen {
                if satisfiable & bit != 0 { demand.either |= bit } else { demand.absent |= bit }
            } else if satisfiable & bit != 0 {
                demand.needed |= bit
                hasChosen = true
            } else {
                demand.spoiled |= bit
            }
        }
        return demand
    }

    private mutating func meets(_ element: UInt32, _ layout: SetLayout) -> Bool {
        for word in 0..<layout.words {
            let demand = load(word, layout)
            let satisfied = elementSets[layout.satisfied(element) + word]
            let spoiled = elementSets[layout.spoiled(element) + word]
            if demand.needed & ~satisfied != 0 || demand.absent & spoiled != 0 { return false }
            if demand.either & spoiled & ~satisfied != 0 { return false }
        }
        return true
    }

    private mutating func store(_ demand: Demand, _ word: Int, _ layout: SetLayout) {
        let base = elements.count * 2 * layout.words + word * 4
        elementSets[base] = demand.needed
        elementSets[base + 1] = demand.absent
        elementSets[base + 2] = demand.either
        elementSets[base + 3] = demand.spoiled
    }

    private mutating func load(_ word: Int, _ layout: SetLayout) -> Demand {
        let base = elements.count * 2 * layout.words + word * 4
        return Demand(
            needed: elementSets[base], absent: elementSets[base + 1], either: elementSets[base + 2],
            spoiled: elementSets[base + 3])
    }
}
