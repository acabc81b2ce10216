public import Core

/// The record of all that was done: appended to by `Transaction.audit`, read here.
public struct AuditLog: Sendable {
    /// Records removed in one transaction by `prune`, so that other writers need not wait long.
    private static let pruneBatch: Int64 = 10_000

    private let database: Database

    public init(_ database: Database) { self.database = database }

    /// The records that a filter lets through, in the order of their sequence or, where it says so, the newest first.
    /// - Throws: `StorageError`.
    public func list(_ filter: AuditFilter = AuditFilter()) async throws -> [AuditRecord] {
        let (sql, values) = filter.query
        // Values are boxed as existentials, which cannot cross to the reader's thread; their stored forms can.
        let stored = values.map { $0?.sqlValue ?? .null }
        return try await database.read { transaction in
            try transaction.query(sql, values: stored) { row in try AuditRecord(row) }
        }
    }

    /// What was done because of `subject`, in order: one step down the tree of causes.
    /// - Throws: `StorageError`.
    public func children(of subject: Subject) async throws -> [AuditRecord] {
        var filter = AuditFilter()
        filter.cause = subject
        filter.limit = .max
        return try await list(filter)
    }

    /// Removes the oldest records, up to the first that is not older than `time`, and records having done so.
    ///
    /// The hash before the first record kept is kept with it, so that the rest can still be verified.
    /// - Returns: How many records were removed.
    /// - Throws: `StorageError`; batches removed by then stay removed.
    @discardableResult
    public func prune(before time: Timestamp, context: OperationContext) async throws -> Int {
        var total = 0
        while true {
            let count = try await database.write(context) { transaction in
                try AuditLog.pruneBatch(before: time, in: transaction)
            }
            if count == 0 { return total }
            total += count
        }
    }

    private static func pruneBatch(before time: Timestamp, in transaction: borrowing Transaction) throws -> Int {
        let ends = try transaction.queryOne("SELECT base_sequence, head_sequence FROM audit_chain") { row in
            let ends: (base: Int64, head: Int64) = (try row[0], try row[1])
            return ends
        }
        guard let ends else { throw StorageError(.corrupt, "the table audit_chain is empty") }
        let firstKept: Int64? = try transaction.queryOne(
            "SELECT sequence FROM audit WHERE time >= ? ORDER BY sequence LIMIT 1", time
        ) { row in try row[0] }
        let last = min((firstKept ?? ends.head + 1) - 1, ends.base + pruneBatch)
        guard last > ends.base else { return 0 }
        try transaction.execute(
            """
            UPDATE audit_chain SET base_sequence = ?, base_hash = (SELECT hash FROM audit WHERE sequence = ?)
            """, last, last)
        let count = try transaction.execute("DELETE FROM audit WHERE sequence <= ?", last)
        try transaction.audit(
            "PruneAuditLog", on: Subject(.log, "audit"), outcome: .success,
            detail: ["Through": .integer(last), "Records": .integer(count)])
        return count
    }
}
