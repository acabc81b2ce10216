internal import Synchronization

/// A queue from a socket's thread to one task that takes what has come. It has a limit, which the producer watches.
final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isFinished = false
    }

    private let state = Mutex(State())
    private let limit: Int
    /// Called when there is room again after the queue was full.
    private let onRoom: @Sendable () -> Void

    init(limit: Int, onRoom: @escaping @Sendable () -> Void = {}) {
        self.limit = limit
        self.onRoom = onRoom
    }

    var isFull: Bool { state.withLock { $0.elements.count >= limit } }

    func append(_ elements: some Sequence<Element>) {
        let waiter = state.withLock { state in
            if !state.isFinished { state.elements.append(contentsOf: elements) }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Lets `next` answer nil once all elements are taken.
    func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Waits until there are elements and takes them all; nil when the queue is finished. For one task at a time.
    /// - Throws: `CancellationError`.
    func next() async throws -> [Element]? {
        while true {
            try Task.checkCancellation()
            let (elements, isFinished, wasFull) = state.withLock { state in
                let elements = state.elements
                state.elements = []
                return (elements, state.isFinished, elements.count >= limit)
            }
            if wasFull { onRoom() }
            if !elements.isEmpty { return elements }
            if isFinished { return nil }
            await wait()
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.elements.isEmpty || state.isFinished || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
    }
}
