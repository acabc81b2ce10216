internal import API
internal import Core
internal import Storage

/// A delivery that failed for good, with all it takes to understand it and to try again.
struct DeadLetter: Sendable {
    var delivery: Delivery
    var targetARN: String
    /// `DeadLetterConfig.Arn` of the target; nil for the queue that takes all others.
    var queueARN: String?
    var errorCode: String
    var errorMessage: String
    var condition: String?
    var attempts: Int
    var time: Timestamp
    /// What the queue is to receive; nil once it has.
    var body: String?
    /// Why the queue would not have it.
    var queueError: String?

    init(
        _ delivery: Delivery, attempts: Int, _ failure: TargetFailure, _ result: DeliveryAttempt.Result,
        _ condition: RetryMachine.Condition?, time: Timestamp
    ) {
        self.delivery = delivery
        targetARN = result.target?.arn.description ?? ""
        queueARN = result.target?.deadLetterQueue
        // The queue gets what the target would have got; the event itself where that could not be made.
        let event = delivery.entry.map { String(decoding: $0.payload, as: UTF8.self) }
        body = queueARN == nil ? nil : result.text ?? event
        errorCode = failure.code
        errorMessage = failure.message
        self.condition = condition?.rawValue
        self.attempts = attempts
        self.time = time
    }

    private init(_ row: borrowing Row) throws {
        let sequence: Int64 = try row[1]
        let entry: [UInt8] = try row[12]
        time = try row[11]
        delivery = Delivery(
            sequence: UInt64(sequence), bus: try row[2], rule: try row[3], target: try row[4], eventID: try row[7],
            attempts: 0, created: time, due: time, entry: entry.withUnsafeBytes { StreamEntry($0) })
        targetARN = try row[5]
        queueARN = try row[6]
        errorCode = try row[8]
        errorMessage = try row[9]
        condition = try row[13]
        attempts = try row[10]
        body = try row[14]
        queueError = try row[15]
    }

    func insert(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT OR REPLACE INTO dead_letters (delivery_id, sequence, bus, rule, target, target_arn, queue_arn,
                event_id, error_code, error_message, attempts, time, entry, condition, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, delivery.identifier, Int64(delivery.sequence), delivery.bus, delivery.rule, delivery.target,
            targetARN, queueARN, delivery.eventID, errorCode, errorMessage, attempts, time,
            delivery.entry?.encoded ?? [], condition, body)
    }

    /// Dead letters in the order they came, after the row given.
    static func select(
        where condition: String = "1", _ values: [(any SQLConvertible)?], after row: Int64 = 0, limit: Int,
        _ transaction: borrowing ReadTransaction
    ) throws -> [(row: Int64, letter: DeadLetter)] {
        try transaction.query(
            """
            SELECT rowid, sequence, bus, rule, target, target_arn, queue_arn, event_id, error_code, error_message,
                attempts, time, entry, condition, body, queue_error FROM dead_letters WHERE rowid > ? AND \(condition)
            ORDER BY rowid LIMIT ?
            """, values: [row] + values + [limit]
        ) { row in (try row[0], try DeadLetter(row)) }
    }

    var json: JSON {
        var json: JSON = [
            "DeliveryId": .string(delivery.identifier), "EventId": .string(delivery.eventID.description),
            "RuleName": .string(delivery.rule), "EventBusName": .string(delivery.bus),
            "TargetId": .string(delivery.target), "TargetArn": .string(targetARN), "ErrorCode": .string(errorCode),
            "ErrorMessage": .string(errorMessage), "RetryAttempts": .integer(max(0, attempts - 1)),
            "Time": .string(time.millisecondDescription),
            "Event": delivery.entry.flatMap { try? JSON(parsing: $0.payload) } ?? .null,
        ]
        json["ExhaustedRetryCondition"] = condition.map { .string($0) }
        json["QueueArn"] = queueARN.map { .string($0) }
        json["QueueError"] = queueError.map { .string($0) }
        return json
    }
}
