internal import CZeroMQ

/// A failure of the bus itself: of a socket, an endpoint or a key. What an operation answers is a `ServiceError`.
public struct BusError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// Another process listens at the endpoint.
        case addressInUse
        /// The endpoint is not of a form that can be bound or connected to.
        case invalidEndpoint
        /// The endpoint can be reached from other machines, and no CURVE keys are configured.
        case securityRequired
        /// A key is not 40 characters of Z85, or its file cannot be read or written.
        case invalidKey
        /// A call of libzmq failed.
        case socket
        /// The connection broke before the answer came: whether the operation was carried out is unknown.
        case connectionLost
        /// The server does not accept this client's key, or is encrypted and the client is not, or the other way round.
        case keyRefused
        /// No answer came in time.
        case timedOut
        /// The client or server was stopped.
        case closed
        /// More calls wait than the client keeps.
        case overloaded
        /// The other side broke the protocol.
        case malformedReply
    }

    public let code: Code
    public let message: String
    /// Empty where no endpoint is concerned.
    public let endpoint: String
    /// 0 where no system call is to blame.
    public let errno: Int32

    public init(_ code: Code, _ message: String, endpoint: String = "", errno: Int32 = 0) {
        self.code = code
        self.message = message
        self.endpoint = endpoint
        self.errno = errno
    }

    public var description: String {
        let place = endpoint.isEmpty ? "" : "\(endpoint): "
        let cause = errno == 0 ? "" : " (\(String(cString: zmq_strerror(errno))), errno \(errno))"
        return "\(place)\(message)\(cause)"
    }

    /// The error that the last call of libzmq on this thread left behind.
    static func last(_ action: String, endpoint: String = "", code: Code = .socket) -> BusError {
        BusError(code, "cannot \(action)", endpoint: endpoint, errno: zmq_errno())
    }
}
