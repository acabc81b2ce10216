internal import Core
internal import Storage

/// The tables of schedules and their groups.
enum SchedulerStore {
    static let migrations = [
        Migration(
            module: "scheduler", number: 1, name: "schedules, groups, invocations",
            sql: """
                -- `size` counts the group's schedules; `tags` is an object.
                CREATE TABLE schedule_groups (
                    name TEXT PRIMARY KEY, created INTEGER NOT NULL, modified INTEGER NOT NULL,
                    size INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '{}'
                ) STRICT, WITHOUT ROWID;
                -- `definition` is the schedule as CreateSchedule takes it. `due` is when it fires for `scheduled`; both
                -- are null where it never will.
                CREATE TABLE scheduler_schedules (
                    group_name TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, definition TEXT NOT NULL,
                    created INTEGER NOT NULL, modified INTEGER NOT NULL, anchor INTEGER NOT NULL,
                    scheduled INTEGER, due INTEGER,
                    PRIMARY KEY (group_name, name),
                    FOREIGN KEY (group_name) REFERENCES schedule_groups (name)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX scheduler_schedules_due ON scheduler_schedules (due) WHERE due IS NOT NULL;
                -- A firing until its target has been called or given up. `failure` is why the target was given up,
                -- while the dead-letter queue does not have it yet.
                CREATE TABLE scheduler_invocations (
                    id TEXT PRIMARY KEY, group_name TEXT NOT NULL, name TEXT NOT NULL, scheduled INTEGER NOT NULL,
                    target TEXT NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL,
                    failure TEXT
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX scheduler_invocations_due ON scheduler_invocations (due);
                CREATE INDEX scheduler_invocations_schedule ON scheduler_invocations (group_name, name);
                -- What a request with a client's token was answered, for the same request sent again.
                CREATE TABLE scheduler_tokens (
                    token TEXT PRIMARY KEY, request BLOB NOT NULL, answer TEXT NOT NULL, created INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX scheduler_tokens_created ON scheduler_tokens (created);
                """)
    ]

    // MARK: Groups

    /// Makes the group that is always there.
    static func ensureDefaultGroup(_ transaction: borrowing Transaction) throws {
        try transaction.execute(
            "INSERT INTO schedule_groups (name, created, modified) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
            Schedule.defaultGroup, transaction.now, transaction.now)
    }

    static func groups(
        named name: String? = nil, prefix: String = "", after: String = "", limit: Int = 1,
        _ transaction: borrowing ReadTransaction
    ) throws -> [ScheduleGroup] {
        try transaction.query(
            """
            SELECT name, created, modified FROM schedule_groups
            WHERE name > ?1 AND substr(name, 1, length(?2)) = ?2 AND (?3 IS NULL OR name = ?3) ORDER BY name LIMIT ?4
            """, after, prefix, name, limit
        ) { row in ScheduleGroup(name: try row[0], created: try row[1], modified: try row[2]) }
    }

    /// An object of a group's tags; nil where there is no such group.
    static func tags(of group: String, _ transaction: borrowing ReadTransaction) throws -> JSON? {
        try transaction.queryOne("SELECT tags FROM schedule_groups WHERE name = ?", group) { row in try row[0] }
    }

    static func count(_ transaction: borrowing ReadTransaction) throws -> (groups: Int, schedules: Int) {
        try transaction.queryOne("SELECT count(*), coalesce(sum(size), 0) FROM schedule_groups") { row in
            (try row[0], try row[1])
        } ?? (0, 0)
    }

    /// Deletes a group with its schedules and what they have still to call.
    static func delete(group: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM scheduler_invocations WHERE group_name = ?", group)
        try transaction.execute("DELETE FROM scheduler_schedules WHERE group_name = ?", group)
        try transaction.execute("DELETE FROM schedule_groups WHERE name = ?", group)
    }

    // MARK: Schedules

    private static let columns = "group_name, name, definition, created, modified, anchor, scheduled, due"

    private static func schedule(_ row: borrowing Row) throws -> Schedule {
        let scheduled: Timestamp? = try row[6]
        let due: Timestamp? = try row[7]
        var plan: Schedule.Plan?
        if let scheduled, let due { plan = Schedule.Plan(scheduled: scheduled, due: due) }
        return Schedule(
            group: try row[0], name: try row[1], definition: try row[2], created: try row[3], modified: try row[4],
            anchor: try row[5], plan: plan)
    }

    static func find(
        _ group: String, _ name: String, _ transaction: borrowing ReadTransaction
    ) throws -> Schedule? {
        try transaction.queryOne(
            "SELECT \(columns) FROM scheduler_schedules WHERE group_name = ? AND name = ?", group, name
        ) { row in try schedule(row) }
    }

    /// Which schedules to list; nil lets all pass.
    struct Filter: Sendable {
        var group: String?
        var prefix = ""
        var state: String?
    }

    /// By group and name.
    /// - Parameter place: Group and name of the last schedule before these.
    static func list(
        _ filter: Filter, after place: (group: String, name: String), limit: Int,
        _ transaction: borrowing ReadTransaction
    ) throws -> [Schedule] {
        try transaction.query(
            """
            SELECT \(columns) FROM scheduler_schedules
            WHERE (group_name, name) > (?1, ?2) AND (?3 IS NULL OR group_name = ?3)
                AND substr(name, 1, length(?4)) = ?4 AND (?5 IS NULL OR state = ?5)
            ORDER BY group_name, name LIMIT ?6
            """, place.group, place.name, filter.group, filter.prefix, filter.state, limit
        ) { row in try schedule(row) }
    }

    /// Inserts a schedule or replaces the one of that name.
    static func put(_ schedule: Schedule, _ transaction: borrowing Transaction) throws(StorageError) {
        try delete(schedule.group, schedule.name, keepingInvocations: true, transaction)
        try transaction.execute(
            """
            INSERT INTO scheduler_schedules (group_name, name, state, definition, created, modified, anchor,
                scheduled, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, schedule.group, schedule.name, schedule.isEnabled ? "ENABLED" : "DISABLED", schedule.definition,
            schedule.created, schedule.modified, schedule.anchor, schedule.plan?.scheduled, schedule.plan?.due)
        try transaction.execute("UPDATE schedule_groups SET size = size + 1 WHERE name = ?", schedule.group)
    }

    /// - Parameter keepingInvocations: Whether what has fired is still to be called.
    static func delete(
        _ group: String, _ name: String, keepingInvocations: Bool = false, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        if !keepingInvocations {
            try transaction.execute(
                "DELETE FROM scheduler_invocations WHERE group_name = ? AND name = ?", group, name)
        }
        let count = try transaction.execute(
            "DELETE FROM scheduler_schedules WHERE group_name = ? AND name = ?", group, name)
        try transaction.execute("UPDATE schedule_groups SET size = size - ? WHERE name = ?", count, group)
    }

    // MARK: What is due

    /// Schedules whose time has come, the first due first.
    static func due(
        at now: Timestamp, limit: Int, _ transaction: borrowing ReadTransaction
    ) throws -> [Schedule] {
        try transaction.query(
            "SELECT \(columns) FROM scheduler_schedules WHERE due <= ? ORDER BY due LIMIT ?", now, limit
        ) { row in try schedule(row) }
    }

    /// When the next schedule fires; nil where none will.
    static func nextDue(_ transaction: borrowing ReadTransaction) throws -> Timestamp? {
        let due: Timestamp?? = try transaction.queryOne(
            "SELECT min(due) FROM scheduler_schedules WHERE due IS NOT NULL"
        ) { row in try row[0] }
        return due ?? nil
    }

    /// Moves a schedule on to its next plan.
    /// - Returns: False where it is no longer as it was read: it has been fired, changed or deleted meanwhile.
    static func advance(
        _ schedule: Schedule, to plan: Schedule.Plan?, _ transaction: borrowing Transaction
    ) throws(StorageError) -> Bool {
        try transaction.execute(
            """
            UPDATE scheduler_schedules SET scheduled = ?, due = ?
            WHERE group_name = ? AND name = ? AND modified = ? AND scheduled = ?
            """, plan?.scheduled, plan?.due, schedule.group, schedule.name, schedule.modified,
            schedule.plan?.scheduled) == 1
    }
}
