internal import Synchronization

/// Names a request in flight; opaque to all but the `RequestLedger` that made it.
struct RequestToken: Sendable, Hashable {
    let index: UInt32
    /// Tells a slot's present request from earlier ones, so that a second answer goes nowhere.
    let generation: UInt32
}

struct Reply: Sendable {
    let token: RequestToken
    let status: Int
    let body: [UInt8]
}

/// Answers on their way from any thread to the requests socket. Bounded by the number of requests in flight.
final class ReplyQueue: Sendable {
    private let replies = Mutex<[Reply]>([])
    private let loop: BusLoop

    init(loop: BusLoop) { self.loop = loop }

    func append(_ added: some Collection<Reply>) {
        replies.withLock { $0.append(contentsOf: added) }
        loop.notify()
    }

    /// Exchanges the queued answers for an empty array, whose capacity is used again.
    func swap(_ empty: inout [Reply]) { replies.withLock { Swift.swap(&$0, &empty) } }
}
