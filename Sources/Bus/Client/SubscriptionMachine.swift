internal import API
internal import Core

/// What a subscriber has seen, what it has missed, and what to read to make up for it: the recipe of bus protocol OPS1,
/// section 3. A plain value; it is told what came and says what to do.
///
/// All up to `verified` is known to be delivered, because the journal was read so far. Since then messages came live;
/// each names its predecessor on its topic, and one that was not seen shows a gap at once. What no later message shows,
/// the loss of the last one on a topic, a heartbeat does: the journal is read again from `verified`. That read repeats
/// what came live, so it is made only after few messages, or in a quiet moment; a subscriber too busy for both finds
/// such a loss with the topic's next message.
struct SubscriptionMachine: Equatable {
    /// Live messages after which a heartbeat still has the journal read, while more come and when none do.
    static let busyMessagesMax = 1000
    static let quietMessagesMax = 10_000
    /// Topics whose last sequence is kept.
    static let topicsMax = 50_000

    enum Step: Equatable {
        /// Take what comes live.
        case listen
        /// Read the journal after a sequence; nil: after the named subscriber's cursor.
        case read(after: UInt64?)
    }

    private let start: StreamStart
    private(set) var epoch: String?
    private(set) var verified: UInt64 = 0
    /// Set while the journal must be read: how far at least. The largest number means as far as there is.
    private var target: UInt64?
    private var readsAfter: UInt64?
    private var isStarted = false
    /// Of each topic that came live since `verified`.
    private var lastSeen: [String: UInt64] = [:]
    private var liveCount = 0
    private var isQuiet = true

    init(start: StreamStart) {
        self.start = start
        if case .after(let sequence, let epoch) = start {
            verified = sequence
            self.epoch = epoch
        }
    }

    var step: Step { target == nil ? .listen : .read(after: readsAfter) }

    /// A heartbeat came. The first one shows that the subscription is in effect.
    /// - Throws: `ServiceError` `.epochChanged`.
    mutating func heartbeat(epoch: String, sequence: UInt64) throws(ServiceError) {
        try check(epoch)
        defer { isQuiet = true }
        guard isStarted else {
            isStarted = true
            switch start {
            case .now: verified = sequence
            case .after: read(after: verified, to: .max)
            case .named: read(after: nil, to: .max)
            }
            return
        }
        guard sequence > verified, target == nil else { return }
        if liveCount <= (isQuiet ? SubscriptionMachine.quietMessagesMax : SubscriptionMachine.busyMessagesMax) {
            read(after: verified, to: sequence)
        } else if lastSeen.count > SubscriptionMachine.topicsMax {
            forget(upTo: sequence)
        }
    }

    /// Whether a live message is to be delivered. If the answer is false and `step` then says to read, it comes again
    /// with what is read, or is to be asked about again afterwards.
    mutating func receive(topic: String, sequence: UInt64, previousSequence: UInt64) -> Bool {
        isQuiet = false
        let seen = max(verified, lastSeen[topic] ?? 0)
        guard isStarted, sequence > seen else { return false }
        guard previousSequence <= seen else {
            let isNear = liveCount <= SubscriptionMachine.quietMessagesMax
            read(after: isNear ? verified : seen, to: previousSequence)
            return false
        }
        lastSeen[topic] = sequence
        liveCount += 1
        return true
    }

    /// Live messages may have been lost: the connection was made anew, or the subscriber was too slow.
    mutating func lose() {
        guard isStarted else { return }
        read(after: target == nil ? verified : readsAfter, to: .max)
    }

    /// Whether a message read from the journal is to be delivered.
    mutating func receiveRead(topic: String, sequence: UInt64) -> Bool {
        guard sequence > max(verified, lastSeen[topic] ?? 0) else { return false }
        lastSeen[topic] = sequence
        return true
    }

    /// A page of the journal was read, and its messages were received.
    /// - Parameters:
    ///   - next: Where the next page begins.
    ///   - isLast: Whether nothing more was there.
    /// - Throws: `ServiceError` `.epochChanged`.
    mutating func finishPage(epoch: String, next: UInt64, isLast: Bool) throws(ServiceError) {
        try check(epoch)
        guard let target else { return }
        readsAfter = next
        guard isLast || next >= target else { return }
        // Nothing more was there when the stream was known to have come to `target`.
        forget(upTo: max(verified, next, target == .max ? 0 : target))
        self.target = nil
        readsAfter = nil
    }

    private mutating func read(after: UInt64?, to target: UInt64) {
        readsAfter = after
        self.target = max(self.target ?? 0, target)
    }

    private mutating func forget(upTo sequence: UInt64) {
        verified = sequence
        lastSeen = lastSeen.filter { $0.value > sequence }
        liveCount = lastSeen.count
    }

    private mutating func check(_ epoch: String) throws(ServiceError) {
        if let known = self.epoch, known != epoch {
            throw ServiceError(
                .epochChanged, "The journal is another one (\(epoch)) than the one subscribed to (\(known)).",
                members: JSONObject([.init(key: "Epoch", value: .string(epoch))]))
        }
        self.epoch = epoch
    }
}
