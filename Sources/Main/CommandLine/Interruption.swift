internal import Glibc
internal import Platform
internal import Synchronization

/// Turns ^C and SIGTERM into the cancellation of a task.
enum Interruption {
    /// Where the signal handler writes; -1 while nobody waits.
    private static let pipe = Atomic<Int32>(-1)

    /// Runs the body and cancels it at the first signal; a second one ends the process at once.
    static func cancelling(_ body: @escaping @Sendable () async throws -> ExitCode) async throws -> ExitCode {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { return try await body() }
        pipe.store(ends[1], ordering: .releasing)
        for number in [SIGINT, SIGTERM] { signal(number, notify) }
        let task = Task { try await body() }
        let readEnd = ends[0]
        let thread = WorkerThread(name: "signals")
        Task(executorPreference: thread) {
            var byte: UInt8 = 0
            while read(readEnd, &byte, 1) < 0 && errno == EINTR {}
            // From here on a signal has its default effect.
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
            task.cancel()
        }
        return try await task.value
    }

    /// Lets writing to a pipe that nobody reads any more fail instead of ending the process: for those that run on, as
    /// a server does when the program that collects its log is restarted.
    static func outliveClosedPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Only what is allowed in a signal handler: one write.
    private static let notify: @convention(c) (Int32) -> Void = { _ in
        var byte: UInt8 = 1
        _ = write(pipe.load(ordering: .acquiring), &byte, 1)
    }
}
