internal import CZeroMQ
internal import Core

/// Options that every socket of a kind gets, each with its reason.
extension Socket {
    /// Options of a socket that is bound.
    /// - Parameter messagesQueuedMax: For each peer and direction.
    func setServerOptions(messagesQueuedMax: Int) throws(BusError) {
        // What was answered before the stop still goes out, but a peer that does not read cannot hold the stop.
        try set(ZMQ_LINGER, 1000)
        // Frames past the limit get a proper refusal; a peer that sends far more is cut off before it fills memory.
        try set(ZMQ_MAXMSGSIZE, wide: Int64(4 * Limits.requestBytesMax))
        try set(ZMQ_SNDHWM, messagesQueuedMax)
        try set(ZMQ_RCVHWM, messagesQueuedMax)
        // A connection that never finishes its handshake is closed.
        try set(ZMQ_HANDSHAKE_IVL, 10_000)
        try setCommonOptions()
    }

    /// Options of a socket that connects.
    func setClientOptions(messagesQueuedMax: Int) throws(BusError) {
        try set(ZMQ_LINGER, 0)
        try set(ZMQ_MAXMSGSIZE, wide: Int64(4 * Limits.requestBytesMax))
        try set(ZMQ_SNDHWM, messagesQueuedMax)
        try set(ZMQ_RCVHWM, messagesQueuedMax)
        // 50 ms, doubling up to 2 s: a restarted server is found at once, and one that is down is not hammered.
        try set(ZMQ_RECONNECT_IVL, 50)
        try set(ZMQ_RECONNECT_IVL_MAX, 2000)
        try set(ZMQ_CONNECT_TIMEOUT, 5000)
        try set(ZMQ_HANDSHAKE_IVL, 10_000)
        // Our servers answer ZMTP pings, so half-open connections show within seconds.
        try set(ZMQ_HEARTBEAT_IVL, 5000)
        try set(ZMQ_HEARTBEAT_TIMEOUT, 15_000)
        try setCommonOptions()
    }

    private func setCommonOptions() throws(BusError) {
        try set(ZMQ_IPV6, 1)
        // A half-open connection is found in about a minute instead of two hours.
        try set(ZMQ_TCP_KEEPALIVE, 1)
        try set(ZMQ_TCP_KEEPALIVE_IDLE, 30)
        try set(ZMQ_TCP_KEEPALIVE_INTVL, 10)
        try set(ZMQ_TCP_KEEPALIVE_CNT, 3)
    }
}

extension Socket {
    /// Binds, with CURVE where there are keys.
    func serve(_ endpoint: String, keys: CurveKeyPair?) throws(BusError) {
        if let keys { try requireCurve(keys) }
        try Endpoint.clear(endpoint)
        try bind(endpoint)
        try Endpoint.restrict(endpoint)
    }
}
