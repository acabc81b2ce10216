public import Core
public import Platform
internal import Synchronization

/// Time that stands still until a test moves it. Who sleeps is woken, and knows no other time than the test's.
public final class ManualClock: Platform.Clock {
    private struct Sleeper {
        let due: Timestamp
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var elapsed = Duration.zero
        var sleepers: [Int: Sleeper] = [:]
        var nextSleeper = 0
    }

    private let state = Mutex(State())
    private let origin: Timestamp

    /// - Parameter origin: A Friday in January 2027, 08:00:00 UTC, unless said otherwise.
    public init(origin: Timestamp = Timestamp(seconds: 1_800_000_000)) { self.origin = origin }

    public var now: Timestamp { origin + monotonic }
    public var monotonic: Duration { state.withLock { $0.elapsed } }

    /// When those who sleep want to be woken, the earliest first.
    public var alarms: [Timestamp] { state.withLock { $0.sleepers.values.map(\.due).sorted() } }

    /// Moves the time on and wakes whose time has come, the earliest first.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.elapsed += duration
            let now = origin + state.elapsed
            let due = state.sleepers.filter { $0.value.due <= now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.sorted { ($0.value.due, $0.key) < ($1.value.due, $1.key) }
        }
        for sleeper in due { sleeper.value.continuation.resume() }
    }

    /// Moves the time on to the instant given; an earlier one changes nothing.
    public func advance(to instant: Timestamp) { advance(by: max(.zero, instant - now)) }

    public func sleep(until time: Timestamp) async throws {
        let number = state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Answer { case wake, cancel, sleep }
                let answer: Answer = state.withLock { state in
                    if Task.isCancelled { return .cancel }
                    if origin + state.elapsed >= time { return .wake }
                    state.sleepers[number] = Sleeper(due: time, continuation: continuation)
                    return .sleep
                }
                switch answer {
                case .wake: continuation.resume()
                case .cancel: continuation.resume(throwing: CancellationError())
                case .sleep: break
                }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
