internal import Core

/// Decides how a replay goes on: when it takes how many events, and how it ends.
///
/// A replay that was started waits a moment before it takes the first events: until then cancelling it means that
/// nothing has happened.
struct ReplayMachine: Sendable, Hashable {
    enum State: String, Sendable, CaseIterable {
        // In the order in which the service names them.
        case cancelled = "CANCELLED"
        case cancelling = "CANCELLING"
        case completed = "COMPLETED"
        case failed = "FAILED"
        case running = "RUNNING"
        case starting = "STARTING"

        /// Whether it goes on by itself.
        var isActive: Bool { self == .starting || self == .running || self == .cancelling }
    }

    enum Action: Sendable, Hashable {
        case wait(until: Timestamp)
        /// Take up to so many events.
        case take(Int)
        /// End what is being cancelled.
        case finish
        /// It has ended.
        case stop
    }

    /// What was taken from the archive in one step.
    struct Batch: Sendable, Hashable {
        var count = 0
        /// Of the last event.
        var position: ArchivePosition?
        var lastEventTime: Timestamp?
        /// Whether nothing is left.
        var isLast = true
    }

    let started: Timestamp
    let eventsPerSecond: Int
    private(set) var state = State.starting
    /// Of the last event that was taken.
    private(set) var position: ArchivePosition?
    private(set) var lastEventTime: Timestamp?
    private(set) var eventCount = 0
    private(set) var ended: Timestamp?
    /// Why it failed.
    private(set) var reason: String?
    /// When the next events may be taken; not kept, a restart begins at once.
    private var nextTime: Timestamp

    static let pause = Duration.seconds(1)
    static let eventsPerSecondDefault = 1000
    static let eventsPerSecondMax = 100_000
    private static let batchMax = 1000

    init(started: Timestamp, eventsPerSecond: Int = eventsPerSecondDefault) {
        self.started = started
        self.eventsPerSecond = eventsPerSecond
        nextTime = started + ReplayMachine.pause
    }

    /// What is kept of a replay.
    struct Record: Sendable, Hashable {
        var state: State
        var position: ArchivePosition?
        var lastEventTime: Timestamp?
        var eventCount: Int
        var ended: Timestamp?
        var reason: String?
    }

    var record: Record {
        Record(
            state: state, position: position, lastEventTime: lastEventTime, eventCount: eventCount, ended: ended,
            reason: reason)
    }

    /// The machine as it was kept.
    init(started: Timestamp, eventsPerSecond: Int, record: Record) {
        self.init(started: started, eventsPerSecond: eventsPerSecond)
        state = record.state
        position = record.position
        lastEventTime = record.lastEventTime
        eventCount = record.eventCount
        ended = record.ended
        reason = record.reason
        if state != .starting { nextTime = started }
    }

    /// A quarter of a second's events.
    private var batch: Int { min(max(eventsPerSecond / 4, 1), ReplayMachine.batchMax) }

    func next(now: Timestamp) -> Action {
        switch state {
        case .starting, .running: now < nextTime ? .wait(until: nextTime) : .take(batch)
        case .cancelling: .finish
        case .cancelled, .completed, .failed: .stop
        }
    }

    /// Ends the pause before the first events.
    mutating func hurry() { if state == .starting { nextTime = started } }

    /// Events were taken. The next ones are due when these have had their share of time, however late these were.
    mutating func took(_ batch: Batch, now: Timestamp) {
        precondition(state == .starting || state == .running, "a replay that is \(state) takes nothing")
        state = .running
        position = batch.position ?? position
        lastEventTime = batch.lastEventTime ?? lastEventTime
        eventCount += batch.count
        nextTime = max(now, nextTime) + .microseconds(Int64(batch.count) * 1_000_000 / Int64(eventsPerSecond))
        if batch.isLast { end(.completed, now) }
    }

    /// Wants it to end.
    /// - Returns: False where it is ending or has ended already.
    mutating func cancel() -> Bool {
        guard state == .starting || state == .running else { return false }
        state = .cancelling
        return true
    }

    /// Ends what is being cancelled.
    mutating func finish(now: Timestamp) {
        if state == .cancelling { end(.cancelled, now) }
    }

    /// Ends for a reason that waiting does not mend.
    mutating func fail(_ reason: String, now: Timestamp) {
        guard state.isActive else { return }
        self.reason = reason
        end(.failed, now)
    }

    private mutating func end(_ state: State, _ now: Timestamp) {
        self.state = state
        ended = now
    }
}
