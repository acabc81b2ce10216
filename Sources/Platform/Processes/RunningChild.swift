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

    let identifier: Int32
    var lifecycle: ProcessLifecycle
    private let channel: ProcessChannel
    private let ending: Int32
    private var pipes: [OutputStream: Pipe] = [:]
    private var status = ProcessOutcome.Status.signalled(0)
    private var isOutputComplete = true

    /// Starts the program.
    init(starting request: ProcessRequest, channel: ProcessChannel, now: Duration) throws(ProcessError) {
        var opened: [Int32] = []
        var kept: [Int32] = []
        defer { for descriptor in opened where !kept.contains(descriptor) { close(descriptor) } }
        let input = try RunningChild.openInput(request)
        opened.append(input)
        let output = try RunningChild.openPipe(request, &opened)
        let error = try RunningChild.openPipe(request, &opened)

        identifier = try RunningChild.spawn(request, [input, output.write, error.write])
        ending = ops_pidfd_open(identifier)
        guard ending >= 0 else {
            let failure = ProcessError("watch", request.executable, errno: errno)
            RunningChild.abandon(identifier)
            throw failure
        }
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

    private static func spawn(_ request: ProcessRequest, _ descriptors: [Int32]) throws(ProcessError) -> Int32 {
        let words = [request.executable] + request.arguments
        let variables = request.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var arguments = words.map { strdup($0) } + [nil]
        var environment = variables.map { strdup($0) } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var identifier: Int32 = 0
        let status =
            request.user == nil && request.limits == ProcessLimits()
            ? ops_spawn(&identifier, request.executable, &arguments, &environment, descriptors, request.directory)
            : spawnConfined(&identifier, request, arguments, environment, descriptors)
        guard status == 0 else {
            if let directory = request.directory, !Files.isDirectory(directory) {
                throw ProcessError("change to \(directory) for", request.executable, errno: status)
            }
            throw ProcessError("start", request.executable, errno: status)
        }
        return identifier
    }

    private static func spawnConfined(
        _ identifier: inout Int32, _ request: ProcessRequest, _ arguments: [UnsafeMutablePointer<CChar>?],
        _ environment: [UnsafeMutablePointer<CChar>?], _ descriptors: [Int32]
    ) -> Int32 {
        let limits = request.limits
        return (request.user?.groups ?? []).withUnsafeBufferPointer { groups in
            var bounds = ops_confinement()
            if let user = request.user {
                bounds.has_user = 1
                bounds.user = user.identifier
                bounds.group = user.group
                bounds.groups = groups.baseAddress
                bounds.group_count = groups.count
            }
            bounds.memory_bytes = Int64(limits.memoryBytes ?? -1)
            bounds.processes = Int64(limits.processes ?? -1)
            bounds.open_files = Int64(limits.openFiles ?? -1)
            bounds.file_bytes = Int64(limits.fileBytes ?? -1)
            bounds.cpu_seconds = Int64(limits.cpuSeconds ?? -1)
            return ops_spawn_confined(
                &identifier, request.executable, arguments, environment, descriptors, request.directory, &bounds)
        }
    }

    /// A child that cannot be watched is not let run. It dies at once, so the wait is short.
    private static func abandon(_ identifier: Int32) {
        _ = ops_kill_group(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    }

    /// The descriptors to wait for; nil as stream stands for the end of the child.
    var watched: [(Int32, OutputStream?)] {
        var watched: [(Int32, OutputStream?)] = []
        if lifecycle.awaitsExit { watched.append((ending, nil)) }
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

    /// Does what the lifecycle decided.
    /// - Returns: Whether the child is done with.
    mutating func carryOut(_ actions: [ProcessLifecycle.Action]) -> Bool {
        for action in actions {
            switch action {
            case .terminateGroup: _ = ops_kill_group(identifier, SIGTERM)
            case .killGroup: _ = ops_kill_group(identifier, SIGKILL)
            case .reap: reap()
            case .limitPipes: if carryOut(limitPipes()) { return true }
            case .finish:
                close(ending)
                for pipe in pipes.values { close(pipe.descriptor) }
                channel.end(
                    ProcessOutcome(
                        status: status, stopped: lifecycle.reasonAtEnd,
                        isOutputComplete: isOutputComplete && pipes.isEmpty))
                return true
            }
        }
        return false
    }

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

    private mutating func reap() {
        var code: Int32 = 0
        var signal: Int32 = 0
        guard ops_reap(identifier, &code, &signal) == 1 else { return }
        status = code >= 0 ? .exited(code: code) : .signalled(signal)
    }
}
