public import Core

/// Takes in `events:PutEvents`, past the operation table: bodies are handed over as they came, many at a time.
public protocol PublishHandler: Sendable {
    /// Takes every PutEvents request of one receive batch, 1 to 512. Each must be answered once, at any time, from any
    /// thread; those not yet answered count as in flight.
    ///
    /// Called on the thread of the requests socket: must not wait. The bodies are as the client sent them: whether they
    /// are JSON, whether the principal may publish, and the audit record are this handler's affair.
    func publish(_ requests: [PublishRequest])
}

/// One `events:PutEvents` request.
public struct PublishRequest: Sendable {
    public let body: RequestBody
    public let principal: Principal
    let token: RequestToken
    let replies: ReplyQueue

    /// Answers this request. Cheap and never waits; where many are answered together, ``reply(to:)`` is cheaper still.
    /// - Parameters:
    ///   - status: 200, or the HTTP status of the error.
    ///   - body: A JSON object: the operation's output, or an error with `__type` and `message`.
    public func reply(status: Int, body: [UInt8]) {
        replies.append(CollectionOfOne(Reply(token: token, status: status, body: body)))
    }

    /// Answers many requests with one wake-up of the socket's thread, as after a commit of the journal.
    public static func reply(to answers: [PublishReply]) {
        var start = answers.startIndex
        while start < answers.endIndex {
            let queue = answers[start].request.replies
            let end = answers[start...].firstIndex { $0.request.replies !== queue } ?? answers.endIndex
            queue.append(
                answers[start..<end].lazy.map { Reply(token: $0.request.token, status: $0.status, body: $0.body) })
            start = end
        }
    }
}

/// The answer to one request.
public struct PublishReply: Sendable {
    public let request: PublishRequest
    /// 200, or the HTTP status of the error.
    public let status: Int
    /// A JSON object: the operation's output, or an error with `__type` and `message`.
    public let body: [UInt8]

    public init(to request: PublishRequest, status: Int, body: [UInt8]) {
        self.request = request
        self.status = status
        self.body = body
    }
}

/// A request's body, as received and not copied.
///
/// `@unchecked`: nothing changes it after it was received.
public final class RequestBody: @unchecked Sendable {
    private let frame: Frame

    init(_ frame: consuming Frame) { self.frame = frame }

    public var count: Int { frame.bytes.count }

    /// Lends the bytes for the time of the call.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(frame.bytes)
    }

    /// A copy.
    public var bytes: [UInt8] { Array(frame.bytes) }
}
