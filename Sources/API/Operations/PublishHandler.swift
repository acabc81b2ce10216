public import Core

/// One `events:PutEvents` request as it came in, still as bytes: the path that must be fast.
public struct PublishRequest: Sendable {
    /// UTF-8 JSON text, not yet looked at.
    public let body: [UInt8]
    public let principal: Principal
    /// Entries the request may have.
    public let entriesMax: Int
    /// Whether members that nobody knows are passed over, as at AWS, rather than refused.
    public let ignoresUnknownMembers: Bool
    /// The region of its events, in letters, digits and dashes; nil for the server's own.
    public let region: String?
    /// Answers the request; callable once, from any thread, without waiting.
    public let reply: @Sendable (_ status: Int, _ body: [UInt8]) -> Void

    public init(
        body: [UInt8], principal: Principal, entriesMax: Int = Limits.putEventsEntriesMax,
        ignoresUnknownMembers: Bool = false, region: String? = nil,
        reply: @escaping @Sendable (Int, [UInt8]) -> Void
    ) {
        self.body = body
        self.principal = principal
        self.entriesMax = entriesMax
        self.ignoresUnknownMembers = ignoresUnknownMembers
        self.region = region
        self.reply = reply
    }
}

/// Takes in events. Implemented by `Events`; called by the transports.
public protocol PublishHandler: Sendable {
    /// Takes in all requests of one receive batch, in order, and returns without waiting for the disk. Each request
    /// is answered exactly once, after its accepted events are durable.
    func publish(_ requests: [PublishRequest])
}
