public import Core
internal import Platform

/// What can be asked questions: a read transaction, or a write transaction about its own changes so far.
public protocol Queryable: ~Copyable {
    /// Runs one query and reads each row as it comes, until `row` answers false.
    /// - Throws: `StorageError`, and what `row` throws.
    func forEach(_ sql: String, values: [(any SQLConvertible)?], row: (borrowing Row) throws -> Bool) throws
}

extension Queryable where Self: ~Copyable {
    /// The rows of a query, in its order.
    /// - Parameters:
    ///   - sql: One statement.
    ///   - values: One for each `?`.
    ///   - row: Makes a value of a row: `{ row in Rule(name: try row[0], state: try row[1]) }`.
    /// - Throws: `StorageError`, and what `row` throws.
    public func query<Value>(
        _ sql: String, _ values: (any SQLConvertible)?..., row: (borrowing Row) throws -> Value
    ) throws -> [Value] {
        try query(sql, values: values, row: row)
    }

    /// The rows of a query whose values come as an array.
    public func query<Value>(
        _ sql: String, values: [(any SQLConvertible)?], row: (borrowing Row) throws -> Value
    ) throws -> [Value] {
        var result: [Value] = []
        try forEach(sql, values: values) { line in
            result.append(try row(line))
            return true
        }
        return result
    }

    /// The first row of a query; nil where there is none.
    public func queryOne<Value>(
        _ sql: String, _ values: (any SQLConvertible)?..., row: (borrowing Row) throws -> Value
    ) throws -> Value? {
        var result: Value?
        try forEach(sql, values: values) { line in
            result = try row(line)
            return false
        }
        return result
    }
}

/// A consistent view of the database: what was committed when its first query ran, whatever is written meanwhile.
/// Lent to the closure of `Database.read`.
public struct ReadTransaction: Queryable, ~Copyable {
    private let session: ReadSession

    // Inlined, it crashes the optimiser of Swift 6.3.1.
    @inline(never)
    init(_ session: ReadSession) { self.session = session }

    public func forEach(_ sql: String, values: [(any SQLConvertible)?], row: (borrowing Row) throws -> Bool) throws {
        try session.connection.forEach(sql, values, readOnly: true, row: row)
    }
}

/// One write: all that its closure does becomes durable together, or none of it. Lent to the closure of
/// `Database.write`.
public struct Transaction: Queryable, ~Copyable {
    /// Who writes and why; every audit record of this transaction carries it.
    public let context: OperationContext
    private let session: WriteSession

    @inline(never)
    init(_ session: WriteSession, context: OperationContext) {
        self.session = session
        self.context = context
    }

    /// The same view for what asks for a read transaction.
    public var reading: ReadTransaction { ReadTransaction(session.reading) }

    /// When this is: the clock's time, for columns that record it.
    public var now: Timestamp { session.clock.now }

    /// Runs one statement that changes the database.
    /// - Parameters:
    ///   - sql: One statement.
    ///   - values: One for each `?`; nil is null.
    /// - Returns: The number of rows inserted, updated or deleted.
    /// - Throws: `StorageError` with `.constraint`, `.diskFull`, `.inputOutput`, `.corrupt` or `.database`. The
    ///   statement has then done nothing; what the transaction did before stands unless the closure throws.
    @discardableResult
    public func execute(_ sql: String, _ values: (any SQLConvertible)?...) throws(StorageError) -> Int {
        try session.execute(sql, values)
    }

    /// Runs one statement whose values come as an array.
    @discardableResult
    public func execute(_ sql: String, values: [(any SQLConvertible)?]) throws(StorageError) -> Int {
        try session.execute(sql, values)
    }

    public func forEach(_ sql: String, values: [(any SQLConvertible)?], row: (borrowing Row) throws -> Bool) throws {
        try session.forEach(sql, values, row: row)
    }

    /// Rows inserted, updated or deleted by the last statement that did any of these.
    public var changes: Int { session.connection.changes }

    /// The row id of the last insertion.
    public var lastInsertedRow: Int64 { session.connection.lastInsertedRow }

    /// Appends a record to the audit chain, with the context's principal and cause.
    /// - Parameters:
    ///   - action: The operation's name as on the wire, such as `PutRule`, or a step such as `DeliveryAttempt`.
    ///   - detail: What else a reader of the log should know; a JSON object.
    ///   - context: Who and why, where that is not the transaction's own: one transaction may hold a change and what
    ///     follows from it, which has the change as its cause.
    /// - Throws: `StorageError`.
    public func audit(
        _ action: String, on subject: Subject, outcome: AuditOutcome, detail: JSON = [:],
        context: OperationContext? = nil
    ) throws(StorageError) {
        try session.audit(action, on: subject, context: context ?? self.context, outcome: outcome, detail: detail)
    }

    /// Returns pages that deletions have left empty to the file system, where the file was made to shrink.
    /// - Throws: `StorageError`.
    public func giveBackSpace(pages: Int) throws {
        try forEach("PRAGMA incremental_vacuum(\(pages))", values: []) { _ in true }
    }

    /// Runs `action` once this transaction is durable, and never if it fails.
    ///
    /// Actions run in the order of the transactions, on the writer's thread and before the writers are told: they hand
    /// work on, and never wait.
    public func afterCommit(_ action: @escaping @Sendable () -> Void) { session.afterCommit.append(action) }

    /// Puts an event into the outbox, from where it is moved to the journal once this transaction is durable.
    /// - Parameters:
    ///   - topic: The journal's topic.
    ///   - eventID: Lets the journal recognise an event moved twice around a crash.
    ///   - body: The event as the journal shall hold it.
    /// - Throws: `StorageError`.
    public func emit(topic: String, eventID: Identifier? = nil, body: [UInt8]) throws(StorageError) {
        _ = try session.execute("INSERT INTO outbox (event_id, topic, body) VALUES (?, ?, ?)", [eventID, topic, body])
        session.hasEmitted = true
    }
}
