internal import Core

/// A record's columns before its hash, as stored.
struct AuditEntry {
    var sequence: Int64
    var time: Timestamp
    var principal: String
    var action: String
    var subject: String
    var cause: String?
    var outcome: String
    var detail: String

    static let insertion = "INSERT INTO audit (\(AuditRecord.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

    /// The values of `insertion` but the hash.
    var values: [(any SQLConvertible)?] { [sequence, time, principal, action, subject, cause, outcome, detail] }

    /// The link that this record adds to the chain.
    ///
    /// Covers every column: sequence and time as eight bytes, big-endian, then each text as its length in four bytes
    /// and its UTF-8, an absent cause as the length 2^32 - 1. Different records so have different encodings.
    func hash(after previous: Digest) -> Digest {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + principal.utf8.count + subject.utf8.count + detail.utf8.count + 128)
        func append(_ number: UInt64, bytes count: Int) {
            for position in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * position))) }
        }
        append(UInt64(bitPattern: sequence), bytes: 8)
        append(UInt64(bitPattern: time.microseconds), bytes: 8)
        for text in [principal, action, subject, cause, outcome, detail] {
            guard let text else {
                append(UInt64(UInt32.max), bytes: 4)
                continue
            }
            append(UInt64(text.utf8.count), bytes: 4)
            bytes.append(contentsOf: text.utf8)
        }
        return Digest(after: previous, of: bytes)
    }
}

/// The last link of the chain, or the last one removed before its beginning.
struct AuditHead: Hashable, Sendable {
    var sequence: Int64
    var hash: Digest

    /// Before the first record of a new database.
    static let origin = AuditHead(sequence: 0, hash: .zero)

    init(sequence: Int64, hash: Digest) {
        self.sequence = sequence
        self.hash = hash
    }

    /// Reads the end of the chain.
    ///
    /// It is kept beside the records, so that removing the last of them leaves a gap that nothing can fill.
    init(in connection: borrowing Connection) throws(StorageError) {
        guard let sequence: Int64 = try connection.value("SELECT head_sequence FROM audit_chain"),
            let hash: Digest = try connection.value("SELECT head_hash FROM audit_chain")
        else { throw StorageError(.corrupt, "the table audit_chain is empty") }
        self.init(sequence: sequence, hash: hash)
    }

    /// Makes this the end of the chain.
    func store(in connection: borrowing Connection) throws(StorageError) {
        try connection.execute("UPDATE audit_chain SET head_sequence = ?, head_hash = ?", [sequence, hash])
    }
}

extension Database {
    /// The tables of this module.
    static let ownMigrations = [
        Migration(
            module: "storage", number: 1, name: "audit",
            sql: """
                CREATE TABLE audit (
                    sequence INTEGER PRIMARY KEY,
                    time INTEGER NOT NULL,
                    principal TEXT NOT NULL,
                    action TEXT NOT NULL,
                    subject TEXT NOT NULL,
                    cause TEXT,
                    outcome TEXT NOT NULL,
                    detail TEXT NOT NULL,
                    hash BLOB NOT NULL
                ) STRICT;
                CREATE INDEX audit_subject ON audit (subject);
                CREATE INDEX audit_cause ON audit (cause) WHERE cause IS NOT NULL;
                CREATE INDEX audit_time ON audit (time);
                -- One row: where the records kept begin, and where they end.
                CREATE TABLE audit_chain (
                    base_sequence INTEGER NOT NULL,
                    base_hash BLOB NOT NULL,
                    head_sequence INTEGER NOT NULL,
                    head_hash BLOB NOT NULL
                ) STRICT;
                INSERT INTO audit_chain VALUES (0, zeroblob(32), 0, zeroblob(32));
                """),
        Outbox.migration,
    ]
}
