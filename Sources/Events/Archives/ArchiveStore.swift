internal import Core
public import Storage

/// The table of archives. What they keep is in a file of its own: see `ArchiveBlocks`.
public enum ArchiveStore {
    /// The tables of this part.
    public static let migrations = [
        Migration(
            module: "archives", number: 1, name: "archives",
            sql: """
                CREATE TABLE archives (
                    name TEXT PRIMARY KEY, id TEXT NOT NULL, bus TEXT NOT NULL, description TEXT, pattern TEXT,
                    retention_days INTEGER NOT NULL, key_identifier TEXT, created INTEGER NOT NULL,
                    start_sequence INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    static func all(_ transaction: borrowing ReadTransaction) throws -> [Archive] {
        try transaction.query(
            """
            SELECT id, name, bus, description, pattern, retention_days, key_identifier, created, start_sequence
            FROM archives ORDER BY name
            """
        ) { row in
            let sequence: Int64 = try row[8]
            return Archive(
                id: try row[0], name: try row[1], bus: try row[2], description: try row[3], eventPattern: try row[4],
                retentionDays: try row[5], keyIdentifier: try row[6], created: try row[7],
                startSequence: UInt64(sequence))
        }
    }

    static func put(_ archive: Archive, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO archives (name, id, bus, description, pattern, retention_days, key_identifier, created,
                start_sequence)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET description = excluded.description, pattern = excluded.pattern,
                retention_days = excluded.retention_days, key_identifier = excluded.key_identifier
            """, archive.name, archive.id, archive.bus, archive.description, archive.eventPattern,
            archive.retentionDays, archive.keyIdentifier, archive.created, Int64(archive.startSequence))
    }

    static func delete(_ archive: Archive, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM archives WHERE name = ?", archive.name)
    }
}
