internal import API
internal import Core
internal import Storage

/// A message to a topic about a command: a row that is there until the topic has it.
/// - Source: Systems Manager user guide, "Monitoring Systems Manager status changes using Amazon SNS notifications".
struct CommandNotification: Sendable {
    /// Also the message's own: the topic takes it in once.
    let id: Identifier
    let command: Identifier
    let topicARN: String
    let message: String
    let attempts: Int

    /// The command has come into a status.
    static func add(_ status: CommandStatus, of command: CommandRecord, in transaction: borrowing Transaction) throws {
        guard command.destinations.tells(status.status, of: "Command") else { return }
        try add(
            [
                "commandId": .string(command.id.description), "documentName": .string(command.documentName),
                "instanceIds": .array(command.instanceIDs.map { .string($0) }),
                "requestedDateTime": .string(command.requestedAt.millisecondDescription),
                "expiresAfter": .string(command.expiresAt.millisecondDescription),
                "outputS3BucketName": .string(command.destinations.bucket),
                "outputS3KeyPrefix": .string(command.destinations.keyPrefix), "status": .string(status.status),
                "eventTime": .string(transaction.now.millisecondDescription),
            ], of: command, in: transaction)
    }

    /// The command has come into a status on a node.
    static func add(
        _ status: InvocationStatus, of command: CommandRecord, on node: String, in transaction: borrowing Transaction
    ) throws {
        guard command.destinations.tells(status.status, of: "Invocation") else { return }
        try add(
            [
                "commandId": .string(command.id.description), "documentName": .string(command.documentName),
                "instanceId": .string(node),
                "requestedDateTime": .string(command.requestedAt.millisecondDescription),
                "status": .string(status.status), "eventTime": .string(transaction.now.millisecondDescription),
            ], of: command, in: transaction)
    }

    private static func add(_ message: JSON, of command: CommandRecord, in transaction: borrowing Transaction) throws {
        var generator = SystemRandomNumberGenerator()
        try transaction.execute(
            """
            INSERT INTO command_notifications (id, command, topic_arn, message, attempts, due_at)
            VALUES (?, ?, ?, ?, 0, ?)
            """, Identifier(using: &generator), command.id, command.destinations.topicARN, message.text,
            transaction.now)
    }

    static func due(
        at time: Timestamp, limit: Int, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [CommandNotification] {
        try transaction.query(
            """
            SELECT id, command, topic_arn, message, attempts FROM command_notifications
            WHERE due_at <= ? ORDER BY due_at LIMIT ?
            """, time, limit
        ) { row in
            CommandNotification(
                id: try row[0], command: try row[1], topicARN: try row[2], message: try row[3], attempts: try row[4])
        }
    }

    func remove(in transaction: borrowing Transaction) throws {
        try transaction.execute("DELETE FROM command_notifications WHERE id = ?", id)
    }

    func postpone(by delay: Duration, in transaction: borrowing Transaction) throws {
        try transaction.execute(
            "UPDATE command_notifications SET attempts = attempts + 1, due_at = ? WHERE id = ?",
            transaction.now + delay, id)
    }
}
