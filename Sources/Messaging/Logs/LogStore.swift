internal import Core
internal import Storage

/// The tables of log groups, their streams and their lines.
enum LogStore {
    /// Lines kept in a group; the oldest go first.
    static let linesPerGroupMax = 100_000

    static let migrations = [
        Migration(
            module: "logs", number: 1, name: "groups, streams, lines",
            sql: """
                CREATE TABLE log_groups (
                    name TEXT PRIMARY KEY, created INTEGER NOT NULL, retention_days INTEGER,
                    bytes INTEGER NOT NULL DEFAULT 0
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE log_streams (
                    log_group TEXT NOT NULL REFERENCES log_groups (name) ON DELETE CASCADE, name TEXT NOT NULL,
                    created INTEGER NOT NULL, first_time INTEGER, last_time INTEGER, ingested INTEGER,
                    PRIMARY KEY (log_group, name)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE log_events (
                    id INTEGER PRIMARY KEY, log_group TEXT NOT NULL, stream TEXT NOT NULL, time INTEGER NOT NULL,
                    message TEXT NOT NULL, token TEXT UNIQUE, ingested INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX log_events_group ON log_events (log_group, id);
                CREATE INDEX log_events_time ON log_events (log_group, time, id);
                """),
        Migration(
            module: "logs", number: 2, name: "tags and class of groups",
            sql: """
                ALTER TABLE log_groups ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
                ALTER TABLE log_groups ADD COLUMN class TEXT NOT NULL DEFAULT 'STANDARD';
                ALTER TABLE log_groups ADD COLUMN kms_key TEXT;
                """),
    ]

    /// Milliseconds since 1970, as the API counts time.
    static func milliseconds(_ time: Timestamp) -> Int { Int(time.microseconds / 1000) }

    struct Group {
        let name: String
        let created: Int
        let retentionDays: Int?
        let bytes: Int
        let kind: String
        let kmsKey: String?
    }

    /// Which groups to list, and from where on.
    struct GroupQuery: Sendable {
        var prefix = ""
        /// Part of the name, in either case.
        var part = ""
        var kind: String?
        /// Only these; empty for all.
        var names: [String] = []
        var after = ""
        var limit: Int
    }

    static func groups(_ query: GroupQuery, _ transaction: borrowing ReadTransaction) throws -> [Group] {
        let marks = query.names.map { _ in "?" }.joined(separator: ", ")
        let fixed: [(any SQLConvertible)?] = [
            query.prefix.unicodeScalars.count, query.prefix, query.part, query.kind, query.after,
        ]
        return try transaction.query(
            """
            SELECT name, created, retention_days, bytes, class, kms_key FROM log_groups
            WHERE substr(name, 1, ?) = ? AND instr(lower(name), lower(?)) > 0 AND class = coalesce(?, class)
                AND name > ? \(query.names.isEmpty ? "" : "AND name IN (\(marks))") ORDER BY name LIMIT ?
            """, values: fixed + query.names + [query.limit]
        ) { row in
            Group(
                name: try row[0], created: try row[1], retentionDays: try row[2], bytes: try row[3], kind: try row[4],
                kmsKey: try row[5])
        }
    }

    /// Tags by their keys; nil where there is no such group.
    static func tags(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> JSON? {
        try transaction.queryOne("SELECT tags FROM log_groups WHERE name = ?", name) { try $0[0] }
    }

    static func hasGroup(_ name: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> Bool {
        try transaction.queryOne("SELECT 1 FROM log_groups WHERE name = ?", name) { _ in true } ?? false
    }

    static func hasStream(
        _ name: String, in group: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Bool {
        try transaction.queryOne("SELECT 1 FROM log_streams WHERE log_group = ? AND name = ?", group, name) { _ in
            true
        } ?? false
    }

    /// - Returns: Whether it was not there yet.
    static func createGroup(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) -> Bool {
        try transaction.execute(
            "INSERT INTO log_groups (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING", name,
            milliseconds(transaction.now)) == 1
    }

    /// - Returns: Whether it was not there yet.
    static func createStream(
        _ name: String, in group: String, _ transaction: borrowing Transaction
    ) throws(StorageError) -> Bool {
        try transaction.execute(
            "INSERT INTO log_streams (log_group, name, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", group, name,
            milliseconds(transaction.now)) == 1
    }

    static func deleteGroup(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM log_events WHERE log_group = ?", name)
        try transaction.execute("DELETE FROM log_groups WHERE name = ?", name)
    }

    static func deleteStream(
        _ name: String, in group: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            UPDATE log_groups SET bytes = bytes - coalesce(
                (SELECT sum(length(CAST(message AS BLOB))) FROM log_events WHERE log_group = ?1 AND stream = ?2), 0)
            WHERE name = ?1
            """, group, name)
        try transaction.execute("DELETE FROM log_events WHERE log_group = ? AND stream = ?", group, name)
        try transaction.execute("DELETE FROM log_streams WHERE log_group = ? AND name = ?", group, name)
    }

    /// Appends lines to a stream that exists.
    /// - Parameters:
    ///   - lines: In the order of their times.
    ///   - token: The same one appends once.
    static func append(
        _ lines: [(time: Int, message: String)], to stream: String, in group: String, token: String?,
        _ transaction: borrowing Transaction
    ) throws(StorageError) {
        let now = milliseconds(transaction.now)
        var bytes = 0
        for (index, line) in lines.enumerated() {
            let isNew = try transaction.execute(
                """
                INSERT INTO log_events (log_group, stream, time, message, token, ingested) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """, group, stream, line.time, line.message, token.map { "\($0)/\(index)" }, now)
            if isNew == 1 { bytes += line.message.utf8.count }
        }
        try transaction.execute("UPDATE log_groups SET bytes = bytes + ? WHERE name = ?", bytes, group)
        try transaction.execute(
            """
            UPDATE log_streams SET first_time = min(coalesce(first_time, ?3), ?3),
                last_time = max(coalesce(last_time, ?4), ?4), ingested = ?5
            WHERE log_group = ?1 AND name = ?2
            """, group, stream, lines.first?.time, lines.last?.time, now)
    }

    /// How long a group keeps lines; nil for as long as it can.
    static func retentionDays(of group: String, _ transaction: borrowing Transaction) throws -> Int? {
        let days = try transaction.queryOne("SELECT retention_days FROM log_groups WHERE name = ?", group) {
            row -> Int? in try row[0]
        }
        return days ?? nil
    }

    /// Lets go of what is beyond the group's bounds: in number, and in age where a retention is set.
    static func trim(_ group: String, _ transaction: borrowing Transaction) throws {
        let days = try retentionDays(of: group, transaction)
        let oldest = days.map { milliseconds(transaction.now - .seconds($0 * 86_400)) } ?? 0
        let removed = try transaction.query(
            """
            SELECT length(CAST(message AS BLOB)) FROM log_events WHERE log_group = ?1 AND (time < ?2 OR id <= coalesce(
                (SELECT id FROM log_events WHERE log_group = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0))
            """, group, oldest, linesPerGroupMax
        ) { row -> Int in try row[0] }
        guard !removed.isEmpty else { return }
        try transaction.execute(
            """
            DELETE FROM log_events WHERE log_group = ?1 AND (time < ?2 OR id <= coalesce(
                (SELECT id FROM log_events WHERE log_group = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0))
            """, group, oldest, linesPerGroupMax)
        try transaction.execute(
            "UPDATE log_groups SET bytes = bytes - ? WHERE name = ?", removed.reduce(0, +), group)
    }
}
