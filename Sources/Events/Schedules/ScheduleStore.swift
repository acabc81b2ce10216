internal import Core
internal import Storage

/// When the schedules of rules are next due.
enum ScheduleStore {
    static let migrations = [
        Migration(
            module: "schedules", number: 1, name: "schedules of rules by their next time",
            sql: "CREATE INDEX schedules_due ON schedules (due) WHERE due IS NOT NULL;")
    ]

    struct Due: Sendable {
        var bus: String
        var rule: String
        var expression: String
        var anchor: Timestamp
        var due: Timestamp
    }

    /// Brings a rule's schedule in line with the rule. An unchanged expression keeps its due time and its anchor, so
    /// that saving a rule again does not restart `rate()`.
    static func put(_ rule: Rule, _ transaction: borrowing Transaction) throws(StorageError) {
        guard let text = rule.scheduleExpression, rule.state.isEnabled,
            let expression = try? ScheduleExpression(parsing: text)
        else {
            try transaction.execute("DELETE FROM schedules WHERE bus = ? AND rule = ?", rule.bus, rule.name)
            return
        }
        let now = transaction.now
        try transaction.execute(
            """
            INSERT INTO schedules (bus, rule, expression, anchor, due) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (bus, rule) DO UPDATE SET expression = excluded.expression, anchor = excluded.anchor,
                due = excluded.due WHERE expression <> excluded.expression
            """, rule.bus, rule.name, text, now, expression.next(after: now, anchor: now))
    }

    /// Schedules looked at together.
    private static let batchMax = 500

    /// Schedules that will fire again, the next one first.
    static func upcoming(_ transaction: borrowing ReadTransaction) throws -> [Due] {
        try transaction.query(
            """
            SELECT bus, rule, expression, anchor, due FROM schedules WHERE due IS NOT NULL ORDER BY due LIMIT ?
            """, batchMax
        ) { row in
            Due(bus: try row[0], rule: try row[1], expression: try row[2], anchor: try row[3], due: try row[4])
        }
    }

    /// Moves a schedule on to its next time.
    /// - Returns: False where it is no longer as it was read: it has been fired, changed or deleted meanwhile.
    static func setDue(
        _ due: Timestamp?, of schedule: Due, _ transaction: borrowing Transaction
    ) throws(StorageError) -> Bool {
        try transaction.execute(
            "UPDATE schedules SET due = ? WHERE bus = ? AND rule = ? AND due = ? AND expression = ? AND anchor = ?",
            due, schedule.bus, schedule.rule, schedule.due, schedule.expression, schedule.anchor) == 1
    }
}
