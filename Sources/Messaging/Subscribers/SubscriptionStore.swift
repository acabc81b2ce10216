internal import API
internal import Core
internal import Storage

/// The table of subscriptions.
enum SubscriptionStore {
    /// Of one topic; each is looked at for every message.
    static let countMax = 10_000

    static let migration = Migration(
        module: "topics", number: 3, name: "subscriptions by HTTP and of functions",
        sql: """
            -- 'pending', 'confirmed' or 'ended'.
            ALTER TABLE topic_subscriptions ADD COLUMN state TEXT NOT NULL DEFAULT 'confirmed';
            ALTER TABLE topic_subscriptions ADD COLUMN token TEXT;
            ALTER TABLE topic_subscriptions ADD COLUMN token_expiry INTEGER;
            ALTER TABLE topic_subscriptions ADD COLUMN was_authenticated INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE topic_subscriptions ADD COLUMN is_guarded INTEGER NOT NULL DEFAULT 0;
            -- Messages on their way to subscribers that are called.
            CREATE TABLE topic_deliveries (
                subscription TEXT NOT NULL, message_id TEXT NOT NULL, topic TEXT NOT NULL, type TEXT NOT NULL,
                body TEXT NOT NULL, is_raw INTEGER NOT NULL, attributes TEXT NOT NULL, attempts INTEGER NOT NULL,
                due INTEGER NOT NULL, principal TEXT NOT NULL, cause TEXT, hops INTEGER NOT NULL,
                PRIMARY KEY (subscription, message_id)
            ) STRICT;
            CREATE INDEX topic_deliveries_due ON topic_deliveries (due, subscription);
            CREATE INDEX topic_deliveries_subscription ON topic_deliveries (subscription, due);
            """)

    /// - Parameter orEnded: Whether one that is over counts too.
    static func find(
        _ id: String, orEnded: Bool = false, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Subscription? {
        try transaction.queryOne(
            "SELECT \(Subscription.columns) FROM topic_subscriptions WHERE id = ? AND (state != 'ended' OR ?)", id,
            orEnded
        ) { try Subscription($0) }
    }

    /// - Throws: `ServiceError` `.notFound`.
    static func subscription(
        _ id: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Subscription {
        guard let subscription = try find(id, transaction) else {
            throw ServiceError(.notFound, "Subscription does not exist")
        }
        return subscription
    }

    static func find(
        token: String, of topic: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Subscription? {
        try transaction.queryOne(
            "SELECT \(Subscription.columns) FROM topic_subscriptions WHERE topic = ? AND token = ?", topic, token
        ) { try Subscription($0) }
    }

    /// The one that an endpoint has.
    static func find(like other: Subscription, _ transaction: borrowing Transaction) throws -> Subscription? {
        try transaction.queryOne(
            """
            SELECT \(Subscription.columns) FROM topic_subscriptions WHERE topic = ? AND protocol = ? AND endpoint = ?
            """, other.topic, other.protocol, other.endpoint
        ) { try Subscription($0) }
    }

    /// The oldest first.
    /// - Parameter topic: Nil for those of all topics.
    static func list(
        topic: String?, limit: Int, offset: Int, _ transaction: borrowing ReadTransaction
    ) throws -> [Subscription] {
        try transaction.query(
            """
            SELECT \(Subscription.columns) FROM topic_subscriptions
            WHERE topic \(topic == nil ? "IS NOT ?" : "= ?") AND state != 'ended' ORDER BY number LIMIT ? OFFSET ?
            """, topic, limit, offset
        ) { try Subscription($0) }
    }

    static func confirmed(of topic: String, _ transaction: borrowing Transaction) throws -> [Subscription] {
        try transaction.query(
            """
            SELECT \(Subscription.columns) FROM topic_subscriptions WHERE topic = ? AND state = 'confirmed'
            ORDER BY number
            """, topic
        ) { try Subscription($0) }
    }

    static func count(
        _ state: Subscription.State, of topic: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Int {
        try transaction.queryOne(
            "SELECT count(*) FROM topic_subscriptions WHERE topic = ? AND state = ?", topic, state
        ) { try $0[0] } ?? 0
    }

    /// - Throws: `ServiceError` `.subscriptionLimitExceeded`.
    static func insert(_ subscription: Subscription, _ transaction: borrowing Transaction) throws {
        let count = try transaction.queryOne(
            "SELECT count(*) FROM topic_subscriptions WHERE topic = ?", subscription.topic
        ) { row -> Int in try row[0] }
        guard count ?? 0 < countMax else {
            throw ServiceError(.subscriptionLimitExceeded, "A topic has at most \(countMax) subscriptions.")
        }
        try transaction.execute(
            "INSERT INTO topic_subscriptions (\(Subscription.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            subscription.id, subscription.topic, subscription.protocol, subscription.endpoint, subscription.attributes,
            subscription.state, subscription.token, subscription.tokenExpiry, subscription.wasAuthenticated,
            subscription.isGuarded)
    }

    static func update(_ subscription: Subscription, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            UPDATE topic_subscriptions SET attributes = ?, state = ?, token = ?, token_expiry = ?,
                was_authenticated = ?, is_guarded = ? WHERE id = ?
            """, subscription.attributes, subscription.state, subscription.token, subscription.tokenExpiry,
            subscription.wasAuthenticated, subscription.isGuarded, subscription.id)
    }

    /// Removes a subscription with what is on its way to it.
    static func delete(_ id: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM topic_deliveries WHERE subscription = ?", id)
        try transaction.execute("DELETE FROM topic_subscriptions WHERE id = ?", id)
    }

    /// Removes those that nobody has confirmed or taken back in time.
    static func deleteExpired(_ transaction: borrowing Transaction) throws {
        let expired = try transaction.query(
            "SELECT id FROM topic_subscriptions WHERE state != 'confirmed' AND token_expiry < ?", transaction.now
        ) { row -> String in try row[0] }
        for id in expired { try delete(id, transaction) }
    }
}
