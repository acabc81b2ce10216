internal import API
internal import Core

/// One output of a step on its way to the server: numbered by bytes, cut on the borders of characters.
struct StreamedOutput {
    /// A piece to be sent.
    struct Piece: Sendable, Hashable {
        var output: NodeOutput
        var bytes: [UInt8]
    }

    private var next: NodeOutput
    /// The beginning of a character whose end has not been read yet.
    private var rest: [UInt8] = []

    init(_ first: NodeOutput) { next = first }

    /// What can be sent now that `bytes` have been read; nil for nothing.
    mutating func take(_ bytes: [UInt8]) -> Piece? {
        rest += bytes
        return send(rest[...].completeUTF8Count)
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
}
