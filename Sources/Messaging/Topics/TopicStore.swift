internal import API
internal import Core
internal import Storage

/// A topic as it is set up.
struct Topic: Sendable {
    let name: String
    /// What was set, by the names and in the texts of the API.
    var attributes: JSON
    /// `[{"Key", "Value"}]`, in the order in which they were added.
    var tags: JSON

    var isFIFO: Bool { attributes["FifoTopic"]?.string == "true" }
    var deduplicatesByContent: Bool { attributes["ContentBasedDeduplication"]?.string == "true" }
    var deduplicatesInGroups: Bool { attributes["FifoThroughputScope"]?.string == "MessageGroup" }
    var subject: Subject { Subject(.topic, name) }

    /// How the messages of this topic are tried again for a subscriber that is called.
    func deliveryPolicy(of subscription: Subscription) -> DeliveryPolicy {
        guard subscription.protocol.isHTTP else { return .function }
        return DeliveryPolicy(
            topic: attributes["DeliveryPolicy"]?.string,
            subscription: subscription.attributes["DeliveryPolicy"]?.string)
    }
}

/// The tables of topics and their subscriptions.
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
                """),
        Migration(
            module: "topics", number: 2, name: "subscriptions, tags, FIFO topics",
            sql: """
                ALTER TABLE topics ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
                -- Messages published to FIFO topics so far.
                ALTER TABLE topics ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
                CREATE TABLE topic_subscriptions (
                    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, protocol TEXT NOT NULL,
                    endpoint TEXT NOT NULL, attributes TEXT NOT NULL, UNIQUE (topic, protocol, endpoint)
                ) STRICT;
                CREATE INDEX topic_subscriptions_topic ON topic_subscriptions (topic, number);
                -- Messages that FIFO topics do not take twice, until the time given.
                CREATE TABLE topic_deduplication (
                    topic TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, message_id TEXT NOT NULL,
                    sequence INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (topic, scope, id)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX topic_deduplication_until ON topic_deduplication (until);
                """),
        SubscriptionStore.migration,
    ]

    /// How long an id chosen by a publisher is known: longer than a rule's target is retried.
    private static let identifierRetention = Duration.seconds(2 * Limits.retryAgeSecondsMax)

    static func forgetOldIdentifiers(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "DELETE FROM topic_messages WHERE time < ?", transaction.now - identifierRetention)
        try transaction.execute("DELETE FROM topic_deduplication WHERE until < ?", transaction.now)
    }

    static func find(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Topic? {
        try transaction.queryOne("SELECT name, attributes, tags FROM topics WHERE name = ?", name) { row in
            Topic(name: try row[0], attributes: try row[1], tags: try row[2])
        }
    }

    /// - Throws: `ServiceError` `.notFound`.
    static func topic(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Topic {
        guard let topic = try find(name, transaction) else {
            throw ServiceError(.notFound, "Topic does not exist")
        }
        return topic
    }

    static func insert(_ topic: Topic, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "INSERT INTO topics (name, attributes, tags, created) VALUES (?, ?, ?, ?)", topic.name, topic.attributes,
            topic.tags, transaction.now)
    }

    static func update(_ topic: Topic, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "UPDATE topics SET attributes = ?, tags = ? WHERE name = ?", topic.attributes, topic.tags, topic.name)
    }

    /// Removes a topic with its subscriptions.
    static func delete(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM topic_deliveries WHERE topic = ?", name)
        try transaction.execute("DELETE FROM topic_subscriptions WHERE topic = ?", name)
        try transaction.execute("DELETE FROM topic_deduplication WHERE topic = ?", name)
        try transaction.execute("DELETE FROM topics WHERE name = ?", name)
    }

    /// The number of the next message of a FIFO topic.
    static func nextSequence(_ name: String, _ transaction: borrowing Transaction) throws -> Int {
        try transaction.execute("UPDATE topics SET sequence = sequence + 1 WHERE name = ?", name)
        return try transaction.queryOne("SELECT sequence FROM topics WHERE name = ?", name) { try $0[0] } ?? 0
    }
}
