internal import API
internal import Core
internal import Platform
internal import Storage

/// Works off the tasks that move messages, some messages of each in turn, not faster than each may.
struct MessageMover: Sendable {
    let database: Database
    let contents: QueueContents
    let clock: any Clock
    let log: Log

    /// Messages moved in one transaction.
    private static let batchMax = 100
    private static let interval = Duration.seconds(1)

    private struct Job: Sendable {
        let handle: String
        let source: String
        let destination: String?
        let rate: Int?
        let last: Int
    }

    /// Runs until it is cancelled.
    func run() async {
        for await _ in contents.moves.wakeups {
            do {
                while try await moveSome() { try await clock.sleep(for: MessageMover.interval) }
            } catch is CancellationError {
                return
            } catch {
                log.error("messages cannot be moved: \(error)")
                // What could not be written now may be in a second.
                guard (try? await clock.sleep(for: MessageMover.interval)) != nil else { return }
                contents.moves.wake()
            }
        }
    }

    /// Moves what may be moved within a second.
    /// - Returns: Whether there is more to do.
    private func moveSome() async throws -> Bool {
        let jobs = try await database.read { transaction in
            try transaction.query(
                "SELECT handle, source, destination, rate, last FROM queue_moves WHERE status = 'RUNNING' ORDER BY id"
            ) { row in
                Job(handle: try row[0], source: try row[1], destination: try row[2], rate: try row[3], last: try row[4])
            }
        }
        for job in jobs {
            var left = job.rate ?? Int.max
            while left > 0, !Task.isCancelled {
                let moved = try await move(job, min(left, MessageMover.batchMax))
                if moved == 0 { break }
                left -= moved
            }
        }
        return try await database.read { transaction in
            try transaction.queryOne("SELECT 1 FROM queue_moves WHERE status = 'RUNNING' LIMIT 1") { _ in true }
                ?? false
        }
    }

    /// - Returns: How many messages were moved; none where the task has come to its end, or has to wait.
    private func move(_ job: Job, _ count: Int) async throws -> Int {
        let context = OperationContext(principal: .system, cause: Subject(.queue, job.source))
        return try await database.write(context) { try move(job, count, $0) }
    }

    private func move(_ job: Job, _ count: Int, _ transaction: borrowing Transaction) throws -> Int {
        let status = try transaction.queryOne("SELECT status FROM queue_moves WHERE handle = ?", job.handle) {
            row -> String in try row[0]
        }
        guard status == "RUNNING" else { return 0 }
        guard let source = try QueueStore.find(job.source, transaction) else {
            return try end(job, failure: "The source queue was deleted.", transaction)
        }
        let messages = try transaction.query(
            """
            SELECT \(QueuedMessage.columns) FROM queue_messages WHERE contents = ? AND visible <= ? AND id <= ?
            ORDER BY visible, id LIMIT ?
            """, source.contents, transaction.now, job.last, count
        ) { try QueuedMessage($0) }
        if messages.isEmpty {
            // Those in flight are moved when they come back.
            let isLeft = try transaction.queryOne(
                "SELECT 1 FROM queue_messages WHERE contents = ? AND id <= ? LIMIT 1", source.contents, job.last
            ) { _ in true }
            return isLeft == nil ? try end(job, failure: nil, transaction) : 0
        }
        var moved: [JSON] = []
        for message in messages {
            let name = job.destination ?? message.source.flatMap { ARN($0)?.resource } ?? ""
            guard let target = try QueueStore.find(name, transaction), target.isFIFO == source.isFIFO else {
                _ = try end(
                    job, failure: "There is no queue \(name) to move message \(message.identifier) to.", transaction)
                break
            }
            try contents.move(message, from: source, to: target, transaction)
            moved.append(.string(message.identifier))
        }
        if moved.isEmpty { return 0 }
        try transaction.execute("UPDATE queue_moves SET moved = moved + ? WHERE handle = ?", moved.count, job.handle)
        try transaction.audit(
            "MoveMessages", on: source.subject, outcome: .success,
            detail: ["TaskHandle": .string(job.handle), "MessageIds": .array(moved)])
        return moved.count
    }

    /// - Returns: 0, as nothing more is moved.
    private func end(_ job: Job, failure: String?, _ transaction: borrowing Transaction) throws(StorageError) -> Int {
        let status = failure == nil ? "COMPLETED" : "FAILED"
        try transaction.execute(
            "UPDATE queue_moves SET status = ?, failure = ? WHERE handle = ?", status, failure, job.handle)
        try transaction.audit(
            "MoveMessages", on: Subject(.queue, job.source),
            outcome: failure == nil ? .success : .failure("InvalidDestination"),
            detail: ["TaskHandle": .string(job.handle), "Status": .string(status)])
        return 0
    }
}

/// Tells the mover that there is something to do.
final class MessageMoves: Sendable {
    let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() { (wakeups, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func wake() { signal.yield() }

    /// Once the transaction is durable.
    func wake(after transaction: borrowing Transaction) {
        let signal = signal
        transaction.afterCommit { signal.yield() }
    }

    func end() { signal.finish() }
}
