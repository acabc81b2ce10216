internal import Synchronization

/// Notices parts of the server that no longer answer, and says which and for how long.
///
/// Every part is asked in turns for a sign of life, which goes the way that its work goes: a transaction that changes
/// nothing, a hop onto its thread. A part that is only slow answers late and is told of at most once; a part that hangs
/// is told of when it is noticed, and again when it answers after all. A stall is thereby a line in the log with a name
/// in it, not a server that has gone silent.
public final class Watchdog: Sendable {
    /// A part of the server.
    public struct Part: Sendable {
        public let name: String
        /// Returns once the part has done a piece of work.
        public let answer: @Sendable () async -> Void

        public init(_ name: String, answer: @escaping @Sendable () async -> Void) {
            self.name = name
            self.answer = answer
        }
    }

    /// What the watchdog has to say.
    public enum Report: Sendable, Hashable {
        case silent(part: String, for: Duration)
        case answersAgain(part: String, after: Duration)
    }

    private struct Question {
        let asked: Duration
        var isReported = false
    }

    private let parts: [Part]
    private let interval: Duration
    private let patience: Duration
    private let clock: any Clock
    private let report: @Sendable (Report) -> Void
    /// Not answered yet, by the part's name.
    private let open = Mutex<[String: Question]>([:])
    /// Its own, so that it sees when the threads that all tasks share are blocked.
    private let thread = WorkerThread(name: "watchdog")
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - parts: Their names must be unique.
    ///   - interval: Between two questions to the same part.
    ///   - patience: How long an answer may take.
    ///   - report: Called from any thread.
    public init(
        _ parts: [Part], interval: Duration = .seconds(5), patience: Duration = .seconds(15), clock: any Clock,
        report: @escaping @Sendable (Report) -> Void
    ) {
        self.parts = parts
        self.interval = interval
        self.patience = patience
        self.clock = clock
        self.report = report
    }

    deinit { thread.stop() }

    public func start() {
        task.withLock { task in
            task = Task(executorPreference: thread) { [weak self, clock, interval] in
                while !Task.isCancelled {
                    self?.ask()
                    // A cancelled sleep ends the loop at its condition.
                    try? await clock.sleep(for: interval)
                    if !Task.isCancelled { self?.complain() }
                }
            }
        }
    }

    /// Asks nothing more; questions that nobody answers are left behind.
    public func stop() { task.withLock { $0?.cancel() } }

    private func ask() {
        for part in parts { ask(part) }
    }

    private func ask(_ part: Part) {
        let isNew = open.withLock { open in
            if open[part.name] != nil { return false }
            open[part.name] = Question(asked: clock.monotonic)
            return true
        }
        guard isNew else { return }
        Task {
            await part.answer()
            let question = open.withLock { $0.removeValue(forKey: part.name) }
            guard let question, question.isReported else { return }
            report(.answersAgain(part: part.name, after: clock.monotonic - question.asked))
        }
    }

    private func complain() {
        let now = clock.monotonic
        let silent = open.withLock { open in
            var silent: [(part: String, duration: Duration)] = []
            for (part, question) in open where !question.isReported && now - question.asked >= patience {
                open[part]?.isReported = true
                silent.append((part, now - question.asked))
            }
            return silent
        }
        for (part, duration) in silent.sorted(by: { $0.part < $1.part }) {
            report(.silent(part: part, for: duration))
        }
    }
}
