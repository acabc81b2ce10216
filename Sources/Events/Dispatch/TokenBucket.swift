internal import Core

/// Gives out turns at a steady rate: each asker is told when it may go, and none is ever refused.
///
/// A tenth of a second's turns may be used at once after a pause.
/// - Source: the generic cell rate algorithm, ITU-T I.371, with reservations.
struct TokenBucket: Sendable, Hashable {
    /// Turns in a second; 1 or more.
    let rate: Int
    /// When the next turn would be, had all before been taken at their times.
    private var next: Timestamp?

    init(rate: Int) { self.rate = rate }

    /// Takes the next turn.
    /// - Returns: When it is: `now`, or later.
    mutating func reserve(now: Timestamp) -> Timestamp {
        let interval = Duration.microseconds(max(1, 1_000_000 / Int64(rate)))
        let burst = max(1, rate / 10) - 1
        // As after a pause where none has been taken yet.
        let rested = now - interval * burst
        let earliest = max(next ?? rested, rested)
        next = earliest + interval
        return max(earliest, now)
    }

    /// Whether the bucket is as if it were new, so that nobody need remember it.
    func isFull(now: Timestamp) -> Bool { next.map { $0 <= now - .seconds(1) } ?? true }
}
