public import Core

/// What checking the audit chain of a database file found.
public struct AuditReport: Sendable, Hashable {
    /// A record that does not fit its place.
    public struct Fault: Sendable, Hashable, CustomStringConvertible {
        public enum Kind: String, Sendable {
            /// There is no record of this sequence.
            case missing
            /// The record stands before the beginning or after the end of the chain.
            case unexpected
            /// The record's columns are not those its hash was made of; or the record before it was replaced together
            /// with its hash, which looks the same.
            case altered
            /// The record's hash was changed, its columns were not.
            case hashAltered
            /// Neither its neighbours nor the end of the chain vouch for the record: several were changed.
            case brokenLink
        }

        public let sequence: Int64
        public let kind: Kind

        public var description: String {
            switch kind {
            case .missing: "record \(sequence) is missing"
            case .unexpected: "record \(sequence) does not belong to the chain"
            case .altered: "record \(sequence) was altered, or the one before it was replaced"
            case .hashAltered: "the hash of record \(sequence) was altered"
            case .brokenLink: "record \(sequence) does not fit the chain: it and its neighbours were altered"
            }
        }
    }

    /// The file that was checked.
    public let path: String
    /// Records found.
    public internal(set) var recordCount = 0
    /// Faults found; each run of missing records counts as one.
    public internal(set) var faultCount = 0
    /// The fault with the lowest sequence; nil where the chain is whole.
    public internal(set) var firstFault: Fault?
    /// The first sequence that should be there: 1, or later where older records were pruned.
    public internal(set) var firstSequence: Int64 = 1
    /// The last sequence that should be there; one less than the first where there are no records.
    public internal(set) var lastSequence: Int64 = 0
    /// The hash of the last record. Kept elsewhere, it proves later that the log up to here was not written anew.
    public internal(set) var headHash = Digest.zero

    public var isIntact: Bool { firstFault == nil }

    /// The report for programs.
    public var json: JSON {
        var object = JSONObject()
        object.append("path", .string(path))
        object.append("intact", .bool(isIntact))
        object.append("records", .integer(recordCount))
        object.append("firstSequence", .integer(firstSequence))
        object.append("lastSequence", .integer(lastSequence))
        object.append("headHash", .string(headHash.description))
        object.append("faults", .integer(faultCount))
        if let firstFault {
            object.append(
                "firstFault",
                [
                    "sequence": .integer(firstFault.sequence), "kind": .string(firstFault.kind.rawValue),
                    "message": .string(firstFault.description),
                ])
        }
        return .object(object)
    }
}

extension AuditLog {
    /// Checks every record of a database file against its hash and its place in the chain, without changing the file.
    ///
    /// Works beside a running server. A chain without keys cannot tell when all of it was computed anew: for that,
    /// compare the report's `headHash` with one noted elsewhere.
    /// - Throws: `StorageError` where the file cannot be read as a database.
    public static func verify(path: String) throws -> AuditReport {
        try ReadSession(Connection(path: path, access: .readOnly)).read { transaction in
            let ends = try transaction.queryOne(
                "SELECT base_sequence, base_hash, head_sequence, head_hash FROM audit_chain"
            ) { row in
                let base = AuditHead(sequence: try row[0], hash: try row[1])
                return (base, AuditHead(sequence: try row[2], hash: try row[3]))
            }
            guard let (base, head) = ends else { throw StorageError(.corrupt, "audit_chain is empty", path: path) }
            var verification = AuditVerification(path: path, base: base, head: head)
            // In the order of the table itself: an index might not show what was changed beneath it.
            let sql = "SELECT \(AuditRecord.columns) FROM audit NOT INDEXED ORDER BY sequence"
            try transaction.forEach(sql, values: []) { row in
                verification.add(StoredLink(row))
                return true
            }
            return verification.finish()
        }
    }
}

/// A record as found, whatever it has become.
private struct StoredLink {
    let sequence: Int64
    /// Nil where a column can no longer be read as what was written.
    let entry: AuditEntry?
    let hash: Digest?

    /// - Parameter row: With `AuditRecord.columns`.
    init(_ row: borrowing Row) {
        // The primary key of the table is an integer whatever else was damaged.
        let sequence: Int64 = (try? row[0]) ?? 0
        self.sequence = sequence
        entry = try? AuditEntry(
            sequence: sequence, time: row[1], principal: row[2], action: row[3], subject: row[4], cause: row[5],
            outcome: row[6], detail: row[7])
        hash = try? row[8]
    }
}

/// The walk along the chain.
private struct AuditVerification {
    private var report: AuditReport
    private let head: AuditHead
    private var previous: AuditHead
    /// A record whose hash is not that of its columns, until the next one tells which of the two was changed.
    private var suspect: (sequence: Int64, computed: Digest?)?
    private var lastNoted: Int64?

    init(path: String, base: AuditHead, head: AuditHead) {
        report = AuditReport(path: path)
        report.firstSequence = base.sequence + 1
        report.lastSequence = head.sequence
        report.headHash = head.hash
        self.head = head
        previous = base
    }

    mutating func add(_ link: StoredLink) {
        report.recordCount += 1
        guard link.sequence > previous.sequence, link.sequence <= head.sequence else {
            settle(followedBy: nil)
            return note(link.sequence, .unexpected)
        }
        let isNext = link.sequence == previous.sequence + 1
        if !isNext {
            settle(followedBy: nil)
            note(previous.sequence + 1, .missing)
        }
        settle(followedBy: link)
        let computed = link.entry?.hash(after: previous.hash)
        // After a gap nothing is known about the record's predecessor, so its own hash has to be believed.
        if isNext && (computed != link.hash || computed == nil) { suspect = (link.sequence, computed) }
        previous = AuditHead(sequence: link.sequence, hash: link.hash ?? .zero)
    }

    mutating func finish() -> AuditReport {
        settle(followedBy: nil)
        if previous.sequence < head.sequence {
            note(previous.sequence + 1, .missing)
        } else if previous != head {
            note(previous.sequence, .brokenLink)
        }
        return report
    }

    /// Decides what is wrong with the suspect: a successor that follows from its stored hash vouches for that hash, one
    /// that follows from the computed hash vouches for its columns.
    private mutating func settle(followedBy next: StoredLink?) {
        guard let suspect else { return }
        self.suspect = nil
        if let next {
            if next.entry?.hash(after: previous.hash) == next.hash { return note(suspect.sequence, .altered) }
            if let computed = suspect.computed, next.entry?.hash(after: computed) == next.hash {
                previous.hash = computed
                return note(suspect.sequence, .hashAltered)
            }
        } else if suspect.sequence == head.sequence {
            if previous.hash == head.hash { return note(suspect.sequence, .altered) }
            if suspect.computed == head.hash {
                previous.hash = head.hash
                return note(suspect.sequence, .hashAltered)
            }
        }
        note(suspect.sequence, .brokenLink)
    }

    private mutating func note(_ sequence: Int64, _ kind: AuditReport.Fault.Kind) {
        if sequence == lastNoted { return }
        lastNoted = sequence
        report.faultCount += 1
        if report.firstFault == nil { report.firstFault = AuditReport.Fault(sequence: sequence, kind: kind) }
    }
}
