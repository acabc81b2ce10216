internal import API
internal import Core
internal import Storage
internal import Synchronization

/// One look into a queue for messages to hand out.
struct QueueReceive: Sendable {
    enum Found: Sendable {
        /// At least one.
        case messages([QueuedMessage])
        /// None; the next one that is known of becomes visible at the time given.
        case nothing(next: Timestamp?)
        /// Too much was in the way that had to be removed first: look again.
        case again
    }

    /// Messages of one answer.
    static let messagesMax = 10
    /// Expired messages removed in one look.
    private static let expiredMax = 1000
    /// Received and neither deleted nor visible again.
    private static let inFlightMax = 120_000
    private static let inFlightFIFOMax = 20_000

    let contents: QueueContents
    let gauge: InFlightGauge
    var count = 1
    var visibility: Duration
    /// By which a receiver that got no answer asks for the same messages again.
    var attempt: String?

    /// - Throws: `ServiceError` `.overLimit` where too many messages of a standard queue are in flight.
    func look(into queue: Queue, _ transaction: borrowing Transaction) throws -> Found {
        if try contents.expire(queue, limit: QueueReceive.expiredMax, transaction) == QueueReceive.expiredMax {
            return .again
        }
        guard try hasRoom(queue, transaction) else { return .nothing(next: nil) }
        var isDisturbed = false
        let taken =
            queue.isFIFO
            ? try takeGroups(queue, &isDisturbed, transaction) : try take(queue, &isDisturbed, transaction)
        if !taken.isEmpty {
            gauge.add(taken.count, to: queue.contents)
            contents.signal(queue.name, transaction)
            return .messages(taken)
        }
        return isDisturbed ? .again : .nothing(next: try next(queue, transaction))
    }

    /// When the next message, or group, that is hidden now becomes visible.
    private func next(_ queue: Queue, _ transaction: borrowing Transaction) throws -> Timestamp? {
        let sql =
            queue.isFIFO
            ? "SELECT ready FROM queue_groups WHERE contents = ? AND ready > ? ORDER BY ready LIMIT 1"
            : "SELECT visible FROM queue_messages WHERE contents = ? AND visible > ? ORDER BY visible LIMIT 1"
        return try transaction.queryOne(sql, queue.contents, transaction.now) { try $0[0] }
    }

    /// - Parameter isDisturbed: Set where messages became dead letters.
    private func take(
        _ queue: Queue, _ isDisturbed: inout Bool, _ transaction: borrowing Transaction
    ) throws -> [QueuedMessage] {
        let rows = try transaction.query(
            """
            SELECT \(QueuedMessage.columns) FROM queue_messages WHERE contents = ? AND visible <= ?
            ORDER BY visible, id LIMIT ?
            """, queue.contents, transaction.now, count
        ) { try QueuedMessage($0) }
        return try take(rows, of: queue, &isDisturbed, transaction)
    }

    private func takeGroups(
        _ queue: Queue, _ isDisturbed: inout Bool, _ transaction: borrowing Transaction
    ) throws -> [QueuedMessage] {
        let again = try takeAgain(queue, transaction)
        if !again.isEmpty { return again }
        let groups: [String] = try transaction.query(
            "SELECT name FROM queue_groups WHERE contents = ? AND ready <= ? ORDER BY ready, name LIMIT ?",
            queue.contents, transaction.now, count
        ) { try $0[0] }
        var taken: [QueuedMessage] = []
        for group in groups where taken.count < count {
            let rows = try transaction.query(
                """
                SELECT \(QueuedMessage.columns) FROM queue_messages WHERE contents = ? AND message_group = ?
                ORDER BY id LIMIT ?
                """, queue.contents, group, count - taken.count
            ) { try QueuedMessage($0) }
            let now = transaction.now
            let visible = Array(rows.prefix { $0.visible <= now })
            taken += try take(visible, of: queue, &isDisturbed, transaction)
            try contents.settle(group, in: queue, transaction)
        }
        return taken
    }

    /// The messages that the same attempt was given already, hidden for as long again.
    private func takeAgain(_ queue: Queue, _ transaction: borrowing Transaction) throws -> [QueuedMessage] {
        guard let attempt else { return [] }
        let now = transaction.now
        let rows = try transaction.query(
            """
            SELECT \(QueuedMessage.columns) FROM queue_messages WHERE contents = ? AND attempt = ? AND visible > ?
                AND last_received > ? ORDER BY id
            """, queue.contents, attempt, now, now - QueueContents.deduplicationWindow
        ) { try QueuedMessage($0) }
        for message in rows { try contents.hide(message, until: now + visibility, in: queue, transaction) }
        return rows
    }

    /// Marks messages as received, but for those received too often.
    private func take(
        _ rows: [QueuedMessage], of queue: Queue, _ isDisturbed: inout Bool, _ transaction: borrowing Transaction
    ) throws -> [QueuedMessage] {
        let now = transaction.now
        let redrive = queue.attributes.redrive
        // Where the dead-letter queue is gone, its messages stay.
        let graveyard = try redrive.flatMap { try QueueStore.find($0.target.resource, transaction) }
        var taken: [QueuedMessage] = []
        for var message in rows {
            if let redrive, let graveyard, message.receives - message.receivesBefore >= redrive.receivesMax {
                try contents.bury(message, of: queue, in: graveyard, transaction)
                isDisturbed = true
                continue
            }
            message.receives += 1
            message.visible = now + visibility
            message.firstReceived = message.firstReceived ?? now
            try transaction.execute(
                """
                UPDATE queue_messages SET visible = ?, receives = ?, first_received = ?, last_received = ?, attempt = ?
                WHERE id = ?
                """, message.visible, message.receives, message.firstReceived, now, attempt, message.id)
            taken.append(message)
        }
        return taken
    }

    private func hasRoom(_ queue: Queue, _ transaction: borrowing Transaction) throws -> Bool {
        let most = queue.isFIFO ? QueueReceive.inFlightFIFOMax : QueueReceive.inFlightMax
        let isWithin = try gauge.isWithin(most - count, queue.contents) {
            try transaction.queryOne(
                "SELECT count(*) FROM queue_messages WHERE contents = ? AND visible > ? AND receives > 0",
                queue.contents, transaction.now
            ) { try $0[0] } ?? 0
        }
        if !isWithin && !queue.isFIFO {
            throw ServiceError(
                .overLimit, "Too many messages in flight: \(queue.name) has \(most) that are not deleted.")
        }
        return isWithin
    }
}

/// How many messages of each queue are in flight at most: what was counted last and what was received since, so that
/// they are counted only where there may be too many.
final class InFlightGauge: Sendable {
    private let bounds = Mutex<[Int: Int]>([:])

    func add(_ count: Int, to contents: Int) {
        bounds.withLock { $0[contents]? += count }
    }

    /// - Parameter exact: Counts them.
    func isWithin(_ most: Int, _ contents: Int, exact: () throws -> Int) rethrows -> Bool {
        if let bound = bounds.withLock({ $0[contents] }), bound <= most { return true }
        let count = try exact()
        bounds.withLock { $0[contents] = count }
        return count <= most
    }

    func forget(_ contents: Int) {
        bounds.withLock { $0[contents] = nil }
    }
}
