/// Array consistency: the fields of one conjunction may only be satisfied by the same element of every array they
/// share, and absence (`exists: false`) is judged in the elements that the fields before it, in order of path, chose.
///
/// The elements of an event form a tree, and what must be chosen is one element of each array on the way, so a single
/// pass from the innermost arrays outwards decides: an array passes on what its elements can satisfy if one of them
/// alone satisfies everything that the array must. What a value around the array satisfies, such as a scalar that
/// stands between its elements, the array need not satisfy, but an element may. Linear in the elements and values of
/// the event for each candidate; a search over combinations of values is exponential.
///
/// An object that repeats a key and holds an array of objects under both is taken as if either array had to satisfy
/// by itself whatever both could.
/// - Source: event-pattern specification, section 10.
extension Matcher {
    /// Where the sets of constraints, by position in the conjunction, are kept: three for each element, and three of
    /// the array that is being settled.
    private struct SetLayout {
        let words: Int
        let elementCount: Int

        /// Satisfied in the element.
        @inline(__always) func satisfied(_ element: UInt32) -> Int { Int(element) * 3 * words }
        /// Met by absence, but the element has values that do not satisfy them.
        @inline(__always) func spoiled(_ element: UInt32) -> Int { (Int(element) * 3 + 1) * words }
        /// Satisfied by a value that stands in the element itself, or in those around it.
        @inline(__always) func held(_ element: UInt32) -> Int { (Int(element) * 3 + 2) * words }

        /// Met by absence.
        @inline(__always) var absentable: Int { elementCount * 3 * words }
        /// Satisfied in some element of the array; spoiled in some.
        @inline(__always) var satisfiable: Int { (elementCount * 3 + 1) * words }
        @inline(__always) var spoilable: Int { (elementCount * 3 + 2) * words }

        var count: Int { (elementCount + 1) * 3 * words }
    }

    mutating func holdsWithinElements(_ entries: Range<UInt32>) -> Bool {
        let layout = SetLayout(words: (entries.count + 63) / 64, elementCount: elements.count)
        elementSets.assign(0, count: layout.count)
        work.add(elementSets.count + arrays.count)
        for (position, index) in entries.enumerated() {
            placeValues(view.pointee.constraintEntries[index], position, layout)
        }
        passDown(layout)
        for array in (0..<arrays.count).reversed() { settle(array, layout) }
        for position in 0..<entries.count where !contains(layout.satisfied(0), position) {
            let isAbsent = !contains(layout.spoiled(0), position)
            if !(isAbsent && contains(layout.absentable, position)) { return false }
        }
        return true
    }

    private mutating func isMetByAbsence(_ entry: UInt32) -> Bool {
        guard entry & ConstraintEntry.listBit != 0 else { return false }
        return ConstraintListReader(view, entry).flags & ConstraintEntry.existsFalse != 0
    }

    private mutating func placeValues(_ entry: UInt32, _ position: Int, _ layout: SetLayout) {
        let mayBeAbsent = isMetByAbsence(entry)
        if mayBeAbsent { insert(layout.absentable, position) }
        let state = paths[path(of: entry)].pointee
        guard state.epoch == epoch else { return }
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

    /// Notes for each element what holds in it and around it. An element comes after those around it.
    private mutating func passDown(_ layout: SetLayout) {
        for element in 0..<UInt32(elements.count) {
            for word in 0..<layout.words {
                let around =
                    element == 0
                    ? 0 : elementSets[layout.held(arrays[Int(elements[Int(element)].array)].parent) + word]
                elementSets[layout.held(element) + word] =
                    elementSets[layout.satisfied(element) + word] | around
            }
        }
    }

    // MARK: One array

    /// Chooses an element of an array and notes in the one around the array what comes of it.
    private mutating func settle(_ array: Int, _ layout: SetLayout) {
        let parent = arrays[array].parent
        gather(array, layout)
        let earliest = firstPosition(in: nil, parent, layout)
        // Of the elements that will do, the one chosen by the field that comes first: it leaves the fewest absences to
        // be judged in all elements.
        var best: (element: UInt32, position: Int)?
        var element = arrays[array].first
        repeat {
            work.add(layout.words)
            let position = firstPosition(in: element, parent, layout)
            if best.map({ position < $0.position }) ?? true, meets(element, from: position, parent, layout) {
                best = (element, position)
                if position == earliest { break }
            }
            element = elements[Int(element)].next
        } while element != 0
        for word in 0..<layout.words {
            let demand = demand(word, from: best?.position ?? earliest, parent, layout)
            if let best {
                let chosen = demand.optional & elementSets[layout.satisfied(best.element) + word]
                elementSets[layout.satisfied(parent) + word] |= demand.needed | chosen
            } else {
                elementSets[layout.spoiled(parent) + word] |= demand.needed | demand.absent | demand.either
            }
            elementSets[layout.spoiled(parent) + word] |= demand.spoiled
        }
    }

    /// Unites what the elements of an array satisfy, and what they spoil.
    private mutating func gather(_ array: Int, _ layout: SetLayout) {
        for word in 0..<layout.words {
            var satisfiable: UInt64 = 0
            var spoilable: UInt64 = 0
            var element = arrays[array].first
            repeat {
                work.add()
                satisfiable |= elementSets[layout.satisfied(element) + word]
                spoilable |= elementSets[layout.spoiled(element) + word]
                element = elements[Int(element)].next
            } while element != 0
            elementSets[layout.satisfiable + word] = satisfiable
            elementSets[layout.spoilable + word] = spoilable & elementSets[layout.absentable + word]
        }
    }

    /// The position of the first field that chooses an element of the array: one that needs the array to be satisfied,
    /// or one that the element satisfies. That after the last position if there is none.
    /// - Parameter element: nil for an element that would satisfy all that any element does.
    private mutating func firstPosition(in element: UInt32?, _ parent: UInt32, _ layout: SetLayout) -> Int {
        for word in 0..<layout.words {
            var bits = elementSets[layout.satisfiable + word]
            if let element {
                bits &= ~elementSets[layout.held(parent) + word] | elementSets[layout.satisfied(element) + word]
            }
            if bits != 0 { return word * 64 + bits.trailingZeroBitCount }
        }
        return layout.words * 64
    }

    /// What an array demands of the element it is to be satisfied in, for one word of positions.
    private struct Demand {
        /// To be satisfied.
        var needed: UInt64
        /// To be absent.
        var absent: UInt64
        /// To be satisfied or absent.
        var either: UInt64
        /// May be satisfied; a value around the array does that already.
        var optional: UInt64
        /// Spoiled whatever element is chosen, since no earlier field chooses one.
        var spoiled: UInt64
    }

    /// - Parameter first: Position of the first field that chooses the element.
    @inline(__always)
    private mutating func demand(_ word: Int, from first: Int, _ parent: UInt32, _ layout: SetLayout) -> Demand {
        let held = elementSets[layout.held(parent) + word]
        let absentable = elementSets[layout.absentable + word]
        let satisfiable = elementSets[layout.satisfiable + word]
        let unsatisfied = elementSets[layout.spoilable + word] & ~satisfiable & ~held
        // Shifts by 64 and more give 0.
        let later = first < word * 64 ? UInt64.max : (UInt64.max << 1) << (first - word * 64)
        let wanted = satisfiable & ~held
        return Demand(
            needed: wanted & ~(absentable & later), absent: unsatisfied & later, either: wanted & absentable & later,
            optional: satisfiable & held, spoiled: unsatisfied & ~later)
    }

    private mutating func meets(
        _ element: UInt32, from first: Int, _ parent: UInt32, _ layout: SetLayout
    ) -> Bool {
        for word in 0..<layout.words {
            let demand = demand(word, from: first, parent, layout)
            let satisfied = elementSets[layout.satisfied(element) + word]
            let spoiled = elementSets[layout.spoiled(element) + word]
            if demand.needed & ~satisfied != 0 || demand.absent & spoiled != 0 { return false }
            if demand.either & spoiled & ~satisfied != 0 { return false }
        }
        return true
    }
}
