/// Why the gateway cannot serve.
public struct GatewayError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The address is not of the form `http://HOST:PORT`, or HOST is no numeric address.
        case invalidAddress
        /// Other machines could reach the address without a password of any kind, or read what is sent.
        case securityRequired
        case addressInUse
        /// Certificate and key cannot be used.
        case tls
        case server
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
