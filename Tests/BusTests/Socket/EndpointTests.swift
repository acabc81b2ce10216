import Core
import Foundation
import Testing

@testable import Bus

@Suite struct EndpointTests {
    @Test(
        "What only this machine can reach is told from the rest",
        arguments: [
            ("tcp://127.0.0.1:7401", true), ("tcp://127.1.2.3:1", true), ("tcp://[::1]:7401", true),
            ("tcp://localhost:7401", true), ("tcp://lo:7401", true), ("ipc:///run/opsbus", true),
            ("inproc://x", true), ("tcp://*:7401", false), ("tcp://0.0.0.0:7401", false), ("tcp://[::]:7401", false),
            ("tcp://10.0.0.1:7401", false), ("tcp://127.0.0.1.example:7401", false), ("tcp://127.0.0:7401", false),
            ("pgm://127.0.0.1:7401", false), ("127.0.0.1:7401", false), ("", false),
        ])
    func locality(endpoint: String, isLocal: Bool) {
        #expect(Endpoint.isLocal(endpoint) == isLocal)
    }

    @Test("A socket file that a crash left behind is replaced; one of a live server, and any other file, is not")
    func staleSocket() async throws {
        let directory = try TestBus.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/requests"
        let configuration = BusConfiguration(
            requestsEndpoint: "ipc://\(path)", streamEndpoint: "ipc://\(directory)/stream",
            nodesEndpoint: "ipc://\(directory)/nodes")
        let ports = BusServer.Ports(
            operations: FakeOperations(), publisher: FakePublisher(), authorizer: FakeAuthorizer(),
            nodes: FakeNodes(), keys: FakeKeys())
        let position = StreamPosition(epoch: "e", sequence: 0)

        try leaveSocketFile(path)
        let first = try BusServer(configuration)
        try first.start(ports, at: position)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let second = try BusServer(configuration)
        var error = #expect(throws: BusError.self) { try second.start(ports, at: position) }
        #expect(error?.code == .addressInUse)
        let client = try BusClient(endpoint: "ipc://\(path)")
        #expect(try await client.call("test:Echo", ["a": 1]) == ["a": 1])
        await client.close()
        await first.stop()
        try second.start(ports, at: position)
        await second.stop()

        #expect(FileManager.default.createFile(atPath: path, contents: Data("precious".utf8)))
        error = #expect(throws: BusError.self) { try second.start(ports, at: position) }
        #expect(error?.code == .invalidEndpoint)
        #expect(FileManager.default.contents(atPath: path) == Data("precious".utf8))
    }

    /// What a process that was killed leaves: a socket file on which nobody listens.
    private func leaveSocketFile(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0)
    }

    @Test(
        "An endpoint that cannot be bound is named in the error",
        arguments: [
            "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:no", "tcp://:7401", "http://127.0.0.1:7401",
            "", "ipc:///no/such/directory/socket",
            "ipc:///tmp/" + String(repeating: "x", count: 200),
        ])
    func badEndpoint(endpoint: String) throws {
        let configuration = BusConfiguration(requestsEndpoint: endpoint)
        let error = #expect(throws: BusError.self) {
            try BusServer(configuration).start(
                .init(
                    operations: FakeOperations(), publisher: FakePublisher(), authorizer: FakeAuthorizer(),
                    nodes: FakeNodes(), keys: FakeKeys()),
                at: StreamPosition(epoch: "e", sequence: 0))
        }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.endpoint == endpoint)
    }

    @Test("A client refuses an endpoint that cannot be connected to", arguments: ["tcp://127.0.0.1:0", "7401"])
    func badClientEndpoint(endpoint: String) {
        var error = #expect(throws: BusError.self) { try BusClient(endpoint: endpoint) }
        #expect(error?.code == .invalidEndpoint)
        error = #expect(throws: BusError.self) { try NodeClient(endpoint: endpoint) }
        #expect(error?.code == .invalidEndpoint)
    }
}
