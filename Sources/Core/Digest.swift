internal import CSodium

/// A 32-byte BLAKE2b hash; links of the journal's and the audit log's chains.
/// - Source: RFC 7693, as implemented by libsodium's `crypto_generichash`.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// - Parameter bytes: Exactly 32.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "a digest has 32 bytes")
        self.bytes = bytes
    }

    /// The beginning of every chain.
    public static let zero = Digest(bytes: [UInt8](repeating: 0, count: 32))

    /// The next link of a chain: BLAKE2b-256 of `body`, keyed with the link before it.
    public init(after previous: Digest, of body: [UInt8]) {
        self = body.withUnsafeBytes { Digest(after: previous, of: $0) }
    }

    public init(after previous: Digest, of body: UnsafeRawBufferPointer) {
        usesFastestCode()
        bytes = [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            crypto_generichash(
                output.baseAddress!, 32,
                body.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(body.count),
                previous.bytes, 32)
            count = 32
        }
    }

    /// Writes the digest of `body`, without a key, into place: for many records, without an allocation each.
    /// - Parameter output: Room for 32 bytes, apart from `body`.
    public static func write(of body: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer) {
        usesFastestCode()
        crypto_generichash(
            output.assumingMemoryBound(to: UInt8.self), 32,
            body.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(body.count), nil, 0)
    }

    /// 64 lower-case hexadecimal digits.
    public var description: String { bytes.hexadecimal }
}

/// libsodium picks the code for this machine's processor when it is initialised, and portable code until then.
private let isInitialised = sodium_init() >= 0

private func usesFastestCode() { precondition(isInitialised, "libsodium cannot be initialised") }

/// SHA-256 as lower-case hexadecimal digits: the form of a document's `Hash`.
public func sha256(_ bytes: [UInt8]) -> String {
    var output = [UInt8](repeating: 0, count: 32)
    crypto_hash_sha256(&output, bytes, UInt64(bytes.count))
    return output.hexadecimal
}

/// SHA-256 of bytes that come piece by piece.
public struct SHA256: Sendable {
    private var state = crypto_hash_sha256_state()

    public init() { crypto_hash_sha256_init(&state) }

    public mutating func update(_ bytes: [UInt8]) { crypto_hash_sha256_update(&state, bytes, UInt64(bytes.count)) }

    /// The hash of all that came so far, as lower-case hexadecimal digits.
    public func hexadecimal() -> String {
        var state = state
        var output = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256_final(&state, &output)
        return output.hexadecimal
    }
}

extension Sequence where Element == UInt8 {
    /// Two lower-case digits a byte.
    public var hexadecimal: String {
        var output: [UInt8] = []
        for byte in self {
            output.append(hexadecimalDigits[Int(byte >> 4)])
            output.append(hexadecimalDigits[Int(byte & 15)])
        }
        return String(decoding: output, as: UTF8.self)
    }
}
