internal import Platform
internal import Synchronization

/// Moves committed pages from the write-ahead log into the database file, on a thread and connection of its own.
actor Checkpointer {
    /// Pages in the log, 64 MiB, at which a checkpoint starts.
    static let pagesMax = 16_384
    /// Pages in the log, 1 MiB, below which emptying it when idle is not worth the wait for the disk.
    private static let idlePagesMin = 256
    /// How long nothing must have been written before the log is emptied.
    private static let idleTime: Duration = .seconds(10)

    private struct State {
        var isCopying = false
        /// A copy has ended, and the writer should copy what came in meanwhile.
        var isRemainderLeft = false
        /// Counts the commits that wrote something, so that idleness can be told.
        var commits = 0
        /// The length of the log when last told of.
        var pages = 0
        var isWaitingForIdleness = false
        var isClosed = false
    }

    private nonisolated let thread = WorkerThread(name: "db-checkpoint")
    private nonisolated let state = Mutex(State())
    private nonisolated let clock: any Clock
    private let log: Log
    private var connection: Connection?

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameter connection: Not the writer's.
    init(connection: consuming sending Connection, clock: any Clock, log: Log) {
        self.connection = consume connection
        self.clock = clock
        self.log = log
    }

    deinit { thread.stop() }

    /// Told by the writer after each group; starts a checkpoint where the log has grown long.
    /// - Parameter pages: The length of the log.
    /// - Returns: Whether the writer should now copy the remainder of an earlier checkpoint.
    nonisolated func isRemainderLeft(pages: Int) -> Bool {
        let (mustCopy, mustWait, isRemainderLeft) = state.withLock { state in
            // A transaction that changes nothing leaves the log as it was.
            let hasWritten = pages != state.pages
            if hasWritten { state.commits += 1 }
            state.pages = pages
            let isRemainderLeft = state.isRemainderLeft
            state.isRemainderLeft = false
            let mustCopy = pages >= Checkpointer.pagesMax && !state.isCopying && !isRemainderLeft
            if mustCopy { state.isCopying = true }
            let mustWait = hasWritten && pages >= Checkpointer.idlePagesMin && !state.isWaitingForIdleness
            if mustWait { state.isWaitingForIdleness = true }
            return (mustCopy, mustWait, isRemainderLeft)
        }
        if mustCopy {
            Task(executorPreference: thread) { await self.copy() }
        }
        if mustWait {
            Task { await self.waitForIdleness() }
        }
        return isRemainderLeft
    }

    /// Closes the connection and ends the thread.
    nonisolated func close() async {
        state.withLock { $0.isClosed = true }
        await disconnect()
        thread.stop()
    }

    private func disconnect() { connection = nil }

    private func copy() {
        run(.passive)
        state.withLock { state in
            state.isCopying = false
            state.isRemainderLeft = true
        }
    }

    private nonisolated func waitForIdleness() async {
        while true {
            let before = state.withLock { $0.commits }
            do {
                try await clock.sleep(for: Checkpointer.idleTime)
            } catch {
                return
            }
            let (isIdle, isClosed) = state.withLock { state in
                let isIdle = state.commits == before
                state.isWaitingForIdleness = !isIdle
                return (isIdle, state.isClosed)
            }
            // The thread of a closed checkpointer runs nothing more.
            if isClosed { return }
            if isIdle { return await empty() }
        }
    }

    /// Copies while writing may go on: emptying keeps the writer out, which on a slow disk must not wait for the copy.
    private func empty() {
        run(.passive)
        run(.truncate)
    }

    private func run(_ mode: Connection.CheckpointMode) {
        guard connection != nil else { return }
        do throws(StorageError) {
            try connection?.checkpoint(mode)
        } catch where error.code == .locked {
            // A reader or the writer was in the way for longer than the connection waits; there will be another time.
            log.debug("checkpoint: \(error)")
        } catch {
            log.warning("checkpoint: \(error)")
        }
    }
}
