import API
import Core
import Platform
import Storage
import TestSupport

@testable import Messaging

/// The whole engine, with a database of its own and a clock that the test moves.
final class TestMessaging: Sendable {
    let clock: ManualClock
    let database: Database
    let service: MessagingService
    let table: OperationTable
    /// The functions that there are.
    let functions = CallerDouble()
    /// The endpoints that there are.
    let web = WebDouble()

    /// - Parameter shortPoll: None in most tests, whose clock stands still.
    init(
        clock: ManualClock = ManualClock(), path: String = Database.inMemory, shortPoll: Duration = .zero,
        authorizer: any Authorizer = OpenAuthorizer()
    ) throws {
        let log = Log(component: "test", minimum: .error)
        database = try Database(path: path, migrations: MessagingService.migrations, clock: clock, log: log)
        service = MessagingService(
            database: database, account: Account(), operations: functions, http: web, shortPoll: shortPoll,
            clock: clock, log: log)
        table = OperationTable(
            service.operations, authorizer: authorizer, policies: service.policies, recorder: CallList(),
            translate: { _ in nil })
        self.clock = clock
    }

    /// Starts the engine, lets the test act, and stops it.
    static func run(_ engine: TestMessaging? = nil, _ body: (TestMessaging) async throws -> Void) async throws {
        let engine = try engine ?? TestMessaging()
        engine.service.start()
        do {
            try await body(engine)
        } catch {
            await engine.service.stop()
            throw error
        }
        await engine.service.stop()
    }

    @discardableResult
    func call(_ operation: String, _ input: JSON = [:], as principal: Principal = .local) async throws -> JSON {
        try await table.call(operation, input, OperationContext(principal: principal))
    }

    /// What goes to the journal: messages for subscribers of the stream.
    func published() async throws -> [StreamEntry] {
        try await Outbox(database).pending(limit: 1000).compactMap { entry in
            entry.body.withUnsafeBytes { StreamEntry($0) }
        }
    }
}
