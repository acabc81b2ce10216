import API
import Core
import Foundation

@testable import Bus

/// A server of the bus at addresses of its own.
final class TestBus: Sendable {
    let directory: String
    let configuration: BusConfiguration
    let server: BusServer
    let operations: FakeOperations
    let publisher: FakePublisher

    private init(_ directory: String, _ configuration: BusConfiguration, _ publisher: FakePublisher) throws {
        self.directory = directory
        self.configuration = configuration
        self.publisher = publisher
        operations = FakeOperations()
        server = try BusServer(configuration)
    }

    /// Runs a server for the time of `body`.
    static func run(
        keys: CurveKeyPair? = nil, publisher: FakePublisher = FakePublisher(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestBus) async throws -> Void
    ) async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let configuration = BusConfiguration(
            requestsEndpoint: "ipc://\(directory)/requests", streamEndpoint: "ipc://\(directory)/stream",
            nodesEndpoint: "ipc://\(directory)/nodes", keys: keys)
        let bus = try TestBus(directory, configuration, publisher)
        try await bus.start()
        do {
            try await body(bus)
        } catch {
            bus.operations.releaseAll()
            await bus.server.stop()
            throw error
        }
        bus.operations.releaseAll()
        await bus.server.stop()
    }

    func start() async throws { try await server.start(operations: operations, publisher: publisher) }

    var endpoint: String { configuration.requestsEndpoint }

    /// A new directory with a path short enough for sockets.
    static func temporaryDirectory() throws -> String {
        let path = "/tmp/opsbus-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }
}
