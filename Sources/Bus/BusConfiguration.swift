internal import Core

/// Where the bus listens, and whether it proves and demands identity.
public struct BusConfiguration: Sendable, Hashable {
    public static let defaultRequestsEndpoint = "tcp://127.0.0.1:7401"
    public static let defaultStreamEndpoint = "tcp://127.0.0.1:7402"
    public static let defaultNodesEndpoint = "tcp://127.0.0.1:7403"

    public var requestsEndpoint: String
    public var streamEndpoint: String
    public var nodesEndpoint: String
    /// The server's key pair: CURVE on all three sockets. Nil: only programs of this machine are served, as the
    /// principal `local`.
    public var keys: CurveKeyPair?
    /// Messages that wait for one subscriber; past it they are dropped for that subscriber, who sees the gap.
    public var streamMessagesQueuedMax = Limits.streamMessagesQueuedMax
    /// Bytes that wait for all subscribers together, see `Limits.streamBytesQueuedMax`.
    public var streamBytesQueuedMax = Limits.streamBytesQueuedMax

    public init(
        requestsEndpoint: String = BusConfiguration.defaultRequestsEndpoint,
        streamEndpoint: String = BusConfiguration.defaultStreamEndpoint,
        nodesEndpoint: String = BusConfiguration.defaultNodesEndpoint,
        keys: CurveKeyPair? = nil
    ) {
        self.requestsEndpoint = requestsEndpoint
        self.streamEndpoint = streamEndpoint
        self.nodesEndpoint = nodesEndpoint
        self.keys = keys
    }

    /// - Throws: `BusError` `.invalidEndpoint`, and `.securityRequired` for an endpoint that other machines can reach
    ///   while there are no keys.
    func validate() throws(BusError) {
        let endpoints = [requestsEndpoint, streamEndpoint, nodesEndpoint]
        for endpoint in endpoints { try Endpoint.check(endpoint) }
        guard keys == nil else { return }
        for endpoint in endpoints where !Endpoint.isLocal(endpoint) {
            throw BusError(
                .securityRequired,
                "other machines can reach this endpoint; configure a CURVE key pair, or listen on 127.0.0.1 or ipc://",
                endpoint: endpoint)
        }
    }
}
