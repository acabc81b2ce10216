extension Predicate {
    /// Appends the predicate's record.
    func encode(into output: inout [UInt8]) -> RecordKind {
        switch self {
        case .string(let bytes): return append(bytes, .string, &output)
        case .numberText(let bytes): return append(bytes, .numberText, &output)
        case .prefix(let bytes): return append(bytes, .prefix, &output)
        case .suffix(let bytes): return append(bytes, .suffix, &output)
        case .folded(let bytes): return append(bytes, .folded, &output)
        case .foldedPrefix(let bytes): return append(bytes, .foldedPrefix, &output)
        case .foldedSuffix(let bytes): return append(bytes, .foldedSuffix, &output)
        case .wildcard(let wildcard): return append(wildcard.program, .wildcard, &output)
        case .number(let place):
            withUnsafeBytes(of: place) { output.append(contentsOf: $0) }
            return .number
        case .literal(let literal): return append([literal.rawValue], .literal, &output)
        case .range(let low, let high):
            withUnsafeBytes(of: (low, high)) { output.append(contentsOf: $0) }
            return .range
        case .network(let network):
            let key = NetworkKey(network.family, network.bits, network.high, network.low)
            key.withBytes { output.append(contentsOf: $0) }
            return .network
        case .foldedText(let folded): return append(folded.record, .foldedText, &output)
        }
    }

    private func append(_ bytes: [UInt8], _ kind: RecordKind, _ output: inout [UInt8]) -> RecordKind {
        output.append(contentsOf: bytes)
        return kind
    }
}

/// A network as a key: family and mask bits, then the address.
struct NetworkKey {
    private var words: (UInt64, UInt64, UInt64)

    static let byteCount = 24

    @inline(__always)
    init(_ family: IPNetwork.Family, _ bits: Int, _ high: UInt64, _ low: UInt64) {
        words = (UInt64(family.rawValue) << 8 | UInt64(bits), high, low)
    }

    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body($0) }
    }

    /// Family x 256 + mask bits of a stored key.
    static func mask(of record: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(record.loadUnaligned(as: UInt64.self))
    }
}
