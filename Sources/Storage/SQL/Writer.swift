internal import Core
internal import Platform

/// The only writer, on its own thread: commits all that has queued as one group, so that one wait for the disk serves
/// many writers.
actor Writer {
    /// Writes committed together at most; bounds how long the first of them waits for the last.
    private static let groupMax = 1000

    private nonisolated let thread = WorkerThread(name: "db-writer")
    /// Writes that no group has taken yet.
    nonisolated let queue: WorkQueue<PendingWrite>
    private nonisolated let outboxSignal: AsyncStream<Void>.Continuation
    private let log: Log
    private let checkpointer: Checkpointer?
    /// The length of the write-ahead log at which writing waits for it to be copied.
    private var pagesAtWhichToWait = 0
    private var session: WriteSession?

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - session: On an open, migrated database.
    ///   - checkpointer: Nil where the database is in memory.
    ///   - outboxSignal: Yielded to after every group that put something into the outbox.
    init(
        session: sending WriteSession, checkpointer: Checkpointer?, outboxSignal: AsyncStream<Void>.Continuation,
        log: Log
    ) {
        queue = WorkQueue(capacity: Limits.databaseWritesQueuedMax, workers: 1)
        self.session = session
        self.checkpointer = checkpointer
        self.outboxSignal = outboxSignal
        self.log = log
    }

    deinit { thread.stop() }

    /// Queues a write.
    /// - Throws: `StorageError` with `.throttled` or `.closed`.
    nonisolated func add(_ write: PendingWrite) throws(StorageError) {
        guard try queue.add(write) != nil else { return }
        Task(executorPreference: thread) { await self.drain() }
    }

    /// Commits what is queued, then closes the connection and ends the thread.
    nonisolated func close() async {
        queue.close()
        await finish()
        thread.stop()
    }

    private func finish() {
        drain()
        session = nil
        outboxSignal.finish()
    }

    private func drain() {
        while let session {
            let group = queue.take(Writer.groupMax, worker: 0)
            if group.isEmpty { return }
            let answers = session.commit(group)
            let actions = session.afterCommit
            session.afterCommit.removeAll(keepingCapacity: true)
            for action in actions { action() }
            if session.hasEmitted {
                session.hasEmitted = false
                outboxSignal.yield()
            }
            for answer in answers { answer() }
            checkpoint(session)
        }
    }

    /// Most of a checkpoint's work is done on another connection while writing goes on. The pages written meanwhile
    /// keep the log from starting over, so the writer copies those few itself when the other is done. Where writing is
    /// faster than copying, the writer waits: the log stays within twice its usual length, but for a reader that holds
    /// on to old pages.
    private func checkpoint(_ session: WriteSession) {
        guard let checkpointer else { return }
        let pages = session.gauge.pages
        let isRemainderLeft = checkpointer.isRemainderLeft(pages: pages)
        if pages < 2 * Checkpointer.pagesMax { pagesAtWhichToWait = 2 * Checkpointer.pagesMax }
        let mustWait = pages >= pagesAtWhichToWait
        guard isRemainderLeft || mustWait else { return }
        do throws(StorageError) {
            // Should a reader be in the way, writing goes on for a while before it waits again.
            if mustWait { pagesAtWhichToWait = pages + Checkpointer.pagesMax }
            try session.connection.checkpoint(mustWait ? .full : .passive)
        } catch {
            log.warning("checkpoint: \(error)")
        }
    }
}
