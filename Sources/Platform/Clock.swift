internal import CShims
public import Core

/// Where time comes from. Passed in, so that tests decide what time it is.
public protocol Clock: Sendable {
    /// The wall-clock time; may jump.
    var now: Timestamp { get }

    /// A time that only rises, for measuring and for timeouts; its zero means nothing.
    var monotonic: Duration { get }

    /// Returns at or after the wall-clock time given, or throws `CancellationError` if the task is cancelled first.
    func sleep(until time: Timestamp) async throws

    /// Returns after a time that no jump of the wall clock makes longer or shorter, or throws `CancellationError` if
    /// the task is cancelled first.
    func sleep(for duration: Duration) async throws
}

extension Clock {
    /// For clocks whose wall-clock time does not jump.
    public func sleep(for duration: Duration) async throws { try await sleep(until: now + duration) }
}

/// The machine's own clock.
public struct SystemClock: Clock {
    /// Nanoseconds since 1970; tests let it jump.
    private let wallNanoseconds: @Sendable () -> Int64

    public init() { self.init { ops_realtime_nanoseconds() } }

    init(wallNanoseconds: @escaping @Sendable () -> Int64) { self.wallNanoseconds = wallNanoseconds }

    public var now: Timestamp { Timestamp(microseconds: wallNanoseconds() / 1000) }

    public var monotonic: Duration { .nanoseconds(ops_monotonic_nanoseconds()) }

    /// Sleeps in pieces of a minute at most, so that a stepped wall clock is noticed.
    public func sleep(until time: Timestamp) async throws {
        while true {
            let remaining = time - now
            guard remaining > .zero else { return }
            try await Task.sleep(for: min(remaining, .seconds(60)))
        }
    }

    /// By monotonic time.
    public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
