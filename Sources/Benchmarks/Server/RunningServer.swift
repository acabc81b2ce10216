internal import CBenchmarks
internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc

/// A process started for a measurement; killed when the measurement lets go of it.
final class PeerProcess {
    let identifier: pid_t
    private var hasEnded = false

    /// - Parameter log: File that gets the process's output.
    init(_ path: String, _ arguments: [String], log: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var identifier: pid_t = 0
        let status = posix_spawn(&identifier, path, &actions, nil, words, environ)
        guard status == 0 else {
            throw BenchmarkError(description: "cannot start \(path): \(String(cString: strerror(status)))")
        }
        self.identifier = identifier
    }

    deinit { end(SIGKILL) }

    /// Sends the signal and waits for the end of the process.
    func end(_ signal: Int32) {
        guard !hasEnded else { return }
        hasEnded = true
        kill(identifier, signal)
        var status: Int32 = 0
        waitpid(identifier, &status, 0)
    }

    /// A line of `/proc/PID/status` that counts kibibytes, such as `VmRSS` or `VmHWM`, in bytes.
    func memory(_ name: String) -> Int {
        let text = (try? readFile("/proc/\(identifier)/status")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        let digits = line?.drop { !$0.isNumber }.prefix { $0.isNumber } ?? ""
        return (Int(digits) ?? 0) << 10
    }

    /// Seconds of processor time that the process has used.
    var processorSeconds: Double {
        let text = (try? readFile("/proc/\(identifier)/stat")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let fields = text.split(separator: " ")
        guard fields.count > 14, let user = Double(fields[13]), let system = Double(fields[14]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// A directory of its own in the temporary one, removed with all that is in it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/opsbus-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchmarkError(description: "cannot make a directory in \(base)")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { bench_remove_tree(path) }
}

/// `opsbus serve` on ports of its own, with an empty data directory.
final class RunningServer {
    let requests: String
    let stream: String
    /// `http://127.0.0.1:PORT`
    let http: String
    let nodes: String
    /// From the start of the process to its first answer.
    let secondsToReady: Double
    let process: PeerProcess
    private let directory: TemporaryDirectory

    /// - Parameter flags: Further ones of `opsbus serve`.
    init(context: ZeroMQContext, flags: [String] = []) throws {
        directory = try TemporaryDirectory()
        let ports = try freePorts(4)
        requests = "tcp://127.0.0.1:\(ports[0])"
        stream = "tcp://127.0.0.1:\(ports[1])"
        http = "http://127.0.0.1:\(ports[3])"
        nodes = "tcp://127.0.0.1:\(ports[2])"
        let log = directory.path + "/log"
        let began = ops_monotonic_nanoseconds()
        process = try PeerProcess(
            RunningServer.executable,
            [
                "serve", "--data", directory.path + "/data", "--requests", requests, "--stream", stream,
                "--nodes", nodes, "--http", http,
            ] + flags, log: log)
        let client = try Dealer(context: context, endpoint: requests)
        do {
            _ = try client.call("sns:ListTopics", [:], timeoutMilliseconds: 10_000)
        } catch {
            let text = (try? readFile(log)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            throw BenchmarkError(description: "the server did not start: \(error)\n\(text)")
        }
        secondsToReady = Double(ops_monotonic_nanoseconds() - began) / 1e9
    }

    func stop() { process.end(SIGTERM) }

    /// Starts `opsbus agent` for this server, with a directory of its own.
    func startAgent(activation: JSON) throws -> PeerProcess {
        try PeerProcess(
            RunningServer.executable,
            [
                "agent", "--nodes", nodes, "--agent-state", directory.path + "/node", "--activation-id",
                activation["ActivationId"]?.string ?? "", "--activation-code",
                activation["ActivationCode"]?.string ?? "",
            ], log: directory.path + "/agent-log")
    }

    private static var executable: String {
        if let path = getenv("OPSBUS") { return String(cString: path) }
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/opsbus"
    }
}

/// Ports of the loopback interface that nobody listens on.
func freePorts(_ count: Int) throws -> [UInt16] {
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    return try (0..<count).map { _ in
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        sockets.append(descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard status == 0 else { throw BenchmarkError(description: "no port is free") }
        return UInt16(bigEndian: address.sin_port)
    }
}
