internal import Core
public import Storage

/// The table of replays.
public enum ReplayStore {
    /// The tables of this part.
    public static let migrations = [
        Migration(
            module: "replays", number: 1, name: "replays",
            sql: """
                -- `archive` is the archive's id; `rules` and `filter_arns` are lists, `matches` an object, in JSON.
                CREATE TABLE replays (
                    name TEXT PRIMARY KEY, description TEXT, archive_name TEXT NOT NULL, archive TEXT NOT NULL,
                    bus TEXT NOT NULL, rules TEXT NOT NULL, filter_arns TEXT NOT NULL, first_time INTEGER NOT NULL,
                    last_time INTEGER NOT NULL, last_block INTEGER NOT NULL, dry_run INTEGER NOT NULL,
                    principal TEXT NOT NULL, events_per_second INTEGER NOT NULL, started INTEGER NOT NULL,
                    state TEXT NOT NULL, reason TEXT, minute INTEGER, block INTEGER, position INTEGER,
                    last_event_time INTEGER, event_count INTEGER NOT NULL, ended INTEGER, matches TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX replays_started ON replays (started);
                """)
    ]

    private static let columns = """
        name, description, archive_name, archive, bus, rules, filter_arns, first_time, last_time, last_block, dry_run,
        principal, events_per_second, started, state, reason, minute, block, position, last_event_time, event_count,
        ended, matches
        """

    static func find(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Replay? {
        try transaction.queryOne("SELECT \(columns) FROM replays WHERE name = ?", name) { try replay($0) }
    }

    /// Those started since an instant, by name.
    static func list(since time: Timestamp, _ transaction: borrowing ReadTransaction) throws -> [Replay] {
        try transaction.query("SELECT \(columns) FROM replays WHERE started >= ? ORDER BY name", time) {
            try replay($0)
        }
    }

    /// Those that have not ended.
    static func active(_ transaction: borrowing some Queryable & ~Copyable) throws -> [Replay] {
        try transaction.query(
            "SELECT \(columns) FROM replays WHERE state IN ('STARTING', 'RUNNING', 'CANCELLING') ORDER BY started"
        ) { try replay($0) }
    }

    static func insert(_ replay: Replay, _ transaction: borrowing Transaction) throws(StorageError) {
        let record = replay.machine.record
        try transaction.execute(
            "INSERT INTO replays (\(columns)) VALUES (\(Array(repeating: "?", count: 23).joined(separator: ", ")))",
            values: [
                replay.name, replay.description, replay.archiveName, replay.archive, replay.bus,
                JSON.array(replay.rules.map { .string($0) }), JSON.array(replay.filterARNs.map { .string($0) }),
                replay.start, replay.end, replay.lastBlock, replay.isDryRun, replay.principal,
                replay.machine.eventsPerSecond, replay.machine.started, record.state.rawValue, record.reason,
                record.position?.minute, record.position?.block, record.position?.index, record.lastEventTime,
                record.eventCount, record.ended, matches(replay),
            ])
    }

    /// Keeps how far it has come.
    static func update(_ replay: Replay, _ transaction: borrowing Transaction) throws(StorageError) {
        let record = replay.machine.record
        try transaction.execute(
            """
            UPDATE replays SET state = ?, reason = ?, minute = ?, block = ?, position = ?, last_event_time = ?,
                event_count = ?, ended = ?, matches = ?
            WHERE name = ?
            """, record.state.rawValue, record.reason, record.position?.minute, record.position?.block,
            record.position?.index, record.lastEventTime, record.eventCount, record.ended, matches(replay), replay.name)
    }

    static func delete(startedBefore time: Timestamp, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "DELETE FROM replays WHERE started < ? AND state NOT IN ('STARTING', 'RUNNING', 'CANCELLING')", time)
    }

    private static func matches(_ replay: Replay) -> JSON {
        .object(JSONObject(replay.matches.map { JSONObject.Member(key: $0.key, value: .integer($0.value)) }))
    }

    private static func replay(_ row: borrowing Row) throws -> Replay {
        func texts(_ list: JSON) -> [String] { (list.array ?? []).compactMap(\.string) }
        let state: String = try row[14]
        var position: ArchivePosition?
        if let minute: Int64 = try row[16], let block: Int64 = try row[17], let index: Int = try row[18] {
            position = ArchivePosition(minute: minute, block: block, index: index)
        }
        let record = ReplayMachine.Record(
            state: ReplayMachine.State(rawValue: state) ?? .failed, position: position, lastEventTime: try row[19],
            eventCount: try row[20], ended: try row[21], reason: try row[15])
        let matches: JSON = try row[22]
        return Replay(
            name: try row[0], description: try row[1], archiveName: try row[2], archive: try row[3], bus: try row[4],
            rules: texts(try row[5]), filterARNs: texts(try row[6]), start: try row[7], end: try row[8],
            lastBlock: try row[9], isDryRun: try row[10], principal: try row[11],
            machine: ReplayMachine(started: try row[13], eventsPerSecond: try row[12], record: record),
            matches: Dictionary(
                (matches.object?.members ?? []).map { ($0.key, $0.value.int ?? 0) }, uniquingKeysWith: { $1 }))
    }
}
