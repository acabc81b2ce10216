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
        let trie = view.pointee.nodes[node]
        var missing = trie.childCount
        if missing == 0 { return stopsEarly && openContainers == 0 ? nil : skipContainer(start - 1) }
        openContainers += 1
        var position = skipWhitespace(start)
        if position < end, position.pointee == UInt8(ascii: "}") {
            openContainers -= 1
            return position + 1
        }
        while true {
            guard position < end, position.pointee == UInt8(ascii: "\"") else { return nil }
            let key = position + 1
            guard let (close, hasEscapes) = stringEnd(key) else { return nil }
            position = skipWhitespace(close + 1)
            guard position < end, position.pointee == UInt8(ascii: ":") else { return nil }
            position = skipWhitespace(position + 1)
            guard position < end else { return nil }

            let child = child(of: node, trie, key, close - key, hasEscapes)
            if child == KeyEntry.none {
                guard let next = skipValue(position) else { return nil }
                position = next
            } else {
                missing = missing &- 1
                let isComplete = stopsEarly && missing == 0
                if isComplete { openContainers -= 1 }
                guard let next = scanValue(position, node: child, element: element, depth: depth) else { return nil }
                if isComplete { return openContainers == 0 ? nil : skipRestOfObject(next) }
                position = next
            }

            position = skipWhitespace(position)
            guard position < end else { return nil }
            if position.pointee == UInt8(ascii: "}") {
                openContainers -= 1
                return position + 1
            }
            guard position.pointee == UInt8(ascii: ",") else { return nil }
            position = skipWhitespace(position + 1)
        }
    }

    /// Reads elements up to the closing bracket; each stands at the path of the array itself.
    mutating func scanArray(_ start: Bytes, node: UInt32, element: UInt32, depth: Int) -> Bytes? {
        // Membership only matters where several paths can lie within the same element.
        let tracksElements = view.pointee.nodes[node].childCount > 0
        var array = UInt32.max
        openContainers += 1
        var position = skipWhitespace(start)
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
            position = skipWhitespace(next)
            guard position < end else { return nil }
            if position.pointee == UInt8(ascii: "]") {
                openContainers -= 1
                return position + 1
            }
            guard position.pointee == UInt8(ascii: ",") else { return nil }
            position = skipWhitespace(position + 1)
        }
        return nil
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
        let byte = start.pointee
        if byte == UInt8(ascii: "{") {
            if depth >= Limits.jsonDepthMax { return nil }
            if view.pointee.nodes[node].childCount == 0 { return skipContainer(start) }
            return scanObject(start + 1, node: node, element: element, depth: depth + 1)
        }
        if byte == UInt8(ascii: "[") {
            if depth >= Limits.jsonDepthMax { return nil }
            return scanArray(start + 1, node: node, element: element, depth: depth + 1)
        }
        let path = view.pointee.nodes[node].path
        if byte == UInt8(ascii: "\"") {
            guard let (close, hasEscapes) = stringEnd(start + 1) else { return nil }
            if path != TrieNode.none {
                addString(start + 1, close - (start + 1), hasEscapes: hasEscapes, path: path, element: element)
            }
            return close + 1
        }
        let next = scalarEnd(start)
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
        if trie.childLengths & PathIndex.lengthBit(count) != 0 {
            let found = lookUp(key, count, node)
            if found != KeyEntry.none { return found }
        }
        return hasDot(key, count) ? childOfDotted(key, count, node) : KeyEntry.none
    }

    @inline(__always)
    private func lookUp(_ key: UnsafeRawPointer, _ count: Int, _ node: UInt32) -> UInt32 {
        let tag = RecordKind.child.tag(node)
        let hash = KeyHash.forwards(key, count, seed: view.pointee.seed, tag: tag)
        return view.pointee.find(tag, key, count, hash: hash)
    }

    @inline(__always)
    private func hasDot(_ key: Bytes, _ count: Int) -> Bool {
        var index = 0
        while index < count, key + (index + 16) <= end {
            let dots = ops_mask_byte(key + index, UInt8(ascii: "."))
            if dots != 0 { return index + dots.trailingZeroBitCount < count }
            index += 16
        }
        while index < count {
            if key[index] == UInt8(ascii: ".") { return true }
            index += 1
        }
        return false
    }

    @inline(never)
    private func childOfDotted(_ key: Bytes, _ count: Int, _ start: UInt32) -> UInt32 {
        var node = start
        var from = 0
        for index in 0...count where index == count || key[index] == UInt8(ascii: ".") {
            node = lookUp(key + from, index - from, node)
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

    // MARK: Skipping

    @inline(__always)
    func skipWhitespace(_ start: Bytes) -> Bytes {
        var position = start
        while position < end, position.pointee <= UInt8(ascii: " ") { position += 1 }
        return position
    }

    /// The closing quote of a string whose content begins at `start`, and whether a backslash stands before it.
    @inline(__always)
    func stringEnd(_ start: Bytes) -> (close: Bytes, hasEscapes: Bool)? {
        var position = start
        while position + 16 <= end {
            let special = ops_mask_quote_or_escape(position)
            if special != 0 {
                position += special.trailingZeroBitCount
                return position.pointee == UInt8(ascii: "\"") ? (position, false) : escapedStringEnd(position)
            }
            position += 16
        }
        while position < end {
            if position.pointee == UInt8(ascii: "\"") { return (position, false) }
            if position.pointee == UInt8(ascii: "\\") { return escapedStringEnd(position) }
            position += 1
        }
        return nil
    }

    @inline(never)
    private func escapedStringEnd(_ start: Bytes) -> (close: Bytes, hasEscapes: Bool)? {
        var position = start
        while position < end {
            if position.pointee == UInt8(ascii: "\"") { return (position, true) }
            position += position.pointee == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    @inline(__always)
    private func scalarEnd(_ start: Bytes) -> Bytes {
        var position = start
        // Everything that may follow a number or a word is below '+' or above 'z', but for the comma and the bracket.
        while position < end {
            let byte = position.pointee
            if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") || byte <= 0x20 {
                break
            }
            position += 1
        }
        return position
    }

    private func skipValue(_ start: Bytes) -> Bytes? {
        switch start.pointee {
        case UInt8(ascii: "\""): return stringEnd(start + 1).map { $0.close + 1 }
        case UInt8(ascii: "{"), UInt8(ascii: "["): return skipContainer(start)
        default:
            let next = scalarEnd(start)
            return next == start ? nil : next
        }
    }

    private func skipRestOfObject(_ start: Bytes) -> Bytes? {
        skipContainer(start, open: UInt8(ascii: "{"), depth: 1)
    }

    /// Passes over an object or array that begins at `start`.
    private func skipContainer(_ start: Bytes) -> Bytes? {
        skipContainer(start + 1, open: start.pointee, depth: 1)
    }

    /// Passes over what is left of `depth` nested containers of one sort, 64 bytes at a time. Brackets of the other
    /// sort are balanced in between, so they need no counting; those in strings are masked out.
    @inline(never)
    private func skipContainer(_ start: Bytes, open: UInt8, depth startDepth: Int) -> Bytes? {
        // In ASCII the closing ones follow the opening ones at a distance of two.
        let close = open + 2
        var position = start
        var depth = startDepth
        var inString: UInt64 = 0
        while position + 64 <= end {
            let block = ops_scan_block(position, open, close)
            if block.escapes != 0 { break }
            let strings = prefixParity(block.quotes) ^ inString
            var closes = block.closes & ~strings
            let opens = block.opens & ~strings
            let closeCount = closes.nonzeroBitCount
            if closeCount >= depth {
                // Maybe here: at each closing bracket, count what stands before it.
                var seen = 0
                while closes != 0 {
                    let bit = UInt64(closes.trailingZeroBitCount)
                    seen += 1
                    if depth + (opens & (1 << bit - 1)).nonzeroBitCount - seen == 0 { return position + Int(bit) + 1 }
                    closes &= closes - 1
                }
            }
            depth += opens.nonzeroBitCount - closeCount
            inString = UInt64(bitPattern: Int64(bitPattern: strings) >> 63)
            position += 64
        }
        return skipBytewise(position, open, close, depth, inString: inString != 0)
    }

    private func skipBytewise(_ start: Bytes, _ open: UInt8, _ close: UInt8, _ depth: Int, inString: Bool) -> Bytes? {
        var position = start
        var depth = depth
        if inString {
            guard let (close, _) = stringEnd(position) else { return nil }
            position = close + 1
        }
        while position < end {
            let byte = position.pointee
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard let (close, _) = stringEnd(position) else { return nil }
                position = close + 1
            } else if byte == open {
                depth += 1
            } else if byte == close {
                depth -= 1
                if depth == 0 { return position }
            }
        }
        return nil
    }

    /// Bit n: an odd number of the bits up to n are set; so, of quotes, whether byte n lies in a string.
    @inline(__always)
    private func prefixParity(_ bits: UInt64) -> UInt64 {
        var parity = bits
        parity ^= parity << 1
        parity ^= parity << 2
        parity ^= parity << 4
        parity ^= parity << 8
        parity ^= parity << 16
        parity ^= parity << 32
        return parity
    }
}

extension ScratchList<UInt8> {
    /// Appends the text that a JSON string's content stands for; an unpaired surrogate becomes U+FFFD.
    /// - Returns: Bytes appended, at most `count`.
    mutating func appendUnescaped(_ content: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let before = self.count
        var index = 0
        while index < count {
            let byte = content[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < count else {
                append(byte)
                continue
            }
            let escape = content[index]
            index += 1
            switch escape {
            case UInt8(ascii: "b"): append(8)
            case UInt8(ascii: "f"): append(12)
            case UInt8(ascii: "n"): append(10)
            case UInt8(ascii: "r"): append(13)
            case UInt8(ascii: "t"): append(9)
            case UInt8(ascii: "u"):
                let scalar = unescapedScalar(content, count, &index)
                for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { append(unit) }
            default: append(escape)
            }
        }
        return self.count - before
    }

    private func unescapedScalar(_ content: UnsafePointer<UInt8>, _ count: Int, _ index: inout Int) -> Unicode.Scalar {
        let first = hexadecimalUnit(content, count, index)
        index = Swift.min(index + 4, count)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < count, content[index] == UInt8(ascii: "\\"),
            content[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let second = hexadecimalUnit(content, count, index + 2)
        guard second & 0xFC00 == 0xDC00 else { return "\u{FFFD}" }
        index = Swift.min(index + 6, count)
        return Unicode.Scalar(0x10000 + (UInt32(first) & 0x3FF) << 10 + UInt32(second) & 0x3FF) ?? "\u{FFFD}"
    }

    private func hexadecimalUnit(_ content: UnsafePointer<UInt8>, _ count: Int, _ index: Int) -> UInt16 {
        guard index + 4 <= count else { return 0xFFFD }
        var unit: UInt16 = 0
        for offset in 0..<4 { unit = unit << 4 | UInt16(hexadecimalValue(content[index + offset]) ?? 0) }
        return unit
    }
}
