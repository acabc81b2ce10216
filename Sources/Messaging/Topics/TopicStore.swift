internal import Core
internal import Storage

/// The tables of topics.
enum TopicStore {
    static let migrations = [
        Migration(
            module: "topics", number: 1, name: "topics, messages published once",
            sql: """
                CREATE TABLE topics (name TEXT PRIMARY KEY, attributes TEXT NOT NULL, created INTEGER NOT NULL)
                    STRICT, WITHOUT ROWID;
                -- Messages that came with an id of the publisher's own, so that one sent again is not published again.
                CREATE TABLE topic_messages (id TEXT PRIMARY KEY, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                CREATE INDEX topic_messages_time ON topic_messages (time);
                """)
    ]

    /// How long an id chosen by a publisher is known: longer than a rule's target is retried.
    private static let identifierRetention = Duration.seconds(2 * Limits.retryAgeSecondsMax)

    static func forgetOldIdentifiers(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "DELETE FROM topic_messages WHERE time < ?", transaction.now - identifierRetention)
    }
}
