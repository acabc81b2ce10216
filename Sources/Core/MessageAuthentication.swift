internal import CSodium

/// HMAC-SHA256 of a message.
/// - Parameter key: Of any length.
/// - Returns: 32 bytes.
/// - Source: RFC 2104, as implemented by libsodium.
public func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    var state = crypto_auth_hmacsha256_state()
    crypto_auth_hmacsha256_init(&state, key, key.count)
    crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
    var output = [UInt8](repeating: 0, count: 32)
    crypto_auth_hmacsha256_final(&state, &output)
    return output
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ. Their lengths are no secret.
public func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && sodium_memcmp(left, right, left.count) == 0
}
