internal import API
internal import Core
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
    /// What the body is counted on; nil for one that is too short to matter.
    let account: ByteAccount?

    /// Says, in place of an answer for which there is no room, that the client must read first.
    static func unread(_ token: RequestToken, _ what: String) -> Reply {
        let error = ServiceError(.throttling, "\(RequestLedger.Refusal.unreadAnswers.message) \(what)")
        return Reply(token: token, status: error.code.status, body: error.json.bytes, account: nil)
    }

    /// Takes the body off its account: it is not sent.
    func release() { account?.release(body.count) }
}

/// Answers on their way from any thread to the requests socket. Bounded by the number of requests in flight, and by the
/// accounts of connections in bytes.
final class ReplyQueue: Sendable {
    private let replies = Mutex<[Reply]>([])
    private let loop: BusLoop

    init(loop: BusLoop) { self.loop = loop }

    /// Many answers in a row, as after a commit of the journal, wake the socket's thread once.
    func append(_ reply: Reply) {
        replies.withLock { $0.append(reply) }
        loop.notify()
    }

    /// Queues an answer, or word that it is not kept where its connection has too many unread.
    func append(_ token: RequestToken, _ status: Int, _ body: [UInt8], _ account: ByteAccount) {
        guard account.reserve(body.count) else {
            append(.unread(token, "This request was carried out, but its answer of \(body.count) bytes is not kept."))
            return
        }
        append(Reply(token: token, status: status, body: body, account: account))
    }

    /// Exchanges the queued answers for an empty array, whose capacity is used again.
    func swap(_ empty: inout [Reply]) { replies.withLock { Swift.swap(&$0, &empty) } }
}
