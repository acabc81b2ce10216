/// Why a request is not taken for its signer's.
public struct SignatureError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// The request is not signed.
        case missing
        /// The signature's own form is broken or incomplete.
        case malformed
        /// There is no such access key, or its session token is another.
        case unknownKey
        /// A temporary credential is past its time.
        case expiredToken
        /// The request was signed too long ago, or in the future.
        case expired
        /// The signature belongs to another request or another secret.
        case mismatch
    }

    public let code: Code
    /// In the service's words.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
