/// What a value of the event hits: probes of the indexes of its path.
extension Matcher {
    // MARK: Values

    mutating func addString(_ start: Bytes, _ count: Int, hasEscapes: Bool, path: UInt32, element: UInt32) {
        var content = UnsafeRawPointer(start)
        var length = count
        if hasEscapes {
            // The memory was reserved for the whole event, so earlier values' text stays where it is.
            length = text.appendUnescaped(start, count)
            content = UnsafeRawPointer(text.base + (text.count - length))
        }
        let value = beginValue(content, length, .string, path: path, element: element)
        probe(content, length, path)
        (values.base + value).pointee.endHit = UInt32(truncatingIfNeeded: hits.count)
    }

    mutating func addScalar(_ start: Bytes, _ count: Int, path: UInt32, element: UInt32) {
        let index = view.pointee.paths.pointer(at: path)
        let value: Int
        switch start.pointee {
        case UInt8(ascii: "t"):
            value = beginValue(start, count, .isTrue, path: path, element: element)
            if index.pointee.literals.0 != PathIndex.none { hit(index.pointee.literals.0) }
        case UInt8(ascii: "f"):
            value = beginValue(start, count, .isFalse, path: path, element: element)
            if index.pointee.literals.1 != PathIndex.none { hit(index.pointee.literals.1) }
        case UInt8(ascii: "n"):
            value = beginValue(start, count, .isNull, path: path, element: element)
            if index.pointee.literals.2 != PathIndex.none { hit(index.pointee.literals.2) }
        default:
            value = beginValue(start, count, .number, path: path, element: element)
            probeNumber(start, count, path, element, index)
        }
        (values.base + value).pointee.endHit = UInt32(truncatingIfNeeded: hits.count)
    }

    @inline(__always)
    private mutating func beginValue(
        _ start: UnsafeRawPointer, _ count: Int, _ kind: EventValue.Kind, path: UInt32, element: UInt32
    ) -> Int {
        let number = UInt32(truncatingIfNeeded: values.count)
        let state = paths[path]
        if state.pointee.epoch == epoch {
            (values.base + Int(state.pointee.last)).pointee.next = number
            state.pointee.last = number
        } else {
            state.pointee.epoch = epoch
            state.pointee.first = number
            state.pointee.last = number
            let present = view.pointee.paths.pointer(at: path).pointee.present
            if present != PathIndex.none { hit(present) }
        }
        if element != 0 { state.pointee.elementEpoch = epoch }
        work.add(1 + count)
        let firstHit = UInt32(truncatingIfNeeded: hits.count)
        values.append(
            EventValue(
                start: start, length: UInt32(truncatingIfNeeded: count), kind: kind, element: element,
                firstHit: firstHit, endHit: firstHit, next: EventValue.none))
        return Int(number)
    }

    // MARK: Hits

    /// Notes that the current value satisfies a predicate. The first time in an event, the conjunctions filed under the
    /// predicate become candidates.
    @inline(__always)
    private mutating func hit(_ predicate: UInt32) {
        hits.append(predicate)
        work.add()
        if predicateStamps[predicate] == epoch { return }
        predicateStamps[predicate] = epoch
        let first = view.pointee.postingStarts[predicate]
        let count = Int(view.pointee.postingStarts[predicate + 1] - first)
        work.add(count)
        if count == 1 {
            candidates.append(view.pointee.postings[first])
        } else if count > 0 {
            candidates.append(from: view.pointee.postings.pointer(at: first), count: count)
        }
    }

    @inline(__always)
    private mutating func hitAll(_ payload: UInt32, _ value: UnsafeRawPointer, _ count: Int) {
        if payload == KeyEntry.none { return }
        if payload & KeyEntry.listBit == 0 {
            hit(reference: payload, value, count)
            return
        }
        let list = view.pointee.keyLists.pointer(at: payload & ~KeyEntry.listBit)
        for index in 1...Int(list[0]) { hit(reference: list[index], value, count) }
    }

    @inline(__always)
    private mutating func hit(reference: UInt32, _ value: UnsafeRawPointer, _ count: Int) {
        if reference & KeyEntry.verifyBit == 0 {
            hit(reference)
        } else {
            verify(reference & ~KeyEntry.verifyBit, value, count)
        }
    }

    /// Tries a predicate that a key only suggested, once for each value.
    @inline(never)
    private mutating func verify(_ predicate: UInt32, _ value: UnsafeRawPointer, _ count: Int) {
        if verifyStamps[predicate] == valueSerial { return }
        verifyStamps[predicate] = valueSerial
        let record = view.pointee.predicateRecords[predicate]
        let content = view.recordBytes(record)
        work.add(count + content.count)
        // A folded key was found in folded text; the value itself is what is verified.
        let isMatch: Bool
        if view.recordTag(record) & 15 == RecordKind.wildcard.rawValue {
            guard let program = content.baseAddress else { return }
            isMatch = Wildcard.matches(value, count, program, content.count)
        } else {
            let folded = FoldedText.Reader(content)
            isMatch = FoldedText.matches(
                UnsafeRawBufferPointer(start: value, count: count), folded.program, folded.place)
        }
        if isMatch { hit(predicate) }
    }

    // MARK: Strings

    private mutating func probe(_ value: UnsafeRawPointer, _ count: Int, _ path: UInt32) {
        let index = view.pointee.paths.pointer(at: path)
        let features = index.pointee.features
        if features.isEmpty { return }
        valueSerial += 1
        if features.contains(.string), index.pointee.stringLengths & PathIndex.lengthBit(count) != 0 {
            let tag = RecordKind.string.tag(path)
            let hash = KeyHash.forwards(value, count, seed: view.pointee.seed, tag: tag)
            hitAll(view.find(tag, value, count, hash: hash), value, count)
        }
        if features.contains(.prefix) {
            probePrefixes(value, count, of: value, count, index.pointee.prefixes, RecordKind.prefix.tag(path))
        }
        if features.contains(.suffix) {
            probeSuffixes(value, count, of: value, count, index.pointee.suffixes, RecordKind.suffix.tag(path))
        }
        if !features.isDisjoint(with: .anyFolded) { probeFolded(value, count, path, index) }
        if features.contains(.gram) { probeGrams(value, count, path, index.pointee.gramSizes) }
        if features.contains(.network) { probeNetworks(value, count, path, index.pointee.networks) }
    }

    /// Looks up the first bytes of `text` at every length some operand has, hashing along.
    @inline(__always)
    private mutating func probePrefixes(
        _ text: UnsafeRawPointer, _ textCount: Int, of value: UnsafeRawPointer, _ count: Int,
        _ lengths: PathIndex.Slice, _ tag: UInt32
    ) {
        let seed = view.pointee.seed
        var hash = KeyHash.start(seed: seed, tag: tag)
        var done = 0
        for index in lengths.start..<(lengths.start + lengths.count) {
            let length = Int(view.pointee.lengths[index])
            if length > textCount { return }
            work.add(length - done)
            while done + 8 <= length {
                hash = KeyHash.absorb(hash, loadWord(text + done))
                done += 8
            }
            let whole =
                done < length ? KeyHash.absorb(hash, loadPartialWord(text + done, length - done)) : hash
            let finished = KeyHash.finish(whole, length: length)
            hitAll(view.find(tag, text, length, hash: finished), value, count)
        }
    }

    /// Looks up the last bytes of `text` at every length some operand has, hashing along from the end.
    @inline(__always)
    private mutating func probeSuffixes(
        _ text: UnsafeRawPointer, _ textCount: Int, of value: UnsafeRawPointer, _ count: Int,
        _ lengths: PathIndex.Slice, _ tag: UInt32
    ) {
        let seed = view.pointee.seed
        let textEnd = text + textCount
        var hash = KeyHash.start(seed: seed, tag: tag)
        var done = 0
        for index in lengths.start..<(lengths.start + lengths.count) {
            let length = Int(view.pointee.lengths[index])
            if length > textCount { return }
            work.add(length - done)
            while done + 8 <= length {
                done += 8
                hash = KeyHash.absorb(hash, loadWord(textEnd - done))
            }
            let whole =
                done < length ? KeyHash.absorb(hash, loadPartialWord(textEnd - length, length - done)) : hash
            let finished = KeyHash.finish(whole, length: length)
            hitAll(view.find(tag, textEnd - length, length, hash: finished), value, count)
        }
    }

    private mutating func probeFolded(
        _ value: UnsafeRawPointer, _ count: Int, _ path: UInt32, _ index: UnsafePointer<PathIndex>
    ) {
        let features = index.pointee.features
        let wantsWhole = features.contains(.folded) && index.pointee.foldedLengths & PathIndex.lengthBit(count) != 0
        if !wantsWhole, features.isDisjoint(with: [.foldedPrefix, .foldedSuffix]) { return }
        folded.removeAll()
        folded.reserve(count)
        for offset in 0..<count {
            folded.append(CaseFolding.lowercased(value.load(fromByteOffset: offset, as: UInt8.self)))
        }
        let text = UnsafeRawPointer(folded.base)
        if wantsWhole {
            let tag = RecordKind.folded.tag(path)
            let hash = KeyHash.forwards(text, count, seed: view.pointee.seed, tag: tag)
            hitAll(view.find(tag, text, count, hash: hash), value, count)
        }
        if features.contains(.foldedPrefix) {
            probePrefixes(
                text, count, of: value, count, index.pointee.foldedPrefixes, RecordKind.foldedPrefix.tag(path))
        }
        if features.contains(.foldedSuffix) {
            probeSuffixes(
                text, count, of: value, count, index.pointee.foldedSuffixes, RecordKind.foldedSuffix.tag(path))
        }
    }

    /// Looks for the texts that wildcards are filed under at every position.
    private mutating func probeGrams(_ value: UnsafeRawPointer, _ count: Int, _ path: UInt32, _ sizes: UInt32) {
        let tag = RecordKind.gram.tag(path)
        let seed = view.pointee.seed
        for power in 0...3 where sizes >> UInt32(power) & 1 == 1 {
            let size = 1 << power
            if size > count { return }
            work.add(count)
            for position in 0...(count - size) {
                let word = size == 8 ? loadWord(value + position) : loadPartialWord(value + position, size)
                let absorbed = KeyHash.absorb(KeyHash.start(seed: seed, tag: tag), word)
                let hash = KeyHash.finish(absorbed, length: size)
                if view.pointee.grams.mayContain(hash) {
                    hitAll(view.find(tag, value + position, size, hash: hash), value, count)
                }
            }
        }
    }

    private mutating func probeNetworks(
        _ value: UnsafeRawPointer, _ count: Int, _ path: UInt32, _ masks: PathIndex.Slice
    ) {
        guard let address = IPAddress(UnsafeRawBufferPointer(start: value, count: count)) else { return }
        let tag = RecordKind.network.tag(path)
        for index in masks.start..<(masks.start + masks.count) {
            let mask = view.pointee.lengths[index]
            guard mask >> 8 == UInt32(address.family.rawValue) else { continue }
            let bits = Int(mask & 0xFF)
            let masked = address.masked(to: bits)
            var key = NetworkKey(address.family, bits, masked.high, masked.low)
            let payload = withUnsafeBytes(of: &key) { bytes in
                guard let start = bytes.baseAddress else { return KeyEntry.none }
                let hash = KeyHash.forwards(start, bytes.count, seed: view.pointee.seed, tag: tag)
                return view.find(tag, start, bytes.count, hash: hash)
            }
            hitAll(payload, value, count)
        }
    }

    // MARK: Numbers

    private mutating func probeNumber(
        _ value: Bytes, _ count: Int, _ path: UInt32, _ element: UInt32, _ index: UnsafePointer<PathIndex>
    ) {
        let features = index.pointee.features
        if features.isDisjoint(with: [.number, .range, .numberText]) { return }
        valueSerial += 1
        let decimal = Decimal(value, count)
        let mayEqual: Bool
        if let decimal {
            mayEqual = features.contains(.number) && decimal.mark & index.pointee.numberMarks != 0
            if !mayEqual, !features.contains(.numberText) {
                if !features.contains(.range) { return }
                if element == 0, isSettled(decimal, path) { return }
            }
        } else {
            mayEqual = false
        }
        guard let decimal, let place = NumberOrder.place(of: decimal) else {
            if features.contains(.numberText) {
                let tag = RecordKind.numberText.tag(path)
                let hash = KeyHash.forwards(value, count, seed: view.pointee.seed, tag: tag)
                hitAll(view.find(tag, value, count, hash: hash), value, count)
            }
            return
        }
        if mayEqual {
            let tag = RecordKind.number.tag(path)
            var key = place
            let payload = withUnsafeBytes(of: &key) { bytes in
                guard let start = bytes.baseAddress else { return KeyEntry.none }
                let hash = KeyHash.forwards(start, 8, seed: view.pointee.seed, tag: tag)
                return view.find(tag, start, 8, hash: hash)
            }
            hitAll(payload, value, count)
        }
        if features.contains(.range) { probeRanges(place, index.pointee.ranges, path, element) }
    }

    /// Whether an earlier value of the event lay in the same interval between the bounds of ranges. Where it does not
    /// matter which element of an array satisfies what, this one then adds nothing, and need not be read to the last
    /// digit: lists of coordinates, which lie close to each other, take half the time.
    @inline(__always)
    private func isSettled(_ value: Decimal, _ path: UInt32) -> Bool {
        let state = paths[path]
        guard state.pointee.settledEpoch == epoch, let places = NumberOrder.placesAround(value) else { return false }
        return places.lowerBound >= state.pointee.settledLow && places.upperBound < state.pointee.settledHigh
    }

    private mutating func probeRanges(
        _ place: UInt64, _ tree: RangeTables.Tree, _ path: UInt32, _ element: UInt32
    ) {
        guard tree.leafCount > 0 else { return }
        let leaf = view.pointee.ranges.leaf(of: place, in: tree)
        if element == 0 {
            let interval = view.pointee.ranges.interval(ofLeaf: leaf, in: tree)
            paths[path].pointee.settledEpoch = epoch
            paths[path].pointee.settledLow = interval.low
            paths[path].pointee.settledHigh = interval.high
        }
        guard let leaf else { return }
        var node = leaf + tree.leafCount
        while node >= 1 {
            work.add()
            let first = view.pointee.ranges.nodeStarts[tree.firstNode + node]
            let last = view.pointee.ranges.nodeStarts[tree.firstNode + node + 1]
            for item in first..<last { hit(view.pointee.ranges.items[item]) }
            node >>= 1
        }
    }
}
