internal import Core
internal import Storage

/// Event identifiers chosen by publishers that were seen lately, so that a repeated entry is not taken in twice.
///
/// Holds an identifier for the length of the window, and the newest `identifiersMax` of them where more came in it.
/// - Source: bus protocol OPS1, section 2.
struct DeduplicationWindow {
    /// What must not be taken in twice.
    struct Key: Hashable {
        /// An event's, or that of a forwarding.
        let identifier: Identifier
        let bus: String

        /// A publisher may put an event on several buses under one identifier, once on each.
        init(identifier: Identifier, bus: String) {
            self.identifier = identifier
            self.bus = bus
        }

        /// A delivery forwards its event once. An event that has gone in a circle makes the same delivery again with
        /// more hops: that is another one, until the limit of hops ends it.
        init(forwarding cause: Subject, hops: Int, to bus: String) {
            self.init(identifier: TargetCall.token(of: "\(cause)\n\(hops)"), bus: bus)
        }

        /// The key of a record found in the journal; nil where nothing can repeat it.
        init?(_ record: StreamEntryView) {
            guard record.hasPublisherIdentifier else { return nil }
            let bus = String(decoding: record.bus, as: UTF8.self)
            let cause = Subject(String(decoding: record.cause, as: UTF8.self))
            if let cause, cause.kind == .delivery {
                self.init(forwarding: cause, hops: record.hops, to: bus)
            } else {
                self.init(identifier: record.eventID, bus: bus)
            }
        }
    }

    let length: Duration
    private let identifiersMax: Int
    private var seen: Set<Key> = []
    /// In order of arrival; entries before `head` have been forgotten.
    private var arrivals: [(key: Key, time: Timestamp)] = []
    private var head = 0

    init(length: Duration, identifiersMax: Int = Limits.deduplicationIdentifiersMax) {
        self.length = length
        self.identifiersMax = identifiersMax
    }

    var count: Int { seen.count }

    func contains(_ key: Key) -> Bool { seen.contains(key) }

    /// Remembers an identifier.
    /// - Returns: False where it was remembered already.
    mutating func insert(_ key: Key, at time: Timestamp) -> Bool {
        forget(before: time - length)
        guard seen.insert(key).inserted else { return false }
        arrivals.append((key, time))
        if seen.count > identifiersMax { forgetOldest() }
        return true
    }

    /// Forgets identifiers whose events could not be stored, so that they may be sent again.
    mutating func remove(_ keys: [Key]) {
        if keys.isEmpty { return }
        for key in keys { seen.remove(key) }
        let removed = Set(keys)
        // What has been forgotten may hold the same keys; it must not be counted when the rest moves down.
        arrivals.removeFirst(head)
        head = 0
        arrivals.removeAll { removed.contains($0.key) }
    }

    private mutating func forget(before time: Timestamp) {
        while head < arrivals.count, arrivals[head].time < time { forgetOldest() }
    }

    private mutating func forgetOldest() {
        seen.remove(arrivals[head].key)
        head += 1
        // Moving the rest down costs as much as was forgotten since the last time.
        if head > 1024, head > arrivals.count / 2 {
            arrivals.removeFirst(head)
            head = 0
        }
    }
}
