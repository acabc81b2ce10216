internal import API
internal import Synchronization

/// The stream as the journal sees it: where committed messages are handed over for subscribers.
///
/// Nothing is copied of a message that nobody subscribes to. What the socket's thread cannot take is dropped, as PUB
/// sockets do: subscribers see the gap and read it from the journal.
public final class StreamServer: Sendable {
    struct State {
        var subscriptions = PrefixSet()
        var outbox = StreamOutbox()
        /// Of the last message handed over, wanted or not.
        var lastSequence: UInt64 = 0
        var droppedCount = 0
        var loop: BusLoop?
    }

    // One lock for the subscriptions and the outbox: a heartbeat sent after a subscription was entered then names a
    // sequence after which that subscription missed nothing.
    let state = Mutex(State())

    init() {}

    /// Whether anybody subscribes to anything but heartbeats. Where not, `advance` does what `publish` would.
    public var hasSubscribers: Bool { state.withLock { !$0.subscriptions.isEmpty } }

    /// Messages dropped because the socket's thread did not take them in time.
    public var droppedCount: Int { state.withLock { $0.droppedCount } }

    /// Hands over messages that are durable, in the order of their sequences. Called by one thread; never waits.
    public func publish(_ batch: [StreamRecord]) {
        guard let last = batch.last else { return }
        let loop = state.withLock { state -> BusLoop? in
            for record in batch where state.subscriptions.matches(record.topic) { state.outbox.append(record) }
            state.lastSequence = last.sequence
            return state.outbox.count > 0 ? state.loop : nil
        }
        loop?.notify()
    }

    /// Notes that the stream has come to `sequence` without messages for subscribers.
    public func advance(to sequence: UInt64) { state.withLock { $0.lastSequence = max($0.lastSequence, sequence) } }
}
