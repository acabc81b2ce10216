internal import API
internal import Core
internal import Storage

/// One output on its way to a log group or a bucket: a row that is there until all of it has arrived, so that it
/// survives a restart. Static functions are for use within a transaction.
struct OutputDelivery: Sendable {
    enum Destination: String, Sendable, SQLConvertible {
        /// Line by line while the step runs.
        case logs
        /// Whole, once the command has ended on the node.
        case bucket
    }

    let key: OutputStore.Key
    let destination: Destination
    /// What has arrived.
    let position: Int
    /// Whether no more comes.
    let isEnded: Bool
    let attempts: Int

    private static let keyAndDestination = OutputStore.Key.condition + " AND destination = ?"

    /// Output has come.
    static func note(_ key: OutputStore.Key, of command: CommandRecord, in transaction: borrowing Transaction) throws {
        guard command.destinations.logGroup != nil else { return }
        try transaction.execute(
            """
            INSERT INTO output_deliveries
                (command, node, step, stream, destination, position, is_ended, attempts, due_at)
            VALUES (?, ?, ?, ?, 'logs', 0, 0, 0, ?)
            ON CONFLICT DO UPDATE SET due_at = excluded.due_at WHERE attempts = 0
            """, values: key.values + [transaction.now])
    }

    /// The command has ended on the node: what has come is all there is.
    static func end(_ command: CommandRecord, on node: String, in transaction: borrowing Transaction) throws {
        if command.destinations.logGroup != nil {
            try transaction.execute(
                "UPDATE output_deliveries SET is_ended = 1, due_at = ? WHERE command = ? AND node = ?",
                transaction.now, command.id, node)
        }
        if !command.destinations.bucket.isEmpty {
            try transaction.execute(
                """
                INSERT INTO output_deliveries
                    (command, node, step, stream, destination, position, is_ended, attempts, due_at)
                SELECT command, node, name, 'stdout', 'bucket', 0, 1, 0, ? FROM steps WHERE command = ? AND node = ?
                UNION ALL
                SELECT command, node, step, 'stderr', 'bucket', 0, 1, 0, ? FROM outputs
                WHERE command = ? AND node = ? AND stream = 'stderr'
                """, transaction.now, command.id, node, transaction.now, command.id, node)
        }
    }

    static func due(
        _ destination: Destination, at time: Timestamp, limit: Int, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [OutputDelivery] {
        try transaction.query(
            """
            SELECT command, node, step, stream, position, is_ended, attempts FROM output_deliveries
            WHERE destination = ? AND due_at <= ? ORDER BY due_at LIMIT ?
            """, destination, time, limit
        ) { row in
            OutputDelivery(
                key: OutputStore.Key(command: try row[0], node: try row[1], step: try row[2], stream: try row[3]),
                destination: destination, position: try row[4], isEnded: try row[5], attempts: try row[6])
        }
    }

    /// All before `position` has arrived.
    /// - Parameter hasMore: Whether more could be sent at once; else it is due when more comes.
    /// - Parameter seen: The output's length when that was found: what has come since is due.
    func advance(to position: Int, hasMore: Bool, seen: Int, in transaction: borrowing Transaction) throws {
        let length = try OutputStore.state(of: key, in: transaction)?.length ?? 0
        let due = hasMore || length > seen ? transaction.now : Timestamp(microseconds: .max)
        // An end that came meanwhile is due as well.
        try transaction.execute(
            """
            UPDATE output_deliveries SET position = ?, attempts = 0, due_at = iif(is_ended, ?, ?)
            WHERE \(OutputDelivery.keyAndDestination)
            """, values: [position, transaction.now, due] + key.values + [destination])
    }

    func remove(in transaction: borrowing Transaction) throws {
        try transaction.execute(
            "DELETE FROM output_deliveries WHERE \(OutputDelivery.keyAndDestination)",
            values: key.values + [destination])
    }

    func postpone(by delay: Duration, in transaction: borrowing Transaction) throws {
        try transaction.execute(
            """
            UPDATE output_deliveries SET attempts = attempts + 1, due_at = ?
            WHERE \(OutputDelivery.keyAndDestination)
            """,
            values: [transaction.now + delay] + key.values + [destination])
    }
}
