internal import Core
internal import Glibc

/// NATS JetStream on this machine: file storage, messages published asynchronously and acknowledged by the server.
///
/// The client is a small C program that uses libnats; where that, a C compiler or the server is missing, the
/// comparison is left out.
final class JetStream {
    private let directory: TemporaryDirectory
    private let client: String
    private let server: String

    /// Compiles the client; nil where something is missing, which is then said.
    init?() throws {
        let source = #filePath.replacingSuffix("JetStream.swift", with: "jetstream.c")
        directory = try TemporaryDirectory()
        client = directory.path + "/jetstream"
        let places = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"]
        guard let server = places.first(where: { access($0, X_OK) == 0 }) else {
            print("JetStream is left out: there is no nats-server (Debian: nats-server)")
            return nil
        }
        self.server = server
        let command = "cc -O2 -o '\(client)' '\(source)' -lnats -lpthread >'\(directory.path)/cc' 2>&1"
        guard system(command) == 0 else {
            print("JetStream is left out: its client does not compile (Debian: gcc libnats-dev)")
            return nil
        }
    }

    /// Starts a server with an empty store, and publishes.
    func eventsPerSecond(bytes: Int, publishers: Int, seconds: Double) throws -> Double {
        let store = try TemporaryDirectory()
        let port = try freePorts(1)[0]
        let process = try PeerProcess(
            server, ["-a", "127.0.0.1", "-p", "\(port)", "-js", "-sd", store.path], log: store.path + "/log")
        defer { process.end(SIGTERM) }
        try awaitListener(port)
        let arguments =
            "nats://127.0.0.1:\(port) \(bytes) \(publishers) \(Load.eventsInFlight) \(seconds)"
        guard let pipe = popen("'\(client)' \(arguments)", "r") else {
            throw BenchmarkError(description: "cannot run \(client)")
        }
        var line = [CChar](repeating: 0, count: 256)
        let hasLine = fgets(&line, Int32(line.count), pipe) != nil
        let status = pclose(pipe)
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let numbers = text.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
        guard hasLine, status == 0, numbers.count == 2 else {
            throw BenchmarkError(description: "the JetStream client failed")
        }
        return numbers[0] / numbers[1]
    }

    private func awaitListener(_ port: UInt16) throws {
        for _ in 0..<500 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            address.sin_port = port.bigEndian
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if status == 0 { return }
            usleep(10_000)
        }
        throw BenchmarkError(description: "nats-server does not listen")
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}
