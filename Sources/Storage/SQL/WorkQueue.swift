internal import Synchronization

/// A bounded queue between callers and one or more worker threads, in order of arrival.
final class WorkQueue<Work: Sendable>: Sendable {
    private struct State {
        var pending: [Work] = []
        /// Workers that found nothing and must be woken.
        var idle: [Int]
        var isClosed = false
    }

    private let state: Mutex<State>
    private let capacity: Int

    /// - Parameters:
    ///   - capacity: Past it `add` throws `.throttled`.
    ///   - workers: How many take from it; all are idle at first.
    init(capacity: Int, workers: Int) {
        self.capacity = capacity
        state = Mutex(State(idle: Array((0..<workers).reversed())))
    }

    /// Appends work.
    /// - Returns: The idle worker that must now be woken; nil where all are busy and will come by.
    /// - Throws: `StorageError` with `.throttled` or `.closed`.
    func add(_ work: Work) throws(StorageError) -> Int? {
        try state.withLock { (state) throws(StorageError) in
            if state.isClosed { throw StorageError(.closed, "the database has been closed") }
            if state.pending.count >= capacity {
                throw StorageError(.throttled, "\(capacity) transactions are waiting already; try again")
            }
            state.pending.append(work)
            return state.idle.popLast()
        }
    }

    /// Removes up to `count` pieces of work, oldest first. None means that the worker counts as idle from now on.
    func take(_ count: Int, worker: Int) -> [Work] {
        state.withLock { state in
            let taken = Array(state.pending.prefix(count))
            state.pending.removeFirst(taken.count)
            if taken.isEmpty && !state.idle.contains(worker) { state.idle.append(worker) }
            return taken
        }
    }

    /// Pieces of work that no worker has taken.
    var count: Int { state.withLock { $0.pending.count } }

    /// Refuses work from now on; what is queued stays.
    func close() { state.withLock { $0.isClosed = true } }
}
