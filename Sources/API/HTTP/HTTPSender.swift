/// Sends requests to HTTP servers elsewhere. Implemented by `Gateway`; called by engines.
public protocol HTTPSender: Sendable {
    /// Sends one request and waits for its answer. Redirects are not followed.
    /// - Throws: `HTTPFailure` where there is no answer.
    func send(_ request: HTTPCall) async throws(HTTPFailure) -> HTTPAnswer
}

/// A header, a query parameter or a form field.
public struct HTTPField: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A request to an HTTP server.
public struct HTTPCall: Sendable, Hashable {
    public var method: String
    /// `http://` or `https://`, with path and query.
    public var url: String
    public var headers: [HTTPField]
    /// Nil for a request without one.
    public var body: [UInt8]?
    /// For all of it, from the look-up of the name to the end of the answer.
    public var timeout: Duration

    public init(
        method: String, url: String, headers: [HTTPField] = [], body: [UInt8]? = nil, timeout: Duration = .seconds(5)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }
}

/// What an HTTP server answers.
public struct HTTPAnswer: Sendable, Hashable {
    public var status: Int
    public var headers: [HTTPField]
    /// As far as the sender keeps it.
    public var body: [UInt8]

    public init(status: Int, headers: [HTTPField] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The last value of a header, whatever the case of its name.
    public func header(_ name: String) -> String? {
        headers.last { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why there is no answer.
public struct HTTPFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The request cannot be sent by anybody: its URL, a header.
        case invalid
        /// The server cannot be reached, or the connection broke.
        case connection
        /// The server's certificate is not trusted.
        case certificate
        case timeout
        /// The sender has as many under way as it can.
        case overloaded
        /// The sender is stopping, and has not sent the request or not waited for the answer.
        case cancelled
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
