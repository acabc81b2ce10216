internal import API
internal import Core
internal import Platform
internal import Storage

/// Puts messages into queues and takes them out again, in transactions of the caller's.
///
/// Standard queues hand out messages by the time from which on they are visible. FIFO queues hand out groups: a group
/// is ready when its first message is, and hidden while any of its messages is in flight, so that the messages of a
/// group come one batch after the other.
struct QueueContents: Sendable {
    let account: Account
    let clock: any Clock
    let waiters: QueueWaiters
    let moves: MessageMoves

    static let deduplicationWindow = Duration.seconds(300)
    /// How long an id chosen by a sender is known: longer than a rule's target is retried.
    private static let identifierRetention = Duration.seconds(2 * Limits.retryAgeSecondsMax)

    func arn(_ queue: String) -> String { account.arn("sqs", queue).description }

    // MARK: In

    /// Puts a message, checked for this queue, into it.
    /// - Returns: The message as it was taken first where it came twice.
    /// - Throws: `StorageError`.
    func send(_ message: OutgoingMessage, to queue: Queue, _ transaction: borrowing Transaction) throws -> SentMessage {
        var random = SystemRandomNumberGenerator()
        let identifier = (message.identifier ?? Identifier(using: &random)).description
        let now = transaction.now
        let deduplication = queue.isFIFO ? message.deduplication ?? sha256(Array(message.body.utf8)) : nil
        let scope = queue.attributes.deduplicatesInGroups ? "group/\(message.group ?? "")" : "queue"
        for (scope, id) in [(scope, deduplication), ("identifier", message.identifier?.description)] {
            if let id, let sent = try earlier(id, scope, queue, transaction) { return sent }
        }
        let visible = now + (message.delay ?? queue.attributes.delay)
        try transaction.execute(
            """
            INSERT INTO queue_messages (contents, message_id, body, attributes, trace, sender, sent, visible,
                message_group, deduplication) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, queue.contents, identifier, message.body, message.attributes.isEmpty ? nil : message.attributes.json,
            message.trace.values.first?.value.text, transaction.context.principal.name, now, visible, message.group,
            deduplication)
        let id = Int(transaction.lastInsertedRow)
        if let deduplication {
            let until = now + QueueContents.deduplicationWindow
            try remember(deduplication, scope, until: until, identifier, id, queue, transaction)
        }
        if message.identifier != nil {
            let until = now + QueueContents.identifierRetention
            try remember(identifier, "identifier", until: until, identifier, id, queue, transaction)
        }
        try added(queue, group: message.group, visible: visible, transaction)
        return SentMessage(identifier: identifier, sequence: queue.isFIFO ? QueuedMessage.sequence(id) : nil)
    }

    private func earlier(
        _ id: String, _ scope: String, _ queue: Queue, _ transaction: borrowing Transaction
    ) throws -> SentMessage? {
        try transaction.queryOne(
            """
            SELECT message_id, sequence FROM queue_deduplication
            WHERE contents = ? AND scope = ? AND id = ? AND until > ?
            """, queue.contents, scope, id, transaction.now
        ) { row in
            SentMessage(identifier: try row[0], sequence: queue.isFIFO ? QueuedMessage.sequence(try row[1]) : nil)
        }
    }

    private func remember(
        _ id: String, _ scope: String, until: Timestamp, _ identifier: String, _ sequence: Int, _ queue: Queue,
        _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            INSERT OR REPLACE INTO queue_deduplication (contents, scope, id, message_id, sequence, until)
            VALUES (?, ?, ?, ?, ?, ?)
            """, queue.contents, scope, id, identifier, sequence, until)
    }

    /// Counts a message that came into a queue, and tells who waits.
    private func added(
        _ queue: Queue, group: String?, visible: Timestamp, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute("UPDATE queue_contents SET messages = messages + 1 WHERE id = ?", queue.contents)
        if queue.isFIFO {
            // A group that is there already has a first message, and that decides.
            try transaction.execute(
                "INSERT INTO queue_groups (contents, name, ready) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                queue.contents, group ?? "", visible)
        }
        signal(queue.name, transaction)
    }

    /// Lets who waits for this queue look again once the transaction is durable.
    func signal(_ queue: String, _ transaction: borrowing Transaction) {
        let waiters = waiters
        transaction.afterCommit { waiters.signal(queue) }
    }

    // MARK: Out

    /// The message of a receipt; nil where it is there no more.
    func message(
        _ receipt: Receipt, in queue: Queue, _ transaction: borrowing Transaction
    ) throws -> QueuedMessage? {
        try transaction.queryOne(
            "SELECT \(QueuedMessage.columns) FROM queue_messages WHERE id = ? AND contents = ? AND message_id = ?",
            receipt.message, queue.contents, receipt.identifier
        ) { try QueuedMessage($0) }
    }

    /// When a message was handed out last; nil where it never was.
    func lastReceived(_ message: QueuedMessage, _ transaction: borrowing Transaction) throws -> Timestamp? {
        try transaction.queryOne("SELECT last_received FROM queue_messages WHERE id = ?", message.id) { try $0[0] }
    }

    func remove(_ message: QueuedMessage, from queue: Queue, _ transaction: borrowing Transaction) throws {
        try transaction.execute("DELETE FROM queue_messages WHERE id = ?", message.id)
        try transaction.execute("UPDATE queue_contents SET messages = messages - 1 WHERE id = ?", queue.contents)
        if queue.isFIFO {
            try settle(message.group ?? "", in: queue, transaction)
            signal(queue.name, transaction)
        }
    }

    /// Makes a message visible from `time` on.
    func hide(
        _ message: QueuedMessage, until time: Timestamp, in queue: Queue, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute("UPDATE queue_messages SET visible = ? WHERE id = ?", time, message.id)
        if queue.isFIFO { try settle(message.group ?? "", in: queue, transaction) }
        signal(queue.name, transaction)
    }

    /// Finds out from when on a group may be received, after any of its first messages has changed.
    func settle(_ group: String, in queue: Queue, _ transaction: borrowing Transaction) throws {
        // Only the first messages can be in flight: no other is received while one is, and never more than a batch.
        let first = try transaction.query(
            """
            SELECT visible, receives > receives_before FROM queue_messages WHERE contents = ? AND message_group = ?
            ORDER BY id LIMIT \(QueueReceive.messagesMax)
            """, queue.contents, group
        ) { row -> (visible: Timestamp, wasReceived: Bool) in (try row[0], try row[1]) }
        guard let head = first.first else {
            try transaction.execute("DELETE FROM queue_groups WHERE contents = ? AND name = ?", queue.contents, group)
            return
        }
        let now = transaction.now
        let inFlight = first.filter { $0.wasReceived && $0.visible > now }.map(\.visible)
        try transaction.execute(
            "UPDATE queue_groups SET ready = ? WHERE contents = ? AND name = ?", inFlight.max() ?? head.visible,
            queue.contents, group)
    }

    // MARK: Elsewhere

    /// Moves a message that was received too often into its dead-letter queue. The time it was sent stays, except in
    /// FIFO queues.
    func bury(
        _ message: QueuedMessage, of queue: Queue, in target: Queue, _ transaction: borrowing Transaction
    ) throws {
        let now = transaction.now
        try transaction.execute(
            """
            INSERT INTO queue_messages (contents, message_id, body, attributes, trace, sender, sent, visible, receives,
                receives_before, first_received, message_group, deduplication, source)
            SELECT ?, message_id, body, attributes, trace, sender, ?, ?, receives, receives, first_received,
                message_group, deduplication, ? FROM queue_messages WHERE id = ?
            """, target.contents, target.isFIFO ? now : message.sent, now, arn(queue.name), message.id)
        try added(target, group: message.group, visible: now, transaction)
        try remove(message, from: queue, transaction)
        try transaction.audit(
            "MoveToDeadLetterQueue", on: queue.subject, outcome: .success,
            detail: ["MessageId": .string(message.identifier), "Target": .string(target.name)])
    }

    /// Moves a message to another queue as a new one, with an id and a time of its own.
    func move(
        _ message: QueuedMessage, from queue: Queue, to target: Queue, _ transaction: borrowing Transaction
    ) throws {
        var random = SystemRandomNumberGenerator()
        let now = transaction.now
        try transaction.execute(
            """
            INSERT INTO queue_messages (contents, message_id, body, attributes, trace, sender, sent, visible,
                message_group, deduplication)
            SELECT ?, ?, body, attributes, trace, sender, ?, ?, message_group, deduplication
            FROM queue_messages WHERE id = ?
            """, target.contents, Identifier(using: &random).description, now, now, message.id)
        try added(target, group: message.group, visible: now, transaction)
        try remove(message, from: queue, transaction)
    }

    /// Removes messages that are older than their queue keeps them.
    /// - Returns: How many; `limit` where there may be more.
    @discardableResult
    func expire(_ queue: Queue, limit: Int, _ transaction: borrowing Transaction) throws -> Int {
        let old = try transaction.query(
            """
            SELECT \(QueuedMessage.columns) FROM queue_messages WHERE contents = ? AND sent <= ?
            ORDER BY sent LIMIT ?
            """, queue.contents, transaction.now - queue.attributes.retention, limit
        ) { try QueuedMessage($0) }
        if old.isEmpty { return 0 }
        for message in old { try remove(message, from: queue, transaction) }
        try transaction.audit(
            "ExpireMessages", on: queue.subject, outcome: .success,
            detail: ["MessageIds": .array(old.map { .string($0.identifier) })], context: .system)
        return old.count
    }
}
