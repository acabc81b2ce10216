internal import API
internal import Core
internal import Platform
internal import Synchronization

/// Those who wait for messages, in one line for each queue.
///
/// Whoever waits looks into the queue first, learns when its next message becomes visible, and sleeps until then at
/// most. Every change of a queue makes the first in line look again, and whoever leaves the line makes the next one
/// look: so that at any time somebody in the line knows of the earliest message to come.
final class QueueWaiters: Sendable {
    /// In all lines together; past it nobody waits, and `ThrottlingException` says so.
    static let waitersMax = 2048

    private struct State {
        var lines: [String: [QueueWaiter]] = [:]
        var count = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// - Throws: `ServiceError` `.throttling` where too many wait.
    func join(_ queue: String) throws(ServiceError) -> QueueWaiter {
        let waiter = QueueWaiter(queue)
        let joined = state.withLock { state in
            guard state.count < QueueWaiters.waitersMax else { return false }
            state.count += 1
            state.lines[queue, default: []].append(waiter)
            return true
        }
        guard joined else {
            throw ServiceError(.throttling, "\(QueueWaiters.waitersMax) requests wait for messages already.")
        }
        return waiter
    }

    func leave(_ waiter: QueueWaiter) {
        state.withLock { state in
            state.count -= 1
            state.lines[waiter.queue]?.removeAll { $0 === waiter }
            if state.lines[waiter.queue]?.isEmpty == true { state.lines[waiter.queue] = nil }
        }
        signal(waiter.queue)
    }

    /// Makes the first in line look again, as many as there are messages.
    func signal(_ queue: String, count: Int = 1) {
        var left = count
        for waiter in state.withLock({ $0.lines[queue] ?? [] }) {
            if left == 0 { return }
            if waiter.wake() { left -= 1 }
        }
    }

    /// Makes all look again.
    func signalAll() {
        for waiter in state.withLock({ $0.lines.values.flatMap { $0 } }) { waiter.wake() }
    }

    /// Ends all waiting.
    func close() {
        state.withLock { $0.isClosed = true }
        signalAll()
    }
}

/// One of those who wait.
final class QueueWaiter: Sendable {
    private enum State {
        case looking
        /// Told to look again, before it came to wait.
        case called
        case waiting(CheckedContinuation<Void, Never>)
    }

    let queue: String
    private let state = Mutex(State.looking)

    init(_ queue: String) { self.queue = queue }

    /// Returns when it is told to look again, at the time given at the latest.
    func wait(until time: Timestamp, clock: any Clock) async {
        let alarm = Task {
            // Cancelled, it was called before its time.
            if (try? await clock.sleep(until: time)) != nil { wake() }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCalled = state.withLock { state in
                    if case .called = state { return true }
                    state = .waiting(continuation)
                    return false
                }
                if isCalled { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        alarm.cancel()
        state.withLock { $0 = .looking }
    }

    /// - Returns: Whether it had not been called already.
    @discardableResult
    func wake() -> Bool {
        let (isNew, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            switch state {
            case .called: return (false, nil)
            case .looking:
                state = .called
                return (true, nil)
            case .waiting(let continuation):
                state = .called
                return (true, continuation)
            }
        }
        continuation?.resume()
        return isNew
    }
}
