internal import CShims
internal import Core
internal import Glibc
internal import Synchronization

/// Starts programs and watches them, all on one thread: their ends through their supervisors, their outputs through
/// pipes.
///
/// Each program has a supervisor: a process between this one and the program, beneath which all its descendants stay.
/// When a program is stopped, or this process dies, the supervisor kills whatever is beneath it.
///
/// The thread ends when the loop is no longer referenced and its last program has ended.
public final class ProcessLoop: Sendable {
    private let inbox: ProcessInbox

    /// - Parameter name: Of the thread, at most 15 bytes.
    public init(name: String = "processes") {
        inbox = ProcessInbox()
        let context = Unmanaged.passRetained(ProcessThread(inbox: inbox, name: name))
        let status = ops_thread_start(
            { Unmanaged<ProcessThread>.fromOpaque($0!).takeRetainedValue().run() }, context.toOpaque())
        precondition(status == 0, "cannot start thread \(name): errno \(status)")
    }

    deinit { inbox.send(.shutDown) }

    /// Starts a program.
    /// - Throws: `ProcessError`; nothing is left behind then.
    public func start(_ request: ProcessRequest) async throws(ProcessError) -> ChildProcess {
        let channel = ProcessChannel(bytesMax: request.bufferBytesMax)
        let result = await withCheckedContinuation { continuation in
            inbox.send(.start(request, channel, continuation))
        }
        return ChildProcess(identifier: try result.get(), channel: channel, inbox: inbox)
    }
}

/// What others ask of the process loop.
enum ProcessMessage: Sendable {
    case start(ProcessRequest, ProcessChannel, CheckedContinuation<Result<Int32, ProcessError>, Never>)
    case stop(Int32, StopReason)
    case shutDown
}

/// The loop's queue, with an event counter that wakes its `poll`.
final class ProcessInbox: Sendable {
    private let messages = Mutex<[ProcessMessage]>([])
    let descriptor: Int32

    init() {
        descriptor = ops_eventfd()
        precondition(descriptor >= 0, "cannot make an event counter: errno \(errno)")
    }

    deinit { close(descriptor) }

    func send(_ message: ProcessMessage) {
        messages.withLock { $0.append(message) }
        wake()
    }

    func wake() {
        var one: UInt64 = 1
        // Fails only where the counter is at its top, which wakes as well.
        _ = write(descriptor, &one, 8)
    }

    func takeAll() -> [ProcessMessage] {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        return messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}

/// The thread's state.
///
/// `@unchecked`: everything but `inbox` is touched by the one thread that runs `run`.
private final class ProcessThread: @unchecked Sendable {
    private let inbox: ProcessInbox
    private let name: String
    private let spawner = Spawner()
    private var children: [Int32: RunningChild] = [:]
    private var isShuttingDown = false
    private var scratch = [UInt8](repeating: 0, count: 64 << 10)

    init(inbox: ProcessInbox, name: String) {
        self.inbox = inbox
        self.name = name
    }

    func run() {
        ops_thread_set_name(name)
        while !isShuttingDown || !children.isEmpty {
            for message in inbox.takeAll() { handle(message) }
            wait()
        }
    }

    private var now: Duration { .nanoseconds(ops_monotonic_nanoseconds()) }

    private func handle(_ message: ProcessMessage) {
        switch message {
        case .start(let request, let channel, let continuation):
            let result = Result { () throws(ProcessError) in
                try RunningChild(starting: request, with: spawner, channel: channel, now: now)
            }
            if case .success(let child) = result { children[child.identifier] = child }
            continuation.resume(returning: result.map(\.identifier))
        case .stop(let identifier, let reason):
            update(identifier) { child, now in child.lifecycle.stop(reason, at: now) }
        case .shutDown:
            isShuttingDown = true
            for identifier in children.keys { update(identifier) { $0.lifecycle.stop(.cancelled, at: $1) } }
        }
    }

    private func update(_ identifier: Int32, _ change: (inout RunningChild, Duration) -> [ProcessLifecycle.Action]) {
        guard var child = children[identifier] else { return }
        let actions = change(&child, now)
        child.carryOut(actions)
        children[identifier] = child.isOver ? nil : child
    }

    /// Waits for the next thing to happen to any child, and handles it.
    private func wait() {
        var polled = [pollfd(fd: inbox.descriptor, events: Int16(POLLIN), revents: 0)]
        var owners: [(child: Int32, stream: OutputStream?)] = []
        var deadline: Duration?
        for (identifier, child) in children {
            if let next = child.lifecycle.deadline { deadline = min(deadline ?? next, next) }
            for (descriptor, stream) in child.watched {
                polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
                owners.append((identifier, stream))
            }
        }
        guard poll(&polled, nfds_t(polled.count), milliseconds(until: deadline)) >= 0 else { return }
        for (index, owner) in owners.enumerated() where polled[index + 1].revents != 0 {
            if let stream = owner.stream {
                update(owner.child) { child, _ in child.read(stream, &scratch) }
            } else {
                update(owner.child) { child, now in child.hear(at: now) }
            }
        }
        for identifier in children.keys { update(identifier) { $0.lifecycle.timePassed(to: $1) } }
    }

    /// For `poll`: rounded up, so that the deadline has passed when it returns.
    private func milliseconds(until deadline: Duration?) -> Int32 {
        guard let deadline else { return -1 }
        return Int32(clamping: max(0, (deadline - now).microseconds + 999) / 1000)
    }
}
