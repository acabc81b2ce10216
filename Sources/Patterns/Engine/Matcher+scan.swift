internal import CShims
internal import Core

/// Reading an event: a walk along the paths that rules mention, skipping all else.
///
/// Functions take the position and answer the one after what they read; nil ends the walk, because the event is done
/// or not JSON. They never read beyond `end`, whatever the bytes are.
extension Matcher {
    typealias Bytes = UnsafePointer<UInt8>

    /// Reads members up to the closing brace.
    mutating func scanObject(_ start: Bytes, node: UInt32, element: UInt32, depth: Int) -> Bytes? {
        let reader = EventReader(end: end)
        let trie = view.pointee.nodes[node]
        var missing = trie.childCount
        if missing == 0 { return stopsEarly && openContainers == 0 ? nil : skip(start - 1) }
        openContainers += 1
        skeleton.enter()
        var position = reader.skipWhitespace(start)
        if position < end, position.pointee == UInt8(ascii: "}") {
            openContainers -= 1
            return position + 1
        }
        while true {
            guard position < end, position.pointee == UInt8(ascii: "\"") else { return nil }
            let key = position + 1
            guard let (close, hasEscapes) = reader.stringEnd(key) else { return nil }
            position = reader.skipWhitespace(close + 1)
            guard position < end, position.pointee == UInt8(ascii: ":") else { return nil }
            position = reader.skipWhitespace(position + 1)
            guard position < end else { return nil }

            // Most keys of events that may be left early are dismissed by their mark.
            let mayLead = trie.childMarks & TrieNode.mark(key, close - key) != 0 || hasEscapes || !stopsEarly
            let child = mayLead ? child(of: node, trie, key, close - key, hasEscapes) : KeyEntry.none
            if child == KeyEntry.none {
                guard let next = skip(position) else { return nil }
                position = next
            } else {
                missing = missing &- 1
                let isComplete = stopsEarly && missing == 0
                if isComplete { openContainers -= 1 }
                guard let next = scanValue(position, node: child, element: element, depth: depth) else { return nil }
                if isComplete { return openContainers == 0 ? nil : reader.skipRestOfObject(next) }
                position = next
            }

            position = reader.skipWhitespace(position)
            guard position < end else { return nil }
            if position.pointee == UInt8(ascii: "}") {
                openContainers -= 1
                return position + 1
            }
            guard position.pointee == UInt8(ascii: ",") else { return nil }
            position = reader.skipWhitespace(position + 1)
        }
    }

    /// Reads elements up to the closing bracket; each stands at the path of the array itself.
    mutating func scanArray(_ start: Bytes, node: UInt32, element: UInt32, depth: Int) -> Bytes? {
        let reader = EventReader(end: end)
        let tracksElements = view.pointee.nodes[node].isJoint
        var array = UInt32.max
        openContainers += 1
        skeleton.enter()
        var position = reader.skipWhitespace(start)
        if position < end, position.pointee == UInt8(ascii: "]") {
            openContainers -= 1
            return position + 1
        }
        while position < end {
            var inner = element
            if tracksElements, position.pointee == UInt8(ascii: "{") || position.pointee == UInt8(ascii: "[") {
                inner = addElement(to: &array, in: element)
            }
            guard let next = scanValue(position, node: node, element: inner, depth: depth) else { return nil }
            position = reader.skipWhitespace(next)
            guard position < end else { return nil }
            if position.pointee == UInt8(ascii: "]") {
                openContainers -= 1
                return position + 1
            }
            guard position.pointee == UInt8(ascii: ",") else { return nil }
            position = reader.skipWhitespace(position + 1)
        }
        return nil
    }

    /// Passes over a value that no rule mentions.
    @inline(__always)
    private mutating func skip(_ start: Bytes) -> Bytes? {
        let reader = EventReader(end: end)
        // Nearly everything that is skipped is a string; the rest is not worth its room in the loop over members.
        if start.pointee == UInt8(ascii: "\"") { return reader.stringEnd(start + 1).map { $0.close + 1 } }
        if skeleton.isKnown, start.pointee | 0x20 == UInt8(ascii: "{") { return begin + skeleton.skip() }
        return reader.skipValue(start)
    }

    private mutating func addElement(to array: inout UInt32, in parent: UInt32) -> UInt32 {
        let element = UInt32(elements.count)
        if array == .max {
            array = UInt32(arrays.count)
            arrays.append(EventArray(parent: parent, first: element, last: element))
        } else {
            elements[Int(arrays[Int(array)].last)].next = element
            arrays[Int(array)].last = element
        }
        elements.append(ArrayElement(array: array, next: 0))
        return element
    }

    /// Reads a value at a node of the trie.
    @inline(__always)
    private mutating func scanValue(_ start: Bytes, node: UInt32, element: UInt32, depth: Int) -> Bytes? {
        let reader = EventReader(end: end)
        let byte = start.pointee
        if byte == UInt8(ascii: "{") {
            if depth >= Limits.jsonDepthMax { return nil }
            if view.pointee.nodes[node].childCount == 0 { return skip(start) }
            return scanObject(start + 1, node: node, element: element, depth: depth + 1)
        }
        if byte == UInt8(ascii: "[") {
            if depth >= Limits.jsonDepthMax { return nil }
            return scanArray(start + 1, node: node, element: element, depth: depth + 1)
        }
        let path = view.pointee.nodes[node].path
        if byte == UInt8(ascii: "\"") {
            guard let (close, hasEscapes) = reader.stringEnd(start + 1) else { return nil }
            if path != TrieNode.none {
                addString(start + 1, close - (start + 1), hasEscapes: hasEscapes, path: path, element: element)
            }
            return close + 1
        }
        let next = reader.scalarEnd(start)
        if next == start { return nil }
        if path != TrieNode.none { addScalar(start, next - start, path: path, element: element) }
        return next
    }

    // MARK: Keys

    /// The trie node that a key leads to, or `KeyEntry.none`. A key that holds dots goes down several levels, since
    /// paths do not tell it from nesting.
    @inline(__always)
    private mutating func child(
        of node: UInt32, _ trie: TrieNode, _ key: Bytes, _ count: Int, _ hasEscapes: Bool
    ) -> UInt32 {
        if hasEscapes { return childOfEscaped(key, count, node) }
        if trie.childMarks & TrieNode.mark(key, count) != 0 {
            let found = view.child(of: node, key, count)
            if found != KeyEntry.none { return found }
        }
        // Events that may be left early hold no such keys.
        if stopsEarly || !EventReader(end: end).hasDot(key, count) { return KeyEntry.none }
        return childOfDotted(key, count, node)
    }

    @inline(never)
    private mutating func childOfDotted(_ key: Bytes, _ count: Int, _ start: UInt32) -> UInt32 {
        var node = start
        var from = 0
        for index in 0...count where index == count || key[index] == UInt8(ascii: ".") {
            node = view.child(of: node, key + from, index - from)
            if node == KeyEntry.none { return node }
            from = index + 1
        }
        return node
    }

    @inline(never)
    private mutating func childOfEscaped(_ key: Bytes, _ count: Int, _ node: UInt32) -> UInt32 {
        let length = text.appendUnescaped(key, count)
        let unescaped = UnsafePointer(text.base + (text.count - length))
        return childOfDotted(unescaped, length, node)
    }
}
