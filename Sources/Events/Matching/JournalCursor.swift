public import Storage

/// How far a reader of the journal has come, in the database.
public enum JournalCursor {
    /// The last sequence that was matched with the rules, and that the journal must therefore have held.
    /// - Throws: `StorageError`.
    public static func matched(databasePath: String) throws -> UInt64 {
        try Database.inspect(path: databasePath) { try read(Matcher.cursorName, $0) }
    }

    /// Where the journal's history was wiped last: what lies before is not matched, replayed or remembered any more.
    static let resetName = "reset"

    /// Sets every reader's place in a database whose state is being wiped.
    /// - Parameter sequence: The last one that belongs to the state wiped.
    public static func reset(
        to sequence: UInt64, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        for name in [Matcher.cursorName, OutboxRelay.cursorName, resetName] { try write(sequence, name, transaction) }
    }

    static func read(_ name: String, _ transaction: borrowing ReadTransaction) throws -> UInt64 {
        let sequence: Int64? = try transaction.queryOne("SELECT sequence FROM journal_cursors WHERE name = ?", name) {
            try $0[0]
        }
        return UInt64(sequence ?? 0)
    }

    static func write(
        _ sequence: UInt64, _ name: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO journal_cursors (name, sequence) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence
            """, name, Int64(sequence))
    }
}
