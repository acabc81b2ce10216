internal import Core
public import Storage

/// What all archives keep, in a database file of its own, so that writing much of it delays no other transaction.
///
/// A row holds the events of one archive and one minute that were archived together: one row for the whole of what
/// comes in a second where events are many, one for each where they are few. The archiver's place in the journal is
/// written in the same transaction, so that a crash neither loses nor doubles an event.
public struct ArchiveBlocks: Sendable {
    /// The tables of the file.
    public static let migrations = [
        Migration(
            module: "archive-blocks", number: 1, name: "blocks of events",
            sql: """
                -- Numbers rise and are never used again. `ingested` is when the newest event was taken in.
                CREATE TABLE blocks (
                    number INTEGER PRIMARY KEY AUTOINCREMENT, archive TEXT NOT NULL, minute INTEGER NOT NULL,
                    events INTEGER NOT NULL, bytes INTEGER NOT NULL, ingested INTEGER NOT NULL, data BLOB NOT NULL
                ) STRICT;
                CREATE INDEX blocks_minute ON blocks (archive, minute, number);
                CREATE INDEX blocks_ingested ON blocks (archive, ingested);
                CREATE TABLE totals (
                    archive TEXT PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                -- One row: the last sequence of the journal that has been looked at.
                CREATE TABLE cursor (
                    id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL
                ) STRICT;
                """)
    ]

    let database: Database

    /// - Parameter database: With `migrations`.
    public init(_ database: Database) { self.database = database }

    /// Events of one archive, in order.
    struct Page: Sendable {
        var events: [ArchivedEvent] = []
        var bytes = 0
        /// Whether there are no more.
        var isLast = true
    }

    /// Which events of an archive, by their own times, both included.
    struct Window: Sendable {
        var archive: Identifier
        var times: ClosedRange<Timestamp>
        /// Blocks up to this one: what comes later is not looked at.
        var lastBlock: Int64
    }

    // MARK: Writing

    func cursor() async throws -> UInt64 {
        let sequence: Int64? = try await database.read { try $0.queryOne("SELECT sequence FROM cursor") { try $0[0] } }
        return UInt64(sequence ?? 0)
    }

    /// Keeps events and notes how far the archiver has come.
    func store(_ blocks: [ArchiveMatching.Key: ArchiveBlock], through sequence: UInt64) async throws {
        // In the order in which they are read.
        let sorted = blocks.sorted { ($0.key.minute, $0.key.archive.low) < ($1.key.minute, $1.key.archive.low) }
        try await database.maintain { transaction in
            for (key, block) in sorted {
                try transaction.execute(
                    "INSERT INTO blocks (archive, minute, events, bytes, ingested, data) VALUES (?, ?, ?, ?, ?, ?)",
                    key.archive, key.minute, block.contents.eventCount, block.contents.sizeBytes, block.ingested,
                    block.bytes)
                try ArchiveBlocks.count(
                    block.contents.eventCount, block.contents.sizeBytes, of: key.archive, transaction)
            }
            try transaction.execute("INSERT OR REPLACE INTO cursor (id, sequence) VALUES (1, ?)", Int64(sequence))
        }
    }

    private static func count(
        _ events: Int, _ bytes: Int, of archive: Identifier, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO totals (archive, events, bytes) VALUES (?, ?, ?)
            ON CONFLICT (archive) DO UPDATE SET events = events + excluded.events, bytes = bytes + excluded.bytes
            """, archive, events, bytes)
    }

    // MARK: Reading

    func contents(of archives: [Archive]) async throws -> [Identifier: Archive.Contents] {
        try await database.read { transaction in
            var contents: [Identifier: Archive.Contents] = [:]
            for archive in archives {
                contents[archive.id] = try transaction.queryOne(
                    "SELECT events, bytes FROM totals WHERE archive = ?", archive.id
                ) { Archive.Contents(eventCount: try $0[0], sizeBytes: try $0[1]) }
            }
            return contents
        }
    }

    /// The newest block of all.
    func lastBlock() async throws -> Int64 {
        let number: Int64?? = try await database.read { transaction in
            try transaction.queryOne("SELECT max(number) FROM blocks") { try $0[0] }
        }
        return (number ?? nil) ?? 0
    }

    /// The events of a window after a position, in order.
    /// - Parameters:
    ///   - position: Of the last event that was read; nil for the beginning.
    ///   - limit: Events at most; at least 1.
    ///   - bytesMax: Reading ends once their bodies have this many bytes.
    /// - Throws: `StorageError`.
    func read(
        _ window: Window, after position: ArchivePosition?, limit: Int, bytesMax: Int = 8 << 20
    ) async throws -> Page {
        let first = position ?? ArchivePosition(
            minute: ArchivePosition.minute(of: window.times.lowerBound), block: 0, index: -1)
        let lastMinute = ArchivePosition.minute(of: window.times.upperBound)
        return try await database.read { transaction in
            var page = Page()
            try transaction.forEach(
                """
                SELECT number, minute, data FROM blocks
                WHERE archive = ? AND minute BETWEEN ? AND ? AND number <= ? AND (minute > ? OR number >= ?)
                ORDER BY minute, number
                """,
                values: [window.archive, first.minute, lastMinute, window.lastBlock, first.minute, first.block]
            ) { row in
                let number: Int64 = try row[0]
                let isResumed = number == first.block
                try ArchiveBlock.read(
                    try row[2], minute: try row[1], block: number, from: isResumed ? first.index + 1 : 0
                ) { event in
                    guard window.times.contains(event.time) else { return true }
                    if page.events.count == limit || page.bytes >= bytesMax {
                        page.isLast = false
                        return false
                    }
                    page.events.append(event)
                    page.bytes += event.body.count
                    return true
                }
                return page.isLast
            }
            return page
        }
    }

    // MARK: Letting go

    private static let blocksPerTransaction = 500

    /// Lets go of events that were taken in before an instant.
    /// - Returns: How many.
    func expire(_ archive: Identifier, before time: Timestamp) async throws -> Int {
        try await remove("SELECT number FROM blocks WHERE archive = ? AND ingested < ?", archive, time)
    }

    /// Lets go of what belongs to none of these archives.
    func removeAll(but archives: [Archive]) async throws {
        let known = Set(archives.map(\.id))
        let found: [Identifier] = try await database.read { transaction in
            try transaction.query("SELECT archive FROM totals") { try $0[0] }
        }
        for archive in found where !known.contains(archive) {
            _ = try await remove("SELECT number FROM blocks WHERE archive = ?", archive)
            _ = try await database.maintain { try $0.execute("DELETE FROM totals WHERE archive = ?", archive) }
        }
    }

    /// A few blocks at a time, so that archiving goes on meanwhile.
    /// - Parameter query: Yields numbers of blocks of the archive.
    private func remove(
        _ query: String, _ archive: Identifier, _ more: (any SQLConvertible & Sendable)?...
    ) async throws -> Int {
        var removed = 0
        while true {
            let count = try await database.maintain { transaction in
                let numbers: [Int64] = try transaction.query(
                    query + " LIMIT ?", values: [archive] + more + [ArchiveBlocks.blocksPerTransaction]
                ) { try $0[0] }
                var events = 0
                var bytes = 0
                for number in numbers {
                    try transaction.forEach("SELECT events, bytes FROM blocks WHERE number = ?", values: [number]) {
                        events += try $0[0]
                        bytes += try $0[1]
                        return false
                    }
                    try transaction.execute("DELETE FROM blocks WHERE number = ?", number)
                }
                try ArchiveBlocks.count(-events, -bytes, of: archive, transaction)
                try transaction.giveBackSpace(pages: 4096)
                return (events: events, blocks: numbers.count)
            }
            removed += count.events
            if count.blocks < ArchiveBlocks.blocksPerTransaction { return removed }
        }
    }
}
