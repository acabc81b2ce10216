internal import Core
internal import Storage

/// Checks both hash chains of a data directory, beside a running server or without one.
enum Verification {
    /// - Returns: `{Intact, FirstBroken?, Journal, Audit}`.
    /// - Throws: `StorageError` where the database cannot be read.
    static func run(journal: String, database: String) throws -> JSON {
        let journal = SegmentJournal.verify(directory: journal)
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
