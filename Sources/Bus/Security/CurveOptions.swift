internal import CZeroMQ

extension Socket {
    /// Makes clients prove a key that the ZAP handler knows; before `bind`.
    func requireCurve(_ pair: CurveKeyPair) throws(BusError) {
        try set(ZMQ_CURVE_SERVER, 1)
        try set(ZMQ_CURVE_SECRETKEY, pair.secretKey)
        // Without a domain libzmq may skip the handler, and then every key is let in.
        try set(ZMQ_ZAP_DOMAIN, "opsbus")
    }

    /// Proves this client's key to the server of that key; before `connect`.
    func useCurve(_ keys: ClientKeys) throws(BusError) {
        try set(ZMQ_CURVE_SERVERKEY, keys.serverKey)
        try set(ZMQ_CURVE_PUBLICKEY, keys.pair.publicKey)
        try set(ZMQ_CURVE_SECRETKEY, keys.pair.secretKey)
    }
}
