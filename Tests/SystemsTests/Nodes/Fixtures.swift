import API
import Core
import Foundation
import Platform
import Storage
import Synchronization

@testable import Systems

/// Time that stands still until it is moved.
final class TestClock: Platform.Clock {
    private let elapsed = Mutex(Duration.zero)
    private let jumped = Mutex(Duration.zero)
    static let origin = Timestamp(seconds: 1_800_000_000)

    var now: Timestamp { TestClock.origin + monotonic + jumped.withLock { $0 } }
    var monotonic: Duration { elapsed.withLock { $0 } }

    func advance(_ duration: Duration) { elapsed.withLock { $0 += duration } }

    /// Sets the time of day alone, as an administrator does.
    func jump(_ duration: Duration) { jumped.withLock { $0 += duration } }

    func sleep(until time: Timestamp) async throws {
        while now < time {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}

/// Lets everything pass but what is named.
struct TestPolicy: Authorizer {
    var denied: Set<String> = []

    func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
        if denied.contains("\(principal) \(resource)") { throw ServiceError(.accessDenied, "not for \(principal)") }
    }
}

/// Keeps what is sent to nodes.
final class RecordingLink: NodeLink {
    private let state = Mutex<(sent: [(NodeConnection, NodeMessage)], isFull: Bool)>(([], false))

    func send(_ message: NodeMessage, to connection: NodeConnection) -> Bool {
        state.withLock { state in
            if !state.isFull { state.sent.append((connection, message)) }
            return !state.isFull
        }
    }

    func fill(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

    /// What was sent to a connection since the last call, without heartbeats.
    func take(_ connection: NodeConnection) -> [NodeMessage] {
        state.withLock { state in
            let messages = state.sent.filter { $0.0 == connection && $0.1.kind != .heartbeat }.map(\.1)
            state.sent.removeAll { $0.0 == connection }
            return messages
        }
    }

    func heartbeats(to connection: NodeConnection) -> Int {
        state.withLock { $0.sent.filter { $0.0 == connection && $0.1.kind == .heartbeat }.count }
    }
}

let quiet = Log(component: "test", minimum: .error)

func connection(_ name: String, principal: Principal = .local, isEmbedded: Bool = false) -> NodeConnection {
    NodeConnection(identifier: Array(name.utf8), principal: principal, isEmbedded: isEmbedded)
}

/// A database file that goes away with the test.
final class TestDatabase: Sendable {
    let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/opsbus-systems-\(UUID().uuidString)"
        try Files.createDirectory(directory)
    }

    deinit { try? Files.remove(directory) }

    func open(_ clock: any Platform.Clock) throws -> Database {
        try Database(
            path: directory + "/state.db", migrations: NodeStore.migrations + CommandStore.migrations, clock: clock,
            log: quiet)
    }
}

func memoryDatabase(_ clock: any Platform.Clock) throws -> Database {
    try Database(
        path: Database.inMemory,
        migrations: NodeStore.migrations + CommandStore.migrations + ResourceGroupStore.migrations,
        clock: clock, log: quiet)
}

extension [API.Operation] {
    /// Calls an operation as the table does: shape first, then the handler.
    func call(_ name: String, _ input: JSON, _ context: OperationContext = .local) async throws -> JSON {
        let operation = first { $0.name == name }!
        try Shape.structure(operation.input).validate(input)
        return try await operation.handler(input, context)
    }
}

extension OperationContext {
    static let local = OperationContext(principal: .local)
}
