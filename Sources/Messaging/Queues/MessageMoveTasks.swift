internal import API
internal import Core
internal import Platform
internal import Storage

/// Tasks that move all messages of a dead-letter queue back to where they came from, or to another queue.
///
/// A task goes on after a restart where it was: each transaction moves some messages and counts them.
/// - Source: botocore's model of `sqs`; SQS developer guide, "Configure a dead-letter queue redrive".
struct MessageMoveTasks: Sendable {
    let calls: QueueCalls

    static let migrations = [
        Migration(
            module: "queues", number: 2, name: "message move tasks",
            sql: """
                CREATE TABLE queue_moves (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, handle TEXT NOT NULL UNIQUE, source TEXT NOT NULL,
                    -- Of a queue; null for the queues that the messages came from.
                    destination TEXT, rate INTEGER, status TEXT NOT NULL, moved INTEGER NOT NULL DEFAULT 0,
                    to_move INTEGER NOT NULL, failure TEXT, started INTEGER NOT NULL,
                    -- The last message that may be moved: those that come later stay.
                    last INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX queue_moves_source ON queue_moves (source, id);
                CREATE INDEX queue_moves_running ON queue_moves (status) WHERE status IN ('RUNNING', 'CANCELLING');
                """)
    ]

    private static let rateMax = 500
    private static let listedMax = 10
    /// Tasks of one queue that are kept for `ListMessageMoveTasks`.
    private static let keptMax = 10
    private static let tasksMax = 100

    var all: [Operation] {
        [
            Operation(
                "sqs:StartMessageMoveTask", "Moves the messages of a dead-letter queue back.", .writes,
                input: [
                    .required("SourceArn", .string()), .optional("DestinationArn", .string()),
                    .optional("MaxNumberOfMessagesPerSecond", .integer()),
                ], output: [.optional("TaskHandle", .string())], handler: start),
            Operation(
                "sqs:CancelMessageMoveTask", "Ends a task; what it has moved stays moved.", .writes,
                input: [.required("TaskHandle", .string())],
                output: [.optional("ApproximateNumberOfMessagesMoved", .integer())], handler: cancel),
            Operation(
                "sqs:ListMessageMoveTasks", "Lists the latest tasks of a queue.", .reads,
                input: [.required("SourceArn", .string()), .optional("MaxResults", .integer())],
                output: [.optional("Results", .list(.any))], handler: list),
        ]
    }

    // MARK: Operations

    private func start(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let source = try calls.name(ofARN: input["SourceArn"])
        let destination = try input["DestinationArn"].map { arn throws(ServiceError) in try calls.name(ofARN: arn) }
        let rate = try QueueCalls.integer(
            input, "MaxNumberOfMessagesPerSecond", 1...MessageMoveTasks.rateMax,
            "Must be between 1 and \(MessageMoveTasks.rateMax), if provided.")
        var random = BlockRandom()
        let handle = Base64.encode(Array("\(Identifier(using: &random)) \(source)".utf8))
        try await calls.database.write(context) { transaction in
            let queue = try MessageMoveTasks.queue(source, transaction)
            try MessageMoveTasks.check(queue, destination, transaction)
            let last = try transaction.queryOne(
                "SELECT max(id), count(*) FROM queue_messages WHERE contents = ?", queue.contents
            ) { row -> (Int?, Int) in (try row[0], try row[1]) }
            try transaction.execute(
                """
                INSERT INTO queue_moves (handle, source, destination, rate, status, to_move, started, last)
                VALUES (?, ?, ?, ?, 'RUNNING', ?, ?, ?)
                """, handle, source, destination, rate, last?.1 ?? 0, transaction.now, last?.0 ?? 0)
            try transaction.execute(
                """
                DELETE FROM queue_moves WHERE source = ?1 AND id <= coalesce(
                    (SELECT id FROM queue_moves WHERE source = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2), 0)
                """, source, MessageMoveTasks.keptMax)
            try transaction.audit(
                "StartMessageMoveTask", on: queue.subject, outcome: .success, detail: ["TaskHandle": .string(handle)])
            calls.contents.moves.wake(after: transaction)
        }
        return ["TaskHandle": .string(handle)]
    }

    private static func queue(_ name: String, _ transaction: borrowing Transaction) throws -> Queue {
        guard let queue = try QueueStore.find(name, transaction) else {
            throw ServiceError(
                .resourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
        }
        return queue
    }

    private static func check(
        _ queue: Queue, _ destination: String?, _ transaction: borrowing Transaction
    ) throws {
        let isTarget = try transaction.queryOne(
            "SELECT 1 FROM queues WHERE dead_letters = ? LIMIT 1", queue.name
        ) { _ in true }
        guard isTarget == true else {
            throw ServiceError(
                .invalidParameterValue, "Source queue must be configured as a Dead Letter Queue.")
        }
        if let destination {
            guard let target = try QueueStore.find(destination, transaction) else {
                throw ServiceError(
                    .resourceNotFound,
                    "The resource that you specified for the DestinationArn parameter doesn't exist.")
            }
            guard target.isFIFO == queue.isFIFO, target.name != queue.name else {
                throw ServiceError(
                    .invalidParameterValue, "Source and destination must be two queues of the same type.")
            }
        }
        let running = try transaction.query(
            "SELECT source FROM queue_moves WHERE status IN ('RUNNING', 'CANCELLING')"
        ) { row -> String in try row[0] }
        guard !running.contains(queue.name) else {
            throw ServiceError(
                .unsupportedOperation,
                "There is already a task running. Only one active task is allowed for a source queue arn at a given "
                    + "time.")
        }
        guard running.count < tasksMax else {
            throw ServiceError(.throttling, "\(tasksMax) tasks run already.")
        }
    }

    private func cancel(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let handle = input["TaskHandle"]?.string ?? ""
        let moved = try await calls.database.write(context) { transaction in
            let task = try transaction.queryOne(
                "SELECT source, moved, status FROM queue_moves WHERE handle = ?", handle
            ) { row -> (source: String, moved: Int, status: String) in (try row[0], try row[1], try row[2]) }
            guard let task else { throw ServiceError(.resourceNotFound, "Task does not exist.") }
            guard task.status == "RUNNING" else {
                throw ServiceError(
                    .unsupportedOperation, "Only active tasks can be cancelled; this one is \(task.status).")
            }
            try transaction.execute("UPDATE queue_moves SET status = 'CANCELLED' WHERE handle = ?", handle)
            try transaction.audit(
                "CancelMessageMoveTask", on: Subject(.queue, task.source), outcome: .success,
                detail: ["TaskHandle": .string(handle)])
            return task.moved
        }
        return ["ApproximateNumberOfMessagesMoved": .integer(moved)]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let source = try calls.name(ofARN: input["SourceArn"])
        let limit = try QueueCalls.integer(
            input, "MaxResults", 1...MessageMoveTasks.listedMax, "Must be between 1 and 10, if provided.")
        let results = try await calls.database.read { transaction in
            guard try QueueStore.find(source, transaction) != nil else {
                throw ServiceError(
                    .resourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
            }
            return try transaction.query(
                """
                SELECT handle, status, destination, rate, moved, to_move, failure, started FROM queue_moves
                WHERE source = ? ORDER BY id DESC LIMIT ?
                """, source, limit ?? 1
            ) { row in try describe(row, source) }
        }
        return results.isEmpty ? [:] : ["Results": .array(results)]
    }

    private func describe(_ row: borrowing Row, _ source: String) throws(StorageError) -> JSON {
        let status: String = try row[1]
        let destination: String? = try row[2]
        let rate: Int? = try row[3]
        let failure: String? = try row[6]
        let started: Timestamp = try row[7]
        let moved: Int = try row[4]
        let toMove: Int = try row[5]
        var json: JSON = [
            "Status": .string(status), "SourceArn": .string(calls.contents.arn(source)),
            "ApproximateNumberOfMessagesMoved": .integer(moved),
            "ApproximateNumberOfMessagesToMove": .integer(toMove),
            "StartedTimestamp": .integer(started.microseconds / 1000),
        ]
        // Only what runs can be cancelled.
        if status == "RUNNING" {
            let handle: String = try row[0]
            json["TaskHandle"] = .string(handle)
        }
        json["DestinationArn"] = destination.map { .string(calls.contents.arn($0)) }
        json["MaxNumberOfMessagesPerSecond"] = rate.map { .integer($0) }
        json["FailureReason"] = failure.map { .string($0) }
        return json
    }
}
