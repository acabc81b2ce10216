public import Core

/// Events that are part of a committed transaction and not yet in the journal.
///
/// A relay moves them: it waits for `arrivals`, takes `pending`, appends to the journal and then removes what it has
/// appended. A crash between the two leads to a second append of the same `eventID`.
public struct Outbox: Sendable {
    /// One event to be journaled.
    public struct Entry: Sendable, Hashable {
        /// Rises with every event; never used twice.
        public let id: Int64
        public let eventID: Identifier?
        /// The journal's topic.
        public let topic: String
        public let body: [UInt8]
    }

    static let migration = Migration(
        module: "storage", number: 2, name: "outbox",
        sql: """
            CREATE TABLE outbox (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                event_id TEXT,
                topic TEXT NOT NULL,
                body BLOB NOT NULL
            ) STRICT;
            """)

    private let database: Database

    public init(_ database: Database) { self.database = database }

    /// A value after each group of transactions that emitted something, several merged into one if they are not waited
    /// for; ends when the database is closed. For one consumer.
    public var arrivals: AsyncStream<Void> { database.outboxArrivals }

    /// The oldest events, in the order in which their transactions were committed.
    /// - Throws: `StorageError`.
    public func pending(after id: Int64 = 0, limit: Int) async throws -> [Entry] {
        try await database.read { transaction in
            try transaction.query(
                "SELECT id, event_id, topic, body FROM outbox WHERE id > ? ORDER BY id LIMIT ?", id, limit
            ) { row in
                Entry(id: try row[0], eventID: try row[1], topic: try row[2], body: try row[3])
            }
        }
    }

    /// Removes events that the journal holds durably, up to and including `id`.
    /// - Parameter note: Writes, in the same transaction, how far the journal had come.
    /// - Throws: `StorageError`.
    public func remove(
        through id: Int64, noting note: @escaping @Sendable (borrowing Transaction) throws -> Void = { _ in }
    ) async throws {
        try await database.maintain { transaction in
            try transaction.execute("DELETE FROM outbox WHERE id <= ?", id)
            try note(transaction)
        }
    }
}
