internal import Platform

/// A read that waits for a reader.
struct PendingRead: Sendable {
    /// Runs the closure and resumes its caller.
    let run: @Sendable (ReadSession) -> Void
}

/// One read-only connection on its own thread.
actor Reader {
    private nonisolated let thread: WorkerThread
    private nonisolated let queue: WorkQueue<PendingRead>
    private nonisolated let index: Int
    private var session: ReadSession?

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - index: This reader's number among the workers of `queue`.
    ///   - session: On a connection that can only read.
    init(index: Int, queue: WorkQueue<PendingRead>, session: sending ReadSession) {
        thread = WorkerThread(name: "db-reader-\(index)")
        self.index = index
        self.queue = queue
        self.session = session
    }

    deinit { thread.stop() }

    /// Has the reader look at its queue.
    nonisolated func wake() {
        Task(executorPreference: thread) { await self.drain() }
    }

    /// Serves what is queued, then closes the connection and ends the thread. The queue has been closed before.
    nonisolated func close() async {
        await finish()
        thread.stop()
    }

    private func finish() {
        drain()
        session = nil
    }

    private func drain() {
        while let session {
            guard let read = queue.take(1, worker: index).first else { return }
            read.run(session)
        }
    }
}
