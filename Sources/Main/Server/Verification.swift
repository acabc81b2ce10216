internal import Core
internal import Events
internal import Storage

/// Checks both hash chains of a data directory, beside a running server or without one.
enum Verification {
    /// Checks the journal, and that its end is there: what has been matched was in it.
    ///
    /// The journal alone cannot tell damage in its last commit from a commit that a crash left unfinished.
    /// - Throws: `StorageError` where the database cannot be read.
    static func journal(_ directory: String, database: String) throws -> JournalReport {
        // First, because a running server goes on meanwhile.
        let matched = try JournalCursor.matched(databasePath: database)
        var report = SegmentJournal.verify(directory: directory)
        if report.fault == nil, report.lastSequence < matched {
            report.fault = .init(
                path: report.torn?.path ?? directory, offset: report.torn?.offset ?? 0,
                sequence: report.lastSequence + 1,
                reason: "the end is damaged or lost: records up to \(matched) had been handled")
        }
        return report
    }

    /// - Returns: `{Intact, FirstBroken?, Journal, Audit}`.
    /// - Throws: `StorageError` where the database cannot be read.
    static func run(journal: String, database: String) throws -> JSON {
        let journal = try self.journal(journal, database: database)
        let audit = try AuditLog.verify(path: database)
        var journalResult: JSON = [
            "Intact": .bool(journal.isSound), "Records": .integer(journal.records),
            "FirstSequence": .integer(journal.firstSequence), "LastSequence": .integer(journal.lastSequence),
            "Bytes": .integer(journal.bytes), "HeadHash": .string(journal.link.description),
        ]
        journalResult["Fault"] = journal.fault.map { .string($0.description) }
        var auditResult: JSON = [
            "Intact": .bool(audit.isIntact), "Records": .integer(audit.recordCount),
            "FirstSequence": .integer(audit.firstSequence), "LastSequence": .integer(audit.lastSequence),
            "HeadHash": .string(audit.headHash.description),
        ]
        auditResult["Fault"] = audit.firstFault.map { .string($0.description) }
        var result: JSON = ["Intact": .bool(journal.isSound && audit.isIntact)]
        result["FirstBroken"] =
            journal.fault.map { .string("journal: \($0)") } ?? audit.firstFault.map { .string("audit log: \($0)") }
        result["Journal"] = journalResult
        result["Audit"] = auditResult
        return result
    }
}
