internal import API
internal import Core
internal import Storage

/// One message on its way to one subscriber that is called: an HTTP endpoint or a function.
///
/// It is decided in the transaction of what leads to it, and kept until it has arrived or been given up.
struct SubscriberDelivery: Sendable {
    enum Kind: String, Sendable, SQLConvertible {
        case notification = "Notification"
        case confirmation = "SubscriptionConfirmation"
        case end = "UnsubscribeConfirmation"
    }

    let subscription: String
    let messageID: String
    let topic: String
    let kind: Kind
    let body: String
    var isRaw = false
    /// Of a raw message, for its dead-letter queue; an endpoint does not get them.
    var attributes = MessageAttributes()
    var attempts = 0
    var due: Timestamp
    /// Who published, and why. What becomes of it has the same cause as the publish: a topic has too many.
    let context: OperationContext

    /// Waiting for one subscriber; past it, messages go to its dead-letter queue or are dropped.
    static let waitingMax = 10_000

    static let columns = """
        subscription, message_id, topic, type, body, is_raw, attributes, attempts, due, principal, cause, hops
        """

    /// A delivery that is due now.
    init(
        to subscription: Subscription, messageID: String, kind: Kind, body: String, _ transaction: borrowing Transaction
    ) {
        self.subscription = subscription.id
        topic = subscription.topic
        self.messageID = messageID
        self.kind = kind
        self.body = body
        due = transaction.now
        context = transaction.context
    }

    /// - Parameter row: With `columns`.
    init(_ row: borrowing Row) throws(StorageError) {
        subscription = try row[0]
        messageID = try row[1]
        topic = try row[2]
        kind = try row[3]
        body = try row[4]
        isRaw = try row[5]
        attributes = MessageAttributes(stored: try row[6])
        attempts = try row[7]
        due = try row[8]
        context = OperationContext(principal: try row[9], cause: try row[10], hops: try row[11])
    }

    var subject: Subject { Subject(.delivery, "\(messageID)/\(subscription)") }
}

/// The table of messages on their way to subscribers that are called.
enum SubscriberDeliveryStore {
    /// - Returns: False where too many wait for this subscriber.
    static func insert(_ delivery: SubscriberDelivery, _ transaction: borrowing Transaction) throws -> Bool {
        let waiting = try transaction.queryOne(
            "SELECT count(*) FROM topic_deliveries WHERE subscription = ?", delivery.subscription
        ) { row -> Int in try row[0] }
        guard waiting ?? 0 < SubscriberDelivery.waitingMax else { return false }
        try transaction.execute(
            """
            INSERT INTO topic_deliveries (\(SubscriberDelivery.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, delivery.subscription, delivery.messageID, delivery.topic, delivery.kind, delivery.body,
            delivery.isRaw, delivery.attributes.json, delivery.attempts, delivery.due, delivery.context.principal,
            delivery.context.cause, delivery.context.hops)
        return true
    }

    /// Subscriptions for which something is due, those that wait longest first.
    static func dueSubscriptions(limit: Int, _ now: Timestamp, _ transaction: borrowing ReadTransaction) throws
        -> [String]
    {
        try transaction.query(
            """
            SELECT subscription FROM topic_deliveries WHERE due <= ? GROUP BY subscription ORDER BY min(due) LIMIT ?
            """, now, limit
        ) { try $0[0] }
    }

    /// When something is due after `now`.
    static func nextDue(after now: Timestamp, _ transaction: borrowing ReadTransaction) throws -> Timestamp? {
        try transaction.queryOne("SELECT due FROM topic_deliveries WHERE due > ? ORDER BY due LIMIT 1", now) {
            try $0[0]
        }
    }

    static func due(
        for subscription: String, limit: Int, _ now: Timestamp, _ transaction: borrowing ReadTransaction
    ) throws -> [SubscriberDelivery] {
        try transaction.query(
            """
            SELECT \(SubscriberDelivery.columns) FROM topic_deliveries WHERE subscription = ? AND due <= ?
            ORDER BY due, rowid LIMIT ?
            """, subscription, now, limit
        ) { try SubscriberDelivery($0) }
    }

    /// - Returns: False where it is gone: its subscription has ended, or all state was wiped.
    static func delete(_ delivery: SubscriberDelivery, _ transaction: borrowing Transaction) throws(StorageError)
        -> Bool
    {
        try transaction.execute(
            "DELETE FROM topic_deliveries WHERE subscription = ? AND message_id = ?", delivery.subscription,
            delivery.messageID) == 1
    }

    /// - Returns: As `delete`.
    static func postpone(
        _ delivery: SubscriberDelivery, attempts: Int, until due: Timestamp, _ transaction: borrowing Transaction
    ) throws(StorageError) -> Bool {
        try transaction.execute(
            "UPDATE topic_deliveries SET attempts = ?, due = ? WHERE subscription = ? AND message_id = ?", attempts,
            due, delivery.subscription, delivery.messageID) == 1
    }
}
