internal import Glibc

/// A program to run and the bounds it runs within.
public struct ProcessRequest: Sendable {
    /// Path of the program; not searched for in `PATH`.
    public var executable: String
    /// Arguments after the program's own name.
    public var arguments: [String]
    /// The whole environment; nothing is inherited.
    public var environment: [String: String]
    /// Working directory; nil for this process's own.
    public var directory: String?
    /// What the program reads from standard input, which then ends.
    public var input: [UInt8]
    /// How long the program may run; nil for as long as it likes.
    public var timeout: Duration?
    /// Between `SIGTERM` and `SIGKILL` when the program is stopped.
    public var grace: Duration
    /// How long after the program's end others, such as a daemon it left behind, may hold its output open.
    public var drain: Duration
    /// As whom the program runs; nil for as this process.
    public var user: ProcessUser?
    public var limits = ProcessLimits()
    /// Output read and not yet taken by the consumer; beyond it the program waits in `write`.
    public var bufferBytesMax: Int

    public init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, input: [UInt8] = [], timeout: Duration? = nil, grace: Duration = .seconds(2),
        drain: Duration = .seconds(1), bufferBytesMax: Int = 256 << 10
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.input = input
        self.timeout = timeout
        self.grace = grace
        self.drain = drain
        self.bufferBytesMax = bufferBytesMax
    }
}

/// Which of a program's two outputs.
public enum OutputStream: String, Sendable, Hashable, CaseIterable {
    case standardOutput = "stdout"
    case standardError = "stderr"
}

/// What a running program does, in order.
public enum ProcessEvent: Sendable, Hashable {
    /// Bytes as read, at least one; the order between the two streams is that of reading.
    case output(OutputStream, [UInt8])
    /// The last event.
    case ended(ProcessOutcome)
}

/// Why a program was stopped.
public enum StopReason: String, Sendable, Hashable {
    case timedOut, cancelled
}

/// How a program ended.
public struct ProcessOutcome: Sendable, Hashable {
    public enum Status: Sendable, Hashable {
        case exited(code: Int32)
        case signalled(Int32)
    }

    public var status: Status
    /// Set where the program still ran when it was told to stop; output after that moment was thrown away.
    public var stopped: StopReason?
    /// False where something the program left behind still held its output when the drain time was over.
    public var isOutputComplete: Bool

    public init(status: Status, stopped: StopReason? = nil, isOutputComplete: Bool = true) {
        self.status = status
        self.stopped = stopped
        self.isOutputComplete = isOutputComplete
    }
}

/// A program that could not be started.
public struct ProcessError: Error, Sendable, Hashable, CustomStringConvertible {
    public let executable: String
    /// What was tried: `start`, `open a pipe for`.
    public let operation: String
    public let errno: Int32

    public init(_ operation: String, _ executable: String, errno: Int32) {
        self.executable = executable
        self.operation = operation
        self.errno = errno
    }

    public var description: String { "cannot \(operation) \(executable): \(String(cString: strerror(errno)))" }
}
