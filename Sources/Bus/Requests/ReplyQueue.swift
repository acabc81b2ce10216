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

    /// Many answers in a row, as after a commit of the journal, wake the socket's thread once.
    func append(_ reply: Reply) {
        replies.withLock { $0.append(reply) }
        loop.notify()
    }

    /// Exchanges the queued answers for an empty array, whose capacity is used again.
    func swap(_ empty: inout [Reply]) { replies.withLock { Swift.swap(&$0, &empty) } }
}
