internal import Synchronization

/// What the requests socket has done since it was started.
final class RequestCounters: Sendable {
    /// Requests taken in.
    let received = Atomic<Int>(0)
    /// Answers handed to the client's connection.
    let answered = Atomic<Int>(0)
    /// Requests answered at once with an error: malformed, too large, throttled.
    let refused = Atomic<Int>(0)
    /// Answers that could not be delivered: the client was gone or did not read.
    let discarded = Atomic<Int>(0)
}
