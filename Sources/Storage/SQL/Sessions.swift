internal import Core
internal import Platform

/// A reader's connection.
final class ReadSession {
    let connection: Connection

    init(_ connection: consuming Connection) { self.connection = connection }

    /// Runs `body` on one snapshot.
    func read<Value>(_ body: (borrowing ReadTransaction) throws -> Value) throws -> Value {
        try connection.execute("BEGIN DEFERRED")
        // Ending a transaction that only read cannot lose anything.
        defer { _ = try? connection.execute("ROLLBACK") }
        return try body(ReadTransaction(self))
    }
}

/// The writer's connection and what belongs to the group of transactions in progress.
final class WriteSession {
    /// The same connection, for reads between writes where the database is in memory.
    let reading: ReadSession
    let clock: any Clock
    let gauge = LogGauge()
    /// Actions of the group's successful transactions, to run when it is durable.
    var afterCommit: [@Sendable () -> Void] = []
    /// Whether the group put something into the outbox.
    var hasEmitted = false
    /// The end of the audit chain; nil where it must be read from the database first.
    private var head: AuditHead?
    /// The end of the chain in the database.
    private var storedHead: AuditHead?
    /// Records appended by the transaction in progress.
    private var auditedCount = 0
    /// Why SQLite ended the group's transaction by itself.
    private var lost: StorageError?

    init(_ connection: consuming Connection, clock: any Clock) {
        reading = ReadSession(connection)
        self.clock = clock
    }

    var connection: Connection { _read { yield reading.connection } }

    // MARK: Groups

    /// Runs the writes as one durable group, each in a savepoint of its own.
    /// - Returns: What to tell each writer, in order.
    func commit(_ group: [PendingWrite]) -> [() -> Void] {
        var finished: [FinishedWrite] = []
        do throws(StorageError) {
            lost = nil
            try connection.execute("BEGIN IMMEDIATE")
            if head == nil {
                storedHead = try AuditHead(in: connection)
                head = storedHead
            }
            for write in group { finished.append(try perform(write)) }
            if let head, head != storedHead { try head.store(in: connection) }
            try connection.execute("COMMIT")
            storedHead = head
            return finished.map { write in { write.tell(nil) } }
        } catch {
            abandon()
            let untried = group.dropFirst(finished.count)
            return finished.map { write in { write.tell(error) } } + untried.map { write in { write.fail(error) } }
        }
    }

    /// Undoes the group. The end of the chain is read again, since a failed commit leaves it uncertain.
    private func abandon() {
        // Fails only where SQLite has rolled back already.
        if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
        head = nil
        afterCommit.removeAll()
        hasEmitted = false
    }

    /// - Throws: `StorageError` where the whole group is lost; a write that merely fails is undone and returned.
    private func perform(_ write: PendingWrite) throws(StorageError) -> FinishedWrite {
        let headBefore = head
        let actionsBefore = afterCommit.count
        let changesBefore = connection.totalChanges
        auditedCount = 0
        try connection.execute("SAVEPOINT one_write")
        let finished = write.run(Transaction(self, context: write.context))
        try requireTransaction()
        if finished.isSuccess {
            precondition(
                auditedCount > 0 || !write.isAudited || connection.totalChanges == changesBefore,
                "a write changed rows and audited nothing; use maintain for bookkeeping")
        } else {
            try connection.execute("ROLLBACK TO one_write")
            head = headBefore
            afterCommit.removeSubrange(actionsBefore...)
        }
        try connection.execute("RELEASE one_write")
        return finished
    }

    // MARK: What a transaction does

    func execute(_ sql: String, _ values: [(any SQLConvertible)?]) throws(StorageError) -> Int {
        try requireTransaction()
        do throws(StorageError) {
            return try connection.execute(sql, values)
        } catch {
            noteIfLost(error)
            throw error
        }
    }

    func forEach(_ sql: String, _ values: [(any SQLConvertible)?], row: (borrowing Row) throws -> Bool) throws {
        try requireTransaction()
        do {
            try connection.forEach(sql, values, row: row)
        } catch {
            if let error = error as? StorageError { noteIfLost(error) }
            throw error
        }
    }

    func audit(
        _ action: String, on subject: Subject, context: OperationContext, outcome: AuditOutcome, detail: JSON
    ) throws(StorageError) {
        guard let head else { preconditionFailure("audit outside a group") }
        let entry = AuditEntry(
            sequence: head.sequence + 1, time: clock.now, principal: context.principal.name, action: action,
            subject: subject.description, cause: context.cause?.description, outcome: outcome.text,
            detail: detail.text)
        let hash = entry.hash(after: head.hash)
        _ = try execute(AuditEntry.insertion, entry.values + [hash])
        self.head = AuditHead(sequence: entry.sequence, hash: hash)
        auditedCount += 1
    }

    /// Outside the group's transaction every statement would be committed on its own, so none may run.
    private func requireTransaction() throws(StorageError) {
        if connection.isInTransaction { return }
        throw lost ?? StorageError(.database, "a write ended the transaction of its group")
    }

    private func noteIfLost(_ error: StorageError) {
        if lost == nil && !connection.isInTransaction { lost = error }
    }
}

/// A write that waits for its turn.
struct PendingWrite: Sendable {
    let context: OperationContext
    /// Whether changes without an audit record are a programming error.
    let isAudited: Bool
    /// Runs the closure and keeps its result until the group is durable.
    let run: @Sendable (borrowing Transaction) -> FinishedWrite
    /// Tells the writer that the closure never ran.
    let fail: @Sendable (StorageError) -> Void
}

/// A write whose closure has run.
struct FinishedWrite {
    /// Whether the closure returned without throwing.
    let isSuccess: Bool
    /// Resumes the writer, with the closure's own result or the failure of its group.
    let tell: (StorageError?) -> Void
}
