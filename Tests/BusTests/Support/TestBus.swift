import API
import Core
import Foundation
import Platform
import Synchronization

@testable import Bus

/// A server of the bus at addresses of its own, that can be stopped and started again.
final class TestBus: Sendable {
    struct Setup {
        var keys: CurveKeyPair?
        var publisher = FakePublisher()
        var authorizer = FakeAuthorizer()
        var nodes = FakeNodes()
        var registered = FakeKeys()
        var streamMessagesQueuedMax = 1000
        var streamBytesQueuedMax = Limits.streamBytesQueuedMax
    }

    let configuration: BusConfiguration
    let operations = FakeOperations()
    let publisher: FakePublisher
    let authorizer: FakeAuthorizer
    let nodes: FakeNodes
    let registered: FakeKeys
    private let current: Mutex<BusServer>

    private init(_ directory: String, _ setup: Setup) throws {
        var configuration = BusConfiguration(
            requestsEndpoint: "ipc://\(directory)/requests", streamEndpoint: "ipc://\(directory)/stream",
            nodesEndpoint: "ipc://\(directory)/nodes", keys: setup.keys)
        configuration.streamMessagesQueuedMax = setup.streamMessagesQueuedMax
        configuration.streamBytesQueuedMax = setup.streamBytesQueuedMax
        self.configuration = configuration
        publisher = setup.publisher
        authorizer = setup.authorizer
        nodes = setup.nodes
        registered = setup.registered
        current = Mutex(try BusServer(configuration, log: Log(component: "bus", minimum: .error)))
    }

    /// Runs a server for the time of `body`.
    static func run(
        _ setup: Setup = Setup(), isolation: isolated (any Actor)? = #isolation, _ body: (TestBus) async throws -> Void
    ) async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let bus = try TestBus(directory, setup)
        try bus.start()
        do {
            try await body(bus)
        } catch {
            await bus.stop()
            throw error
        }
        await bus.stop()
    }

    var server: BusServer { current.withLock { $0 } }
    var stream: StreamServer { server.stream }
    var journal: FakeJournal { operations.journal }
    var requestsEndpoint: String { configuration.requestsEndpoint }
    var streamEndpoint: String { configuration.streamEndpoint }
    var nodesEndpoint: String { configuration.nodesEndpoint }

    func start() throws {
        try server.start(
            BusServer.Ports(
                operations: operations, publisher: publisher, authorizer: authorizer, nodes: nodes, keys: registered),
            at: journal.position)
    }

    /// Stops the server while operations may be under way; they end afterwards, and their answers reach nobody.
    func stop() async {
        await server.stop()
        operations.releaseAll()
    }

    /// Stops the server and lets another one take its place.
    func restart() async throws {
        await stop()
        let next = try BusServer(configuration, log: Log(component: "bus", minimum: .error))
        current.withLock { $0 = next }
        try start()
    }

    func client(keys: ClientKeys? = nil, timeout: Duration = .seconds(20)) throws -> BusClient {
        try BusClient(endpoint: requestsEndpoint, streamEndpoint: streamEndpoint, keys: keys, timeout: timeout)
    }

    /// A new directory with a path short enough for sockets.
    static func temporaryDirectory() throws -> String {
        let path = "/tmp/opsbus-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }
}
