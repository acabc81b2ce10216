internal import API
internal import Core
internal import Storage

/// A queue: its settings, and the number under which its messages are kept.
struct Queue: Sendable {
    let name: String
    /// Of what the queue holds; another one after each purge.
    let contents: Int
    var attributes: QueueAttributes
    var tags: JSON
    let created: Timestamp
    let modified: Timestamp
    let purged: Timestamp?

    var isFIFO: Bool { attributes.isFIFO }
    var subject: Subject { Subject(.queue, name) }
}

/// The tables of queues.
///
/// A queue's messages belong to its contents, a number. Purging or deleting a queue lets go of that number at once, and
/// the messages are removed later, a thousand at a time, so that nobody waits for a million of them.
enum QueueStore {
    static let migrations = [
        Migration(
            module: "queues", number: 1, name: "queues, messages, groups, what was sent already",
            sql: """
                CREATE TABLE queue_contents (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL DEFAULT 0,
                    abandoned INTEGER NOT NULL DEFAULT 0
                ) STRICT;
                CREATE INDEX queue_contents_abandoned ON queue_contents (id) WHERE abandoned = 1;
                CREATE TABLE queues (
                    name TEXT PRIMARY KEY, contents INTEGER NOT NULL,
                    attributes TEXT NOT NULL, tags TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
                    purged INTEGER, dead_letters TEXT
                ) STRICT, WITHOUT ROWID;
                -- By the queue that their redrive policies name.
                CREATE INDEX queues_dead_letters ON queues (dead_letters, name) WHERE dead_letters IS NOT NULL;
                CREATE TABLE queue_messages (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, contents INTEGER NOT NULL, message_id TEXT NOT NULL,
                    body TEXT NOT NULL, attributes TEXT, trace TEXT, sender TEXT NOT NULL, sent INTEGER NOT NULL,
                    -- From when on it may be received.
                    visible INTEGER NOT NULL,
                    -- In all queues, and in those before this one.
                    receives INTEGER NOT NULL DEFAULT 0, receives_before INTEGER NOT NULL DEFAULT 0,
                    first_received INTEGER, last_received INTEGER, message_group TEXT, deduplication TEXT,
                    -- The ARN of the queue that it was a dead letter of.
                    source TEXT,
                    attempt TEXT
                ) STRICT;
                CREATE INDEX queue_messages_visible ON queue_messages (contents, visible, id, receives);
                CREATE INDEX queue_messages_sent ON queue_messages (contents, sent);
                CREATE INDEX queue_messages_group ON queue_messages (contents, message_group, id)
                    WHERE message_group IS NOT NULL;
                CREATE INDEX queue_messages_attempt ON queue_messages (contents, attempt) WHERE attempt IS NOT NULL;
                -- Of FIFO queues: from when on the first message of a group may be received. While any of the group
                -- is in flight, that is when the last of these comes back.
                CREATE TABLE queue_groups (
                    contents INTEGER NOT NULL, name TEXT NOT NULL, ready INTEGER NOT NULL,
                    PRIMARY KEY (contents, name)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX queue_groups_ready ON queue_groups (contents, ready);
                -- Messages that are not taken twice, until the time given.
                CREATE TABLE queue_deduplication (
                    contents INTEGER NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, message_id TEXT NOT NULL,
                    sequence INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (contents, scope, id)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX queue_deduplication_until ON queue_deduplication (until);
                """)
    ]

    private static let columns = "name, contents, attributes, tags, created, modified, purged"

    private static func read(_ row: borrowing Row) throws(StorageError) -> Queue {
        Queue(
            name: try row[0], contents: try row[1], attributes: QueueAttributes(stored: try row[2]), tags: try row[3],
            created: try row[4], modified: try row[5], purged: try row[6])
    }

    /// The queue of that name; nil where there is none.
    static func find(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Queue? {
        try transaction.queryOne("SELECT \(columns) FROM queues WHERE name = ?", name) { try read($0) }
    }

    /// - Throws: `ServiceError` `.queueDoesNotExist`.
    static func queue(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Queue {
        guard let queue = try find(name, transaction) else {
            throw ServiceError(.queueDoesNotExist, "The specified queue does not exist.")
        }
        return queue
    }

    /// Names in their order.
    static func names(
        prefix: String, after: String, limit: Int, _ transaction: borrowing ReadTransaction
    ) throws -> [String] {
        var names: [String] = []
        try transaction.forEach(
            "SELECT name FROM queues WHERE name >= ? AND name > ? ORDER BY name LIMIT ?",
            values: [prefix, after, limit]
        ) { row in
            let name: String = try row[0]
            guard name.hasPrefix(prefix) else { return false }
            names.append(name)
            return true
        }
        return names
    }

    static func insert(
        _ name: String, _ attributes: QueueAttributes, tags: JSON, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        let contents = try newContents(transaction)
        try transaction.execute(
            """
            INSERT INTO queues (name, contents, attributes, tags, created, modified, dead_letters)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, name, contents, attributes.json, tags, transaction.now, transaction.now,
            attributes.redrive?.target.resource)
    }

    static func update(
        _ name: String, _ attributes: QueueAttributes, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            "UPDATE queues SET attributes = ?, modified = ?, dead_letters = ? WHERE name = ?", attributes.json,
            transaction.now, attributes.redrive?.target.resource, name)
    }

    /// Lets go of all messages of a queue.
    static func purge(_ queue: Queue, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("UPDATE queue_contents SET abandoned = 1 WHERE id = ?", queue.contents)
        try transaction.execute(
            "UPDATE queues SET contents = ?, purged = ? WHERE name = ?", try newContents(transaction), transaction.now,
            queue.name)
    }

    static func delete(_ queue: Queue, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("UPDATE queue_contents SET abandoned = 1 WHERE id = ?", queue.contents)
        try transaction.execute("DELETE FROM queues WHERE name = ?", queue.name)
    }

    private static func newContents(_ transaction: borrowing Transaction) throws(StorageError) -> Int64 {
        try transaction.execute("INSERT INTO queue_contents DEFAULT VALUES")
        return transaction.lastInsertedRow
    }

    /// What a queue holds: messages to receive, in flight, and not yet to receive for the first time.
    static func counts(
        _ queue: Queue, now: Timestamp, _ transaction: borrowing ReadTransaction
    ) throws -> (ready: Int, inFlight: Int, delayed: Int) {
        let total = try transaction.queryOne("SELECT messages FROM queue_contents WHERE id = ?", queue.contents) {
            row -> Int in try row[0]
        }
        let hidden = try transaction.queryOne(
            """
            SELECT count(*), count(*) FILTER (WHERE receives = 0) FROM queue_messages WHERE contents = ? AND visible > ?
            """, queue.contents, now
        ) { row -> (all: Int, delayed: Int) in (try row[0], try row[1]) }
        let all = hidden?.all ?? 0
        let delayed = hidden?.delayed ?? 0
        return ((total ?? 0) - all, all - delayed, delayed)
    }

    /// Removes up to `limit` messages that purged and deleted queues have left.
    /// - Returns: Whether there may be more.
    static func clearAbandoned(limit: Int, _ transaction: borrowing Transaction) throws -> Bool {
        let contents = try transaction.queryOne(
            "SELECT id FROM queue_contents WHERE abandoned = 1 ORDER BY id LIMIT 1"
        ) { row -> Int in try row[0] }
        guard let contents else { return false }
        let messages = try transaction.execute(
            """
            DELETE FROM queue_messages WHERE id IN (
                SELECT id FROM queue_messages INDEXED BY queue_messages_visible WHERE contents = ? LIMIT ?)
            """, contents, limit)
        let groups = try transaction.execute(
            "DELETE FROM queue_groups WHERE contents = ?1 AND name IN "
                + "(SELECT name FROM queue_groups WHERE contents = ?1 LIMIT ?2)", contents, limit)
        let known = try transaction.execute(
            "DELETE FROM queue_deduplication WHERE contents = ?1 AND (scope, id) IN "
                + "(SELECT scope, id FROM queue_deduplication WHERE contents = ?1 LIMIT ?2)", contents, limit)
        if max(messages, groups, known) < limit {
            try transaction.execute("DELETE FROM queue_contents WHERE id = ?", contents)
        }
        return true
    }

    /// Forgets up to `limit` messages that may be sent again.
    /// - Returns: Whether there may be more.
    static func forgetSent(limit: Int, _ transaction: borrowing Transaction) throws(StorageError) -> Bool {
        try transaction.execute(
            "DELETE FROM queue_deduplication WHERE (contents, scope, id) IN "
                + "(SELECT contents, scope, id FROM queue_deduplication WHERE until <= ? LIMIT ?)",
            transaction.now, limit) == limit
    }
}
