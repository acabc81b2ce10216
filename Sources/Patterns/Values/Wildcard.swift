internal import CShims

/// A wildcard operand cut at its stars into the pieces of plain text between them.
///
/// With no metacharacter but `*`, taking the first occurrence of each piece in turn is exact, so matching goes over the
/// value once and never back. (The C library's `memmem`, which finds a piece, is linear for pieces of more than 256
/// bytes, and for shorter ones looks at no byte more often than the piece is long.)
struct Wildcard: Hashable, Sendable {
    /// One more piece than there are stars; the first must begin the value and the last must end it.
    let pieces: [[UInt8]]

    var starCount: Int { pieces.count - 1 }

    /// Bytes between the stars, and the stars.
    var textCount: Int { pieces.reduce(starCount) { $0 + $1.count } }

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
