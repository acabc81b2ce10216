internal import CZeroMQ
internal import Core

/// Decides which clients may connect, by their CURVE key: ZeroMQ RFC 27 (ZAP).
///
/// On a thread of its own, because libzmq waits for its answers before it lets a client in.
actor ZAPHandler: LoopMember {
    nonisolated let unownedExecutor: UnownedSerialExecutor
    private nonisolated let loop: BusLoop
    private var socket: Socket
    private let keys: any KeyDirectory
    private var frame = Frame()

    /// Binds the handler's address; before any socket with CURVE is bound.
    init(in context: Context, loop: BusLoop, keys: any KeyDirectory) throws(BusError) {
        let socket = try Socket(.router, in: context)
        try socket.set(ZMQ_LINGER, 0)
        try socket.bind("inproc://zeromq.zap.01")
        self.socket = socket
        self.loop = loop
        self.keys = keys
        unownedExecutor = loop.asUnownedSerialExecutor()
    }

    nonisolated func start() { loop.add(self) }

    func stop() {
        loop.remove(self)
        socket.close()
    }

    nonisolated var handles: [SocketHandle] { assumeIsolated { [SocketHandle($0.socket.handle)] } }

    nonisolated func turn(now: Int64) -> LoopWait {
        assumeIsolated { handler in
            while handler.answerNext() {}
            return LoopWait()
        }
    }

    /// Returns false where no request waits.
    private func answerNext() -> Bool {
        guard frame.receive(from: socket.handle) else { return false }
        var frames = [Array(frame.bytes)]
        while frame.hasMore, frame.receive(from: socket.handle) { frames.append(Array(frame.bytes)) }
        // Routing id, delimiter, version, request id, domain, address, identity, mechanism, credentials.
        guard frames.count >= 8, frames[2].elementsEqual("1.0".utf8) else { return true }
        let principal = principal(mechanism: frames[7], credentials: Array(frames.dropFirst(8)))
        let (status, text) = principal == nil ? ("400", "key is not registered") : ("200", "OK")
        _ = socket.send([
            frames[0], [], Array("1.0".utf8), frames[3], Array(status.utf8), Array(text.utf8),
            Array((principal?.name ?? "").utf8), [],
        ])
        return true
    }

    private func principal(mechanism: [UInt8], credentials: [[UInt8]]) -> Principal? {
        guard mechanism.elementsEqual("CURVE".utf8), credentials.count == 1,
            let key = credentials[0].withUnsafeBytes({ CurveKeyPair.text(ofKey: $0) })
        else { return nil }
        return keys.principal(forKey: key).flatMap { $0.name.isEmpty ? nil : $0 }
    }
}
