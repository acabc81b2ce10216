internal import Storage
internal import Synchronization

/// Wakes those who wait for the journal to grow.
final class JournalArrivals: Sendable {
    private struct State {
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    init(_ journal: any Journal) {
        journal.observe { [weak self] _ in self?.wake() }
    }

    private func wake() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Returns when the journal holds a record after one, or at any time before.
    /// - Throws: `CancellationError`.
    func wait(after sequence: UInt64, _ journal: any Journal) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if Task.isCancelled { return false }
                    state.waiting[number] = continuation
                    return true
                }
                // A record that came before it stood in line is not told of.
                if !mustWait || journal.lastSequence > sequence { resume(number, continuation, isWaiting: mustWait) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
        try Task.checkCancellation()
    }

    private func resume(_ number: Int, _ continuation: CheckedContinuation<Void, Never>, isWaiting: Bool) {
        guard isWaiting else { return continuation.resume() }
        state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
    }
}
