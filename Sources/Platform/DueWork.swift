public import Core

/// What an actor knows of the work that waits in a table of the database: what of it is in memory, whether the table
/// may hold more that is due, and when to look again.
///
/// The table is the truth and is read while its rows are being settled. What is read may still show a row as it was
/// before; so keys that are settled meanwhile are remembered until the reading ends.
public struct DueWork<Key: Hashable & Sendable> {
    /// In memory: ready or being worked on.
    public private(set) var held: Set<Key> = []
    /// Whether the table may hold due work that is not in memory.
    public var mustLoad = true
    /// Whether the table is being read.
    public private(set) var isLoading = false
    private var settledWhileLoading: Set<Key> = []
    private var timer: (due: Timestamp, task: Task<Void, Never>)?

    public init() {}

    /// Begins to read the table; nothing else may until `endLoading`.
    public mutating func beginLoading() {
        isLoading = true
        mustLoad = false
    }

    /// The table has been read, and what was news in it is held.
    public mutating func endLoading() {
        isLoading = false
        settledWhileLoading = []
    }

    /// Whether what was read of the table is to be taken: not what is held already, nor what has been settled since.
    public func isNews(_ key: Key) -> Bool { !held.contains(key) && !settledWhileLoading.contains(key) }

    /// Takes work into memory.
    public mutating func hold(_ key: Key) { held.insert(key) }

    /// The work is done, or left to the table for later.
    public mutating func settle(_ key: Key) {
        held.remove(key)
        if isLoading { settledWhileLoading.insert(key) }
    }

    /// Lets go of everything in memory.
    public mutating func forget() {
        held = []
        cancelTimer()
    }

    // MARK: Waiting

    /// Sees to it that the table is looked at at a time, or earlier where that is planned already.
    /// - Parameter action: What is done then; it calls `timeHasCome()`.
    public mutating func setTimer(_ due: Timestamp, _ clock: any Clock, action: @escaping @Sendable () async -> Void) {
        if let timer, timer.due <= due { return }
        timer?.task.cancel()
        let task = Task {
            do { try await clock.sleep(until: due) } catch { return }
            await action()
        }
        timer = (due, task)
    }

    /// The time has come that the timer was set to.
    public mutating func timeHasCome() {
        timer = nil
        mustLoad = true
    }

    /// The table is not looked at by itself any more.
    public mutating func cancelTimer() {
        timer?.task.cancel()
        timer = nil
    }
}

/// Does something again and again, a second apart, until it succeeds.
/// - Parameters:
///   - complaint: Goes to the log with each failure.
///   - isOver: Whether to give up.
/// - Throws: The error of the action, once it is to give up; `CancellationError`.
public func insist<Value: Sendable>(
    _ complaint: String, _ clock: any Clock, _ log: Log, unless isOver: () -> Bool, _ action: () async throws -> Value
) async throws -> Value {
    while true {
        do {
            return try await action()
        } catch {
            if isOver() { throw error }
            log.error("\(complaint): \(error); trying again in a second")
            try await clock.sleep(for: .seconds(1))
        }
    }
}
