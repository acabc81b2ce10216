internal import Core
internal import Storage

/// One firing of a schedule on its way to the target, with all its attempts.
struct Invocation: Sendable {
    /// The execution id: of the schedule and the scheduled time, so that a firing recorded twice is one.
    let id: Identifier
    let group: String
    let name: String
    let scheduled: Timestamp
    /// The schedule's target as it was when it fired.
    let target: JSON
    /// Attempts made so far.
    var attempts = 0
    /// When it fired.
    let created: Timestamp
    /// When the next attempt is due.
    var due: Timestamp
    /// Why the target was given up; what remains is to tell the dead-letter queue.
    var failure: JSON?

    init(of schedule: Schedule, for scheduled: Timestamp, at now: Timestamp, in account: Account) {
        id = TargetCall.token(
            of: "\(schedule.arn(in: account)) \(schedule.created.microseconds) \(scheduled.microseconds)")
        group = schedule.group
        name = schedule.name
        self.scheduled = scheduled
        target = schedule.target
        created = now
        due = now
    }

    /// What the audit log calls it.
    var subject: Subject { Subject(.execution, id.description) }

    var schedule: Subject { Subject(.schedule, "\(group)/\(name)") }

    func scheduleARN(in account: Account) -> String {
        account.arn("scheduler", "schedule/\(group)/\(name)").description
    }

    /// The same attempt makes the same token, so that one repeated after a crash has no second effect.
    var token: Identifier { TargetCall.token(of: "\(id)/\(attempts + 1)") }

    fileprivate init(_ row: borrowing Row) throws {
        id = try row[0]
        group = try row[1]
        name = try row[2]
        scheduled = try row[3]
        target = try row[4]
        attempts = try row[5]
        created = try row[6]
        due = try row[7]
        failure = try row[8]
    }
}

/// The table of invocations not yet finished.
enum InvocationStore {
    static func insert(_ invocation: Invocation, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO scheduler_invocations (id, group_name, name, scheduled, target, attempts, created, due)
            VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT (id) DO NOTHING
            """, invocation.id, invocation.group, invocation.name, invocation.scheduled, invocation.target,
            invocation.created, invocation.due)
    }

    static func update(_ invocation: Invocation, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "UPDATE scheduler_invocations SET attempts = ?, due = ?, failure = ? WHERE id = ?", invocation.attempts,
            invocation.due, invocation.failure, invocation.id)
    }

    /// Removes one that is finished, and its schedule with it where that was to go after its last invocation.
    static func finish(_ invocation: Invocation, _ transaction: borrowing Transaction) throws {
        try transaction.execute("DELETE FROM scheduler_invocations WHERE id = ?", invocation.id)
        guard
            let schedule = try SchedulerStore.find(invocation.group, invocation.name, transaction.reading),
            schedule.isDeletedAtEnd, schedule.isEnabled, schedule.plan == nil
        else { return }
        let pending: Int? = try transaction.queryOne(
            "SELECT count(*) FROM scheduler_invocations WHERE group_name = ? AND name = ?", invocation.group,
            invocation.name
        ) { row in try row[0] }
        guard pending == 0 else { return }
        try SchedulerStore.delete(schedule.group, schedule.name, transaction)
        try transaction.audit(
            "DeleteSchedule", on: schedule.subject, outcome: .success, detail: ["ActionAfterCompletion": "DELETE"])
    }

    /// By the time they are due, those due later than `now` too.
    static func upcoming(limit: Int, _ transaction: borrowing ReadTransaction) throws -> [Invocation] {
        try transaction.query(
            """
            SELECT id, group_name, name, scheduled, target, attempts, created, due, failure
            FROM scheduler_invocations ORDER BY due LIMIT ?
            """, limit
        ) { row in try Invocation(row) }
    }
}
