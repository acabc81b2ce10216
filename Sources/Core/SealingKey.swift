internal import CSodium

/// A key under which secrets are kept: what is sealed with it cannot be read or changed without it.
/// - Source: XSalsa20 and Poly1305, libsodium's `crypto_secretbox`.
public struct SealingKey: Sendable {
    /// Bytes of a key.
    public static let byteCount = 32
    private static let nonceBytes = 24
    private static let tagBytes = 16

    private let bytes: [UInt8]

    /// - Parameter bytes: Exactly 32, random and secret.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == SealingKey.byteCount, "a sealing key has 32 bytes")
        self.bytes = bytes
    }

    /// - Parameter generator: Of cryptographic quality; it gives the nonce, which must not repeat.
    /// - Returns: 40 bytes more than the secret.
    public func seal(_ secret: [UInt8], using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var nonce: [UInt8] = []
        for _ in 0..<SealingKey.nonceBytes / 8 {
            withUnsafeBytes(of: generator.next()) { nonce.append(contentsOf: $0) }
        }
        var box = [UInt8](repeating: 0, count: secret.count + SealingKey.tagBytes)
        crypto_secretbox_easy(&box, secret, UInt64(secret.count), nonce, bytes)
        return nonce + box
    }

    /// The secret; nil where the bytes were sealed with another key, or changed since.
    public func open(_ sealed: [UInt8]) -> [UInt8]? {
        guard sealed.count >= SealingKey.nonceBytes + SealingKey.tagBytes else { return nil }
        let box = Array(sealed[SealingKey.nonceBytes...])
        var secret = [UInt8](repeating: 0, count: box.count - SealingKey.tagBytes)
        let nonce = Array(sealed[..<SealingKey.nonceBytes])
        return crypto_secretbox_open_easy(&secret, box, UInt64(box.count), nonce, bytes) == 0 ? secret : nil
    }
}
