internal import API
internal import Core
internal import Platform
internal import Storage

/// The named subscribers: how far each has come, and word of those that fall behind.
/// - Source: bus protocol OPS1, section 3.
struct Subscribers: Sendable {
    let journal: any Journal
    let database: Database
    let account: Account
    let clock: any Clock

    /// How far a subscriber may fall behind before an event says so, in records.
    static let lagMax: UInt64 = 100_000

    /// Keeps a subscriber's place, which never goes back.
    /// - Returns: How many records it is behind.
    /// - Throws: `ServiceError` `.validation` for a sequence that has not been sent; `StorageError`.
    func acknowledge(_ name: String, _ sequence: UInt64, _ context: OperationContext) async throws -> UInt64 {
        let last = journal.lastSequence
        guard sequence <= last else {
            throw ServiceError(.validation, "Sequence \(sequence) has not been sent; the last one is \(last).")
        }
        let lag = last - sequence
        try await database.write(context) { transaction in
            try transaction.execute(
                """
                INSERT INTO subscribers (name, principal, sequence, time, lagging) VALUES (?, ?, ?, ?, 0)
                ON CONFLICT (name) DO UPDATE SET principal = excluded.principal, time = excluded.time,
                    sequence = max(sequence, excluded.sequence), lagging = lagging AND ?
                """, name, context.principal.name, Int64(sequence), transaction.now, lag > Subscribers.lagMax)
            try raiseLag(last, transaction)
            try transaction.audit(
                "Acknowledge", on: Subject(.subscriber, name), outcome: .success,
                detail: ["Sequence": .integer(sequence)])
        }
        return lag
    }

    /// Looks for subscribers that have fallen behind without a word since the last time.
    /// - Throws: `StorageError`.
    func noticeLag() async throws {
        let last = journal.lastSequence
        guard last > Subscribers.lagMax else { return }
        try await database.write(.system) { try raiseLag(last, $0) }
    }

    /// An event for each that is too far behind, once until it has caught up.
    private func raiseLag(_ last: UInt64, _ transaction: borrowing Transaction) throws {
        guard last > Subscribers.lagMax else { return }
        let behind = try transaction.query(
            "SELECT name, sequence FROM subscribers WHERE lagging = 0 AND sequence < ? ORDER BY name",
            Int64(last - Subscribers.lagMax)
        ) { row -> (name: String, sequence: Int64) in (try row[0], try row[1]) }
        var random = BlockRandom()
        for (name, sequence) in behind {
            try transaction.execute("UPDATE subscribers SET lagging = 1 WHERE name = ?", name)
            let detail: JSON = [
                "Subscriber": .string(name), "Sequence": .integer(sequence), "LastSequence": .integer(last),
                "Lag": .integer(last - UInt64(sequence)),
            ]
            try transaction.audit("FallBehind", on: Subject(.subscriber, name), outcome: .success, detail: detail)
            try transaction.put(
                EventEnvelope(
                    id: Identifier(using: &random), source: "opsbus.stream", detailType: "Subscriber Lagging",
                    account: account, time: clock.now, detail: detail))
        }
    }

    /// Those of that name, or all, by name.
    /// - Throws: `StorageError`.
    func list(_ name: String? = nil) async throws -> [JSON] {
        let last = journal.lastSequence
        return try await database.read { transaction in
            try transaction.query(
                """
                SELECT name, principal, sequence, time FROM subscribers WHERE ? IS NULL OR name = ? ORDER BY name
                """, name, name
            ) { row -> JSON in
                let name: String = try row[0]
                let principal: String = try row[1]
                let sequence: Int64 = try row[2]
                let time: Timestamp = try row[3]
                return [
                    "Subscriber": .string(name), "Principal": .string(principal), "Sequence": .integer(sequence),
                    "Lag": .integer(last - min(last, UInt64(sequence))), "Time": .string(time.millisecondDescription),
                ]
            }
        }
    }
}
