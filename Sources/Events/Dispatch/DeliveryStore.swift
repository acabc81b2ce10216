internal import Core
internal import Storage

/// The table of deliveries not yet finished.
enum DeliveryStore {
    static func insert(_ delivery: Delivery, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO deliveries (sequence, rule, target, bus, event_id, attempts, created, due, entry)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, Int64(delivery.sequence), delivery.rule, delivery.target, delivery.bus, delivery.eventID,
            delivery.attempts, delivery.created, delivery.due, delivery.entry?.encoded)
    }

    static func delete(_ delivery: Delivery, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "DELETE FROM deliveries WHERE sequence = ? AND rule = ? AND target = ?", Int64(delivery.sequence),
            delivery.rule, delivery.target)
    }

    /// - Parameter hasTurn: Whether `due` is a turn at a rate that the delivery need not wait for again.
    static func postpone(
        _ delivery: Delivery, attempts: Int, until due: Timestamp, hasTurn: Bool = false,
        _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            UPDATE deliveries SET attempts = ?, due = ?, has_turn = ?
            WHERE sequence = ? AND rule = ? AND target = ?
            """, attempts, due, hasTurn, Int64(delivery.sequence), delivery.rule, delivery.target)
    }

    /// Deliveries by the time they are due.
    /// - Parameter rules: Those whose deliveries are not wanted.
    static func due(
        limit: Int, except rules: [RuleCatalog.Key] = [], _ transaction: borrowing ReadTransaction
    ) throws -> [Delivery] {
        let excluded: JSON = .array(rules.map { .string("\($0.bus)/\($0.name)") })
        return try transaction.query(
            """
            SELECT sequence, bus, rule, target, event_id, attempts, created, due, entry, has_turn FROM deliveries
            WHERE bus || '/' || rule NOT IN (SELECT value FROM json_each(?)) ORDER BY due LIMIT ?
            """, excluded, limit
        ) { row in
            let sequence: Int64 = try row[0]
            let entry: [UInt8]? = try row[8]
            return Delivery(
                sequence: UInt64(sequence), bus: try row[1], rule: try row[2], target: try row[3], eventID: try row[4],
                attempts: try row[5], created: try row[6], due: try row[7],
                entry: entry.flatMap { $0.withUnsafeBytes { StreamEntry($0) } }, hasTurn: try row[9])
        }
    }

    /// Makes dead letters of the deliveries whose events the journal has lost.
    /// - Returns: How many there were.
    static func giveUpLost(
        after sequence: UInt64, at time: Timestamp, _ transaction: borrowing Transaction
    ) throws(StorageError) -> Int {
        try transaction.execute(
            """
            INSERT OR REPLACE INTO dead_letters (delivery_id, sequence, bus, rule, target, target_arn, event_id,
                error_code, error_message, attempts, time, entry)
            SELECT event_id || '/' || bus || '/' || rule || '/' || target, sequence, bus, rule, target, '', event_id,
                'NO_EVENT', 'The event was lost with the end of the journal.', attempts, ?, x''
            FROM deliveries WHERE sequence > ? AND entry IS NULL
            """, time, Int64(sequence))
        return try transaction.execute(
            "DELETE FROM deliveries WHERE sequence > ? AND entry IS NULL", Int64(sequence))
    }

    /// The first journal record that a delivery still needs; nil where none does.
    static func oldestSequence(_ transaction: borrowing ReadTransaction) throws -> UInt64? {
        let oldest: Int64?? = try transaction.queryOne("SELECT min(sequence) FROM deliveries WHERE entry IS NULL") {
            row in try row[0]
        }
        return (oldest ?? nil).map { UInt64($0) }
    }
}
