internal import Core
internal import Storage

/// What makes two events the same to a rule with a deduplication window.
struct Occurrence: Sendable, Hashable {
    /// A digest of the key's value.
    var key: Digest
    var window: Duration

    /// Nil where the rule has no window, or the event has nothing at the key's path: such events are never repeats.
    init?(_ options: RuleOptions, _ entry: StreamEntry) {
        guard let window = options.deduplicationWindow, let event = try? JSON(parsing: entry.payload) else {
            return nil
        }
        let value: JSON?
        if let path = options.deduplicationKey {
            value = path.values(in: event)
        } else {
            value = [event["source"] ?? .null, event["detail-type"] ?? .null, event["detail"] ?? .null]
        }
        guard let value else { return nil }
        self.window = window
        key = Digest(after: .zero, of: value.bytes)
    }
}

/// The table of the keys that rules with a deduplication window have met.
enum OccurrenceStore {
    /// Notes an event for its rule, unless one of the same key came less than a window before.
    /// - Returns: Whether it was noted: the event is no repeat.
    static func note(
        _ occurrence: Occurrence, of delivery: Delivery, _ transaction: borrowing Transaction
    ) throws(StorageError) -> Bool {
        try transaction.execute(
            """
            INSERT INTO rule_occurrences (bus, rule, key, time) VALUES (?, ?, ?, ?)
            ON CONFLICT (bus, rule, key) DO UPDATE SET time = excluded.time WHERE time <= ?
            """, delivery.bus, delivery.rule, occurrence.key, delivery.created, delivery.created - occurrence.window
        ) == 1
    }

    /// Lets go of what no window reaches back to.
    static func forget(before time: Timestamp, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM rule_occurrences WHERE time < ?", time)
    }
}
