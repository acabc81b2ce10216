internal import API
internal import Core
internal import Platform
internal import Storage

/// Brings dead letters to the queues that their targets name.
///
/// What is to be sent is in the database, with the letter; the queue takes the same letter once. A letter that the
/// queue has is no longer kept here; one that the queue refuses is, with the reason.
actor DeadLetterSender {
    private let database: Database
    private let caller: any OperationCaller
    private let account: Account
    private let logs: BusLog
    private let clock: any Clock
    private let log: Log
    private var isRunning = false
    private var mustLook = false
    private var isStopped = false
    /// Failures of letters that may still be taken, by row.
    private var failures: [Int64: Int] = [:]

    private static let batchMax = 100
    private static let attemptsMax = 5
    private static let retryWait = Duration.seconds(1)

    init(
        database: Database, caller: any OperationCaller, account: Account, logs: BusLog, clock: any Clock, log: Log
    ) {
        self.database = database
        self.caller = caller
        self.account = account
        self.logs = logs
        self.clock = clock
        self.log = log
    }

    /// Sends what is to be sent; an earlier run may have left something.
    func wake() {
        mustLook = true
        if isRunning || isStopped { return }
        isRunning = true
        Task { await self.run() }
    }

    func stop() { isStopped = true }

    private func run() async {
        while mustLook, !isStopped {
            mustLook = false
            do {
                let letters = try await database.read {
                    try DeadLetter.select(where: "body IS NOT NULL", [], limit: DeadLetterSender.batchMax, $0)
                }
                var mustWait = false
                for (row, letter) in letters where !isStopped {
                    if try await send(letter, row) { mustWait = true }
                }
                if !letters.isEmpty { mustLook = true }
                if mustWait { try await clock.sleep(for: DeadLetterSender.retryWait) }
            } catch {
                log.error("dead letters cannot be sent to their queues: \(error); trying again in a second")
                mustLook = true
                try? await clock.sleep(for: DeadLetterSender.retryWait)
            }
        }
        isRunning = false
    }

    /// - Returns: Whether the letter must be tried again.
    private func send(_ letter: DeadLetter, _ row: Int64) async throws -> Bool {
        let context = OperationContext(
            principal: Principal("rule/\(letter.delivery.rule)"), cause: letter.delivery.subject,
            hops: letter.delivery.entry?.hops ?? 0)
        do throws(ServiceError) {
            _ = try await caller.call("sqs:SendMessage", try message(letter), context)
        } catch {
            let count = failures[row, default: 0] + 1
            failures[row] = error.code.isRetryable && count < DeadLetterSender.attemptsMax ? count : nil
            if failures[row] != nil { return true }
            try await keep(letter, row, because: error, context)
            return false
        }
        failures[row] = nil
        try await database.write(context) { transaction in
            try transaction.execute(
                "DELETE FROM dead_letters WHERE rowid = ? AND delivery_id = ?", row, letter.delivery.identifier)
            try transaction.audit(
                "SendDeadLetter", on: letter.delivery.subject, outcome: .success,
                detail: ["QueueArn": .string(letter.queueARN ?? "")])
        }
        logs.noteDeadLetter(letter, refused: nil, at: clock.now)
        return false
    }

    private func keep(
        _ letter: DeadLetter, _ row: Int64, because error: ServiceError, _ context: OperationContext
    ) async throws {
        try await database.write(context) { transaction in
            try transaction.execute(
                "UPDATE dead_letters SET body = NULL, queue_error = ? WHERE rowid = ? AND delivery_id = ?",
                error.description, row, letter.delivery.identifier)
            try transaction.audit(
                "SendDeadLetter", on: letter.delivery.subject, outcome: .failure(error.code.rawValue),
                detail: ["QueueArn": .string(letter.queueARN ?? ""), "ErrorMessage": .string(error.message)])
        }
        logs.noteDeadLetter(letter, refused: error, at: clock.now)
        log.warning("\(letter.delivery.identifier) stays here: \(letter.queueARN ?? "") refuses it: \(error)")
    }

    /// - Source: EventBridge user guide, "Using dead-letter queues to process undelivered events".
    private func message(_ letter: DeadLetter) throws(ServiceError) -> JSON {
        guard let queue = letter.queueARN.flatMap({ ARN($0) }).map(account.resolve), queue.service == "sqs" else {
            throw ServiceError(.validation, "\(letter.queueARN ?? "") is no queue.")
        }
        let delivery = letter.delivery
        let rule = Rule(name: delivery.rule, bus: delivery.bus).arn(in: account)
        let attributes: [(String, String?)] = [
            ("RULE_ARN", rule.description), ("TARGET_ARN", letter.targetARN), ("ERROR_CODE", letter.errorCode),
            ("ERROR_MESSAGE", letter.errorMessage), ("EXHAUSTED_RETRY_CONDITION", letter.condition),
            ("RETRY_ATTEMPTS", String(max(0, letter.attempts - 1))),
        ]
        var values: JSON = [:]
        for (name, text) in attributes {
            guard let text, !text.isEmpty else { continue }
            // Queues refuse control characters, which errors may quote.
            values[name] = ["DataType": "String", "StringValue": .string(printable(text))]
        }
        var input = TargetCall.message(
            .string(letter.body ?? ""), to: queue, group: nil,
            token: TargetCall.token(of: "dead letter \(delivery.identifier) \(letter.time.microseconds)"))
        input["MessageAttributes"] = values
        return input
    }
}
