internal import CShims

/// A wildcard operand cut at its stars into the pieces of plain text between them.
///
/// With no metacharacter but `*`, taking the first occurrence of each piece in turn is exact, so matching is linear
/// in the value and never goes back.
struct Wildcard: Hashable, Sendable {
    /// One more piece than there are stars; the first must begin the value and the last must end it.
    let pieces: [[UInt8]]

    var starCount: Int { pieces.count - 1 }

    enum SyntaxError: Error {
        /// Positions count UTF-8 bytes with a leading quote, so the first character has position 1.
        case consecutiveStars(position: Int)
        case invalidEscape(position: Int)
    }

    init(_ text: String) throws(SyntaxError) {
        var pieces: [[UInt8]] = [[]]
        var piece: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        var followsStar = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "*") {
                if followsStar { throw .consecutiveStars(position: index) }
                pieces[pieces.count - 1] = piece
                pieces.append([])
                piece = []
                followsStar = true
                index += 1
                continue
            }
            followsStar = false
            if byte == UInt8(ascii: "\\") {
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0
                guard next == UInt8(ascii: "*") || next == byte else { throw .invalidEscape(position: index + 1) }
                piece.append(next)
                index += 2
            } else {
                piece.append(byte)
                index += 1
            }
        }
        pieces[pieces.count - 1] = piece
        self.pieces = pieces
    }

    /// The pieces as a segment keeps them: for each its length in four bytes, then its bytes.
    var program: [UInt8] {
        var program: [UInt8] = []
        for piece in pieces {
            withUnsafeBytes(of: UInt32(piece.count).littleEndian) { program.append(contentsOf: $0) }
            program.append(contentsOf: piece)
        }
        return program
    }

    init(program: UnsafeRawBufferPointer) {
        var pieces: [[UInt8]] = []
        var offset = 0
        while offset < program.count {
            let length = Int(UInt32(littleEndian: program.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            pieces.append(Array(program[(offset + 4)..<(offset + 4 + length)]))
            offset += 4 + length
        }
        self.pieces = pieces
    }

    /// Whether the whole value matches.
    static func matches(_ value: UnsafeRawPointer, _ count: Int, _ program: UnsafeRawPointer, _ size: Int) -> Bool {
        var offset = 0
        var position = 0
        while true {
            let length = Int(UInt32(littleEndian: (program + offset).loadUnaligned(as: UInt32.self)))
            let piece = program + (offset + 4)
            let isFirst = offset == 0
            offset += 4 + length
            let isLast = offset == size
            if isFirst {
                guard length <= count, bytesAreEqual(value, piece, length) else { return false }
                if isLast { return length == count }
                position = length
            } else if isLast {
                return count - position >= length && bytesAreEqual(value + (count - length), piece, length)
            } else {
                guard let found = ops_find(value + position, count - position, piece, length) else { return false }
                position = found - value + length
            }
        }
    }
}

/// The cost of wildcards as the service measures it.
///
/// For a machine made of one field's wildcards it is the largest number of prefixes of these wildcards that one input
/// can match at once. An input that has passed every star keeps them all live; beyond that it can end in the beginnings
/// of the pieces that follow a star, and all beginnings that one input ends in are suffixes of the longest of them. So
/// it is the number of stars plus the longest-weighted chain of suffix links in the trie of those pieces (Aho and
/// Corasick), found in linear time.
/// - Source: event-pattern specification, section 8, whose measured values the tests repeat.
enum WildcardComplexity {
    /// More than this the service refuses.
    static let limit = 10

    static func measure(_ wildcards: [Wildcard]) -> Int {
        // Wildcards that begin with text are live together only where one's first piece begins with the other's.
        let anchors = Set(wildcards.map { $0.pieces[0] })
        var most = 0
        for anchor in anchors {
            let together = wildcards.filter { $0.starCount > 0 && anchor.starts(with: $0.pieces[0]) }
            most = max(most, measureTogether(together))
            if most > limit { break }
        }
        return most
    }

    private struct TrieNode {
        var children: [UInt8: Int] = [:]
        var pieces = 0
        var suffix = 0
        var chain = 0
    }

    private static func measureTogether(_ wildcards: [Wildcard]) -> Int {
        let stars = wildcards.reduce(0) { $0 + $1.starCount }
        var trie = [TrieNode()]
        var breadthFirst: [Int] = []
        for piece in wildcards.flatMap({ $0.pieces.dropFirst() }) {
            var node = 0
            for byte in piece {
                if let child = trie[node].children[byte] {
                    node = child
                } else {
                    trie[node].children[byte] = trie.count
                    node = trie.count
                    trie.append(TrieNode())
                }
                trie[node].pieces += 1
            }
        }
        var longest = 0
        breadthFirst.append(0)
        var next = 0
        while next < breadthFirst.count {
            let node = breadthFirst[next]
            next += 1
            for (byte, child) in trie[node].children {
                var link = trie[node].suffix
                while link != 0, trie[link].children[byte] == nil { link = trie[link].suffix }
                let suffix = trie[link].children[byte] ?? 0
                trie[child].suffix = suffix == child ? 0 : suffix
                trie[child].chain = trie[child].pieces + trie[trie[child].suffix].chain
                longest = max(longest, trie[child].chain)
                breadthFirst.append(child)
            }
        }
        return stars + longest
    }
}
