internal import API

/// One output of a step on its way to the server: numbered by bytes, cut on the borders of characters.
struct StreamedOutput {
    /// A piece to be sent.
    struct Piece: Sendable, Hashable {
        var output: NodeOutput
        var bytes: [UInt8]

        /// Takes a beginning of at most so many bytes off the piece, on a character's border if one is near.
        mutating func cut(bytesMax: Int) -> Piece {
            var end = min(bytesMax, bytes.count)
            if end < bytes.count {
                let border = StreamedOutput.completeCount(bytes[..<end])
                if border > 0 { end = border }
            }
            let first = Piece(output: output, bytes: Array(bytes[..<end]))
            bytes.removeFirst(end)
            output.offset += end
            return first
        }
    }

    private var next: NodeOutput
    /// The beginning of a character whose end has not been read yet.
    private var rest: [UInt8] = []

    init(_ first: NodeOutput) { next = first }

    /// What can be sent now that `bytes` have been read; nil for nothing.
    mutating func take(_ bytes: [UInt8]) -> Piece? {
        rest += bytes
        return send(StreamedOutput.completeCount(rest[...]))
    }

    /// What is left when the output has ended.
    mutating func takeRest() -> Piece? { send(rest.count) }

    private mutating func send(_ count: Int) -> Piece? {
        guard count > 0 else { return nil }
        let piece = Piece(output: next, bytes: Array(rest[..<count]))
        next.offset += count
        rest.removeFirst(count)
        return piece
    }

    /// Bytes up to a UTF-8 sequence that is cut off at the end, if one is.
    static func completeCount(_ bytes: ArraySlice<UInt8>) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.endIndex - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? bytes.count - back : bytes.count
        }
        return bytes.count
    }
}
