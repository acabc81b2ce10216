public import Core
internal import Glibc
public import Platform

/// The state of the system: rules, deliveries, cursors, documents and the audit log, in one SQLite file.
///
/// There is one writer. Writes that arrive while it waits for the disk are committed together; each stays a
/// transaction of its own, which fails or succeeds alone. Reads run beside it on snapshots. What `write` has returned
/// survives a loss of power.
public final class Database: Sendable {
    /// The path that stands for a database without a file, for tests: reads then queue behind the writes.
    public static let inMemory = ":memory:"

    private static let readerCount = 2

    /// The database file.
    public let path: String
    /// A value each time a transaction with events for the journal has become durable; for the one relay.
    let outboxArrivals: AsyncStream<Void>

    private let writer: Writer
    private let checkpointer: Checkpointer?
    private let readers: [Reader]
    private let readQueue = WorkQueue<PendingRead>(capacity: Limits.databaseReadsQueuedMax, workers: readerCount)

    /// Opens a database, creating it where there is none, and brings its tables up to date.
    /// - Parameters:
    ///   - path: A file in an existing directory, or `Database.inMemory`.
    ///   - migrations: Those of all modules but this one.
    ///   - canShrink: Whether a new file is laid out so that `Transaction.giveBackSpace` can make it smaller.
    /// - Throws: `StorageError`: `.unsupportedVersion` where the file was written by a newer version, `.corrupt` where
    ///   it is none of ours, `.inputOutput`, `.locked` or `.diskFull`.
    public convenience init(
        path: String, migrations: [Migration] = [], canShrink: Bool = false, clock: any Clock, log: Log
    ) throws(StorageError) {
        try self.init(path: path, migrations: migrations, canShrink: canShrink, clock: clock, log: log, vfs: nil)
    }

    /// - Parameter vfs: SQLite's file layer for the writer, for tests that make it fail.
    init(
        path: String, migrations: [Migration], canShrink: Bool = false, clock: any Clock, log: Log, vfs: String?
    ) throws(StorageError) {
        self.path = path
        let hasFile = path != Database.inMemory
        let isNew = hasFile && !Files.exists(path)
        let connection = try Connection(path: path, access: .readWrite, vfs: vfs)
        // Only a file without tables can still take it.
        if canShrink { try connection.execute("PRAGMA auto_vacuum = INCREMENTAL") }
        try Database.configure(connection)
        try Schema(Database.ownMigrations + migrations).apply(to: connection)
        do throws(FileError) {
            if isNew { try Files.syncDirectory(of: path) }
        } catch {
            throw StorageError(.inputOutput, error.description, path: path, errno: error.errno)
        }
        let session = WriteSession(connection, clock: clock)
        session.connection.watchLog(session.gauge)

        var readers: [Reader] = []
        var checkpointer: Checkpointer?
        if hasFile {
            for index in 0..<Database.readerCount {
                let session = ReadSession(try Connection(path: path, access: .readOnly))
                readers.append(Reader(index: index, queue: readQueue, session: session))
            }
            let connection = try Connection(path: path, access: .readWrite)
            checkpointer = Checkpointer(connection: connection, clock: clock, log: log)
        }
        self.readers = readers
        self.checkpointer = checkpointer
        let (arrivals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        outboxArrivals = arrivals
        writer = Writer(session: session, checkpointer: checkpointer, outboxSignal: signal, log: log)
    }

    private static func configure(_ connection: borrowing Connection) throws(StorageError) {
        let _: String? = try connection.value("PRAGMA journal_mode = WAL")
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.execute("PRAGMA foreign_keys = ON")
        try connection.execute("PRAGMA trusted_schema = OFF")
    }

    /// Changes the database and says so in the audit log, in one durable transaction.
    ///
    /// The closure runs on the writer's thread and must not wait for anything. It must call `Transaction.audit` if it
    /// changes a row: a change that no record explains is a programming error and stops the process. What may be
    /// changed without a record, such as a cursor, goes through `maintain(_:)`.
    /// - Parameters:
    ///   - context: Who does this and why.
    ///   - body: Where it throws, nothing of this write stays, and other writes are not concerned.
    /// - Returns: What `body` returned, once it is durable.
    /// - Throws: What `body` throws. `StorageError` with `.throttled` or `.closed` where it never ran; with
    ///   `.diskFull`, `.inputOutput` or another code where the group could not be committed: nothing of it is then
    ///   applied. Where it was the disk that failed to sync, a crash right after may still leave it applied, wholly.
    public func write<Value: Sendable>(
        _ context: OperationContext, _ body: @escaping @Sendable (borrowing Transaction) throws -> Value
    ) async throws -> Value {
        try await enqueue(context, isAudited: true, body)
    }

    /// Changes bookkeeping that explains itself: cursors, attempts counted, caches. Otherwise as `write(_:_:)`.
    public func maintain<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Value
    ) async throws -> Value {
        try await enqueue(.system, isAudited: false, body)
    }

    /// Reads from one consistent snapshot that holds every write that has returned.
    /// - Throws: What `body` throws; `StorageError` with `.throttled` or `.closed` where it never ran.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> Value
    ) async throws -> Value {
        if readers.isEmpty { return try await readBetweenWrites(body) }
        return try await withCheckedThrowingContinuation { continuation in
            let read = PendingRead { session in
                continuation.resume(with: Result { try session.read(body) })
            }
            do throws(StorageError) {
                if let reader = try readQueue.add(read) { readers[reader].wake() }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Commits what is queued, empties the write-ahead log and closes the file. Later calls throw `.closed`.
    public func close() async {
        readQueue.close()
        for reader in readers { await reader.close() }
        await checkpointer?.close()
        await writer.close()
    }

    /// Writes that wait behind the group being committed; for metrics.
    public var queuedWrites: Int { writer.queue.count }

    private func enqueue<Value: Sendable>(
        _ context: OperationContext, isAudited: Bool,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let write = PendingWrite(context: context, isAudited: isAudited) { transaction in
                let result: Result<Value, any Error>
                do {
                    result = .success(try body(transaction))
                } catch {
                    result = .failure(error)
                }
                return FinishedWrite(result) { continuation.resume(with: $0) }
            } fail: {
                continuation.resume(throwing: $0)
            }
            do throws(StorageError) {
                try writer.add(write)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private func readBetweenWrites<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> Value
    ) async throws -> Value {
        try await maintain { transaction in try body(transaction.reading) }
    }
}

extension FinishedWrite {
    /// - Parameter resume: Hands the writer its result.
    init<Value>(_ result: Result<Value, any Error>, resume: @escaping (Result<Value, any Error>) -> Void) {
        switch result {
        case .success: self.init(isSuccess: true) { resume($0.map { .failure($0) } ?? result) }
        case .failure: self.init(isSuccess: false) { _ in resume(result) }
        }
    }
}
