internal import CShims
internal import Glibc

/// A child as the process loop holds it: its descriptors and where it is in its life.
struct RunningChild {
    /// The reading end of one output.
    private struct Pipe {
        let descriptor: Int32
        /// Once the drain time is over: how much is still to be read; nil before.
        var bytesLeft: Int?
    }

    var lifecycle: ProcessLifecycle
    private let channel: ProcessChannel
    private var child: ops_child
    /// Whether the supervisor's end is still to be seen.
    private var isSupervised = true
    private var pipes: [OutputStream: Pipe] = [:]
    private var status = ProcessOutcome.Status.signalled(SIGKILL)
    private var isOutputComplete = true

    /// Starts the program.
    init(
        starting request: ProcessRequest, with spawner: Spawner, channel: ProcessChannel, now: Duration
    ) throws(ProcessError) {
        var opened: [Int32] = []
        var kept: [Int32] = []
        defer { for descriptor in opened where !kept.contains(descriptor) { close(descriptor) } }
        let input = try RunningChild.openInput(request)
        opened.append(input)
        let output = try RunningChild.openPipe(request, &opened)
        let error = try RunningChild.openPipe(request, &opened)

        child = try spawner.start(request, [input, output.write, error.write])
        kept = [output.read, error.read]
        pipes = [.standardOutput: Pipe(descriptor: output.read), .standardError: Pipe(descriptor: error.read)]
        self.channel = channel
        lifecycle = ProcessLifecycle(
            timeoutAt: request.timeout.map { now + $0 }, grace: request.grace, drain: request.drain)
    }

    private static func openInput(_ request: ProcessRequest) throws(ProcessError) -> Int32 {
        let descriptor =
            request.input.isEmpty
            ? ops_open("/dev/null", O_RDONLY, 0) : ops_memory_file(request.input, request.input.count)
        guard descriptor >= 0 else { throw ProcessError("open the input of", request.executable, errno: errno) }
        return descriptor
    }

    private static func openPipe(
        _ request: ProcessRequest, _ opened: inout [Int32]
    ) throws(ProcessError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let status = ops_pipe(&ends, 1)
        guard status == 0 else { throw ProcessError("open a pipe for", request.executable, errno: status) }
        opened += ends
        return (ends[0], ends[1])
    }

    var identifier: Int32 { child.program }

    /// Whether nothing is left to be done or seen.
    var isOver: Bool { lifecycle.state == .ended && !isSupervised }

    /// The descriptors to wait for; nil as stream stands for news of the supervisor.
    var watched: [(Int32, OutputStream?)] {
        var watched: [(Int32, OutputStream?)] = []
        if isSupervised { watched.append((child.link, nil)) }
        guard !lifecycle.isCapturing || channel.hasRoom else { return watched }
        for (stream, pipe) in pipes { watched.append((pipe.descriptor, stream)) }
        return watched
    }

    /// Takes in what one output holds, at most a buffer full.
    mutating func read(_ stream: OutputStream, _ buffer: inout [UInt8]) -> [ProcessLifecycle.Action] {
        guard var pipe = pipes[stream] else { return [] }
        let wanted = min(buffer.count, pipe.bytesLeft ?? buffer.count)
        let count = Glibc.read(pipe.descriptor, &buffer, wanted)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return [] }
        if count > 0 {
            if lifecycle.isCapturing {
                buffer.withUnsafeBytes { channel.append(stream, UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            }
            guard let left = pipe.bytesLeft else { return [] }
            pipe.bytesLeft = left - count
            pipes[stream] = pipe
            if left > count { return [] }
        }
        close(pipe.descriptor)
        pipes[stream] = nil
        return pipes.isEmpty ? lifecycle.pipesEnded() : []
    }

    /// Takes in what the supervisor has to say.
    mutating func hear(at now: Duration) -> [ProcessLifecycle.Action] {
        var code: Int32 = 0
        var signal: Int32 = 0
        switch ops_child_news(&child, &code, &signal) {
        case 0: return []
        case 1:
            status = code >= 0 ? .exited(code: code) : .signalled(signal)
            return lifecycle.childExited(at: now)
        default:
            isSupervised = false
            close(child.link)
            return lifecycle.supervisorEnded()
        }
    }

    /// Does what the lifecycle decided.
    mutating func carryOut(_ actions: [ProcessLifecycle.Action]) {
        for action in actions {
            switch action {
            case .terminate: order(OPS_TERMINATE)
            case .kill: order(OPS_KILL)
            case .release: order(OPS_RELEASE)
            case .killGroup: _ = Glibc.kill(-identifier, SIGKILL)
            case .limitPipes: carryOut(limitPipes())
            case .finish:
                for pipe in pipes.values { close(pipe.descriptor) }
                channel.end(
                    ProcessOutcome(
                        status: status, stopped: lifecycle.reasonAtEnd,
                        isOutputComplete: isOutputComplete && pipes.isEmpty))
                pipes = [:]
            }
        }
    }

    private mutating func order(_ order: Int) { ops_child_order(&child, CChar(order)) }

    private mutating func limitPipes() -> [ProcessLifecycle.Action] {
        isOutputComplete = false
        for (stream, pipe) in pipes {
            let left = ops_readable_bytes(pipe.descriptor)
            if left > 0 {
                pipes[stream]?.bytesLeft = left
            } else {
                close(pipe.descriptor)
                pipes[stream] = nil
            }
        }
        return pipes.isEmpty ? lifecycle.pipesEnded() : []
    }
}
