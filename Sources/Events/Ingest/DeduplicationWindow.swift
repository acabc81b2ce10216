internal import Core

/// Event identifiers chosen by publishers that were seen lately, so that a repeated entry is not taken in twice.
///
/// Holds an identifier for the length of the window, and the newest `identifiersMax` of them where more came in it.
/// - Source: bus protocol OPS1, section 2.
struct DeduplicationWindow {
    /// An event may pass through several buses under one identifier, once each.
    struct Key: Hashable {
        let identifier: Identifier
        let bus: String
    }

    private let length: Duration
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
        for key in keys { seen.remove(key) }
        let removed = Set(keys)
        arrivals.removeAll { removed.contains($0.key) }
        head = min(head, arrivals.count)
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
