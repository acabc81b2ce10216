internal import API
internal import Core
internal import Storage

/// What the steps of commands wrote, kept in pieces as they came.
///
/// Of each output no more than a limit is kept. A piece that comes again, as after a lost connection, is known by its
/// offset. Static functions are for use within a transaction.
enum OutputStore {
    static let migration = Migration(
        module: "commands", number: 2, name: "outputs, and where they and notifications go",
        sql: """
            ALTER TABLE commands ADD COLUMN destinations TEXT NOT NULL DEFAULT '{}';
            CREATE TABLE outputs (
                command TEXT NOT NULL, node TEXT NOT NULL, step TEXT NOT NULL, stream TEXT NOT NULL,
                length INTEGER NOT NULL, kept INTEGER NOT NULL, PRIMARY KEY (command, node, step, stream),
                FOREIGN KEY (command, node) REFERENCES invocations (command, node) ON DELETE CASCADE
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE output_pieces (
                command TEXT NOT NULL, node TEXT NOT NULL, step TEXT NOT NULL, stream TEXT NOT NULL,
                offset INTEGER NOT NULL, bytes BLOB NOT NULL,
                FOREIGN KEY (command, node, step, stream) REFERENCES outputs (command, node, step, stream)
                    ON DELETE CASCADE
            ) STRICT;
            CREATE UNIQUE INDEX output_pieces_in_order ON output_pieces (command, node, step, stream, offset);
            CREATE TABLE output_deliveries (
                command TEXT NOT NULL, node TEXT NOT NULL, step TEXT NOT NULL, stream TEXT NOT NULL,
                destination TEXT NOT NULL, position INTEGER NOT NULL, is_ended INTEGER NOT NULL,
                attempts INTEGER NOT NULL, due_at INTEGER NOT NULL,
                PRIMARY KEY (command, node, step, stream, destination),
                FOREIGN KEY (command, node) REFERENCES invocations (command, node) ON DELETE CASCADE
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX output_deliveries_due ON output_deliveries (destination, due_at);
            CREATE TABLE command_notifications (
                id TEXT PRIMARY KEY, command TEXT NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
                topic_arn TEXT NOT NULL, message TEXT NOT NULL, attempts INTEGER NOT NULL, due_at INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX command_notifications_due ON command_notifications (due_at);
            CREATE INDEX command_notifications_by_command ON command_notifications (command);
            """)

    /// One output of one step on one node.
    struct Key: Sendable, Hashable {
        let command: Identifier
        let node: String
        let step: String
        /// `stdout` or `stderr`
        let stream: String

        static let condition = "command = ? AND node = ? AND step = ? AND stream = ?"

        var values: [(any SQLConvertible)?] { [command, node, step, stream] }

        init(_ output: NodeOutput, on node: String) {
            self.init(command: output.command, node: node, step: output.step, stream: output.stream)
        }

        init(command: Identifier, node: String, step: String, stream: String) {
            self.command = command
            self.node = node
            self.step = step
            self.stream = stream
        }
    }

    /// Takes in what came at an offset.
    /// - Parameter bytesMax: Of the output, what is kept.
    /// - Returns: What of it is new, and where that begins.
    static func append(
        _ bytes: [UInt8], at offset: Int, of key: Key, bytesMax: Int, in transaction: borrowing Transaction
    ) throws -> (offset: Int, bytes: ArraySlice<UInt8>) {
        let known = try state(of: key, in: transaction)
        let length = known?.length ?? 0
        let new = bytes.dropFirst(max(0, length - offset))
        let start = max(offset, length)
        guard !new.isEmpty else { return (start, new) }
        let room = max(0, bytesMax - (known?.kept ?? 0))
        let kept = new.prefix(room)
        try transaction.execute(
            """
            INSERT INTO outputs (command, node, step, stream, length, kept) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET length = excluded.length, kept = kept + excluded.kept
            """, values: key.values + [start + new.count, kept.count])
        if !kept.isEmpty {
            try transaction.execute(
                "INSERT INTO output_pieces (command, node, step, stream, offset, bytes) VALUES (?, ?, ?, ?, ?, ?)",
                values: key.values + [start, Array(kept)])
        }
        return (start, new)
    }

    /// How much has come of an output, and how much of that is kept; nil where there is none.
    static func state(
        of key: Key, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> (length: Int, kept: Int)? {
        try transaction.query("SELECT length, kept FROM outputs WHERE \(Key.condition)", values: key.values) { row in
            let state: (length: Int, kept: Int) = (try row[0], try row[1])
            return state
        }.first
    }

    /// What is kept of an output from an offset on.
    /// - Parameter bytesMax: At most so much.
    /// - Returns: The bytes, and the offset to go on from; where output was lost it is passed over.
    static func read(
        _ key: Key, from offset: Int, bytesMax: Int, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> (bytes: [UInt8], next: Int) {
        var found: [UInt8] = []
        var next = offset
        // The piece that the offset is in begins before it.
        let sql = """
            SELECT offset, bytes FROM output_pieces WHERE \(Key.condition) AND offset >= ifnull(
                (SELECT max(offset) FROM output_pieces WHERE \(Key.condition) AND offset <= ?), 0)
            ORDER BY offset
            """
        try transaction.forEach(sql, values: key.values + key.values + [offset]) { row in
            let start: Int = try row[0]
            let bytes: [UInt8] = try row[1]
            let new = bytes.dropFirst(max(0, next - start)).prefix(bytesMax - found.count)
            guard !new.isEmpty else { return found.count < bytesMax }
            found += new
            next = start + (new.endIndex - bytes.startIndex)
            return found.count < bytesMax
        }
        return (found, next)
    }

    /// Drops the outputs of the oldest commands that are done, until all together are within a limit.
    /// - Returns: How many commands' outputs were dropped.
    static func prune(bytesMax: Int, in transaction: borrowing Transaction) throws -> Int {
        var total = 0
        var dropped: [Identifier] = []
        let sql = """
            SELECT o.command, sum(o.kept), c.is_terminal FROM outputs o JOIN commands c ON c.id = o.command
            GROUP BY o.command ORDER BY c.requested_at DESC
            """
        try transaction.forEach(sql, values: []) { row in
            total += try row[1] as Int
            let isTerminal: Bool = try row[2]
            if total > bytesMax && isTerminal { dropped.append(try row[0]) }
            return true
        }
        for command in dropped { try transaction.execute("DELETE FROM outputs WHERE command = ?", command) }
        return dropped.count
    }
}
