internal import Synchronization

/// What the bus has done since it was started.
public struct BusCounters: Sendable, Hashable {
    /// Requests taken in.
    public var requestsReceived = 0
    /// Answers handed to the client's connection.
    public var requestsAnswered = 0
    /// Requests answered at once with an error: malformed, too large, throttled.
    public var requestsRefused = 0
    /// Answers that could not be delivered: the client was gone or did not read.
    public var answersDiscarded = 0
    /// Messages that did not reach the stream socket; subscribers read them from the journal.
    public var streamMessagesDropped = 0

    public init() {}
}

/// The counters of the requests socket, written by its thread.
final class RequestCounters: Sendable {
    let received = Atomic<Int>(0)
    let answered = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    let discarded = Atomic<Int>(0)

    var current: BusCounters {
        var counters = BusCounters()
        counters.requestsReceived = received.load(ordering: .relaxed)
        counters.requestsAnswered = answered.load(ordering: .relaxed)
        counters.requestsRefused = refused.load(ordering: .relaxed)
        counters.answersDiscarded = discarded.load(ordering: .relaxed)
        return counters
    }
}
