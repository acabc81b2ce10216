public import API
public import Core
public import Platform
public import Storage

/// What carries messages to whoever wants them: topics, whose messages go out at once, and logs, which keep theirs.
///
/// Rules, runbooks and clients reach them alike, by their operations.
public final class MessagingService: Resettable {
    /// All operations of this module, for the table.
    public let operations: [Operation]

    private let database: Database
    private let clock: any Clock
    private let log: Log
    private let upkeep = Once<Task<Void, Never>>()

    /// The tables of this module.
    public static var migrations: [Migration] { TopicStore.migrations + LogStore.migrations }

    public init(database: Database, account: Account, clock: any Clock, log: Log) {
        self.database = database
        self.clock = clock
        self.log = log
        operations =
            TopicOperations(database: database, account: account).all
            + LogOperations(database: database, account: account, clock: clock).all
    }

    public func start() { upkeep.set(Task { await self.keepUp() }) }

    public func stop() async {
        upkeep.value?.cancel()
        await upkeep.value?.value
    }

    /// Topics and logs keep nothing in memory.
    public func suspend() async {}

    public func resume() async throws {}

    /// Once a minute lets go of what nobody needs any more.
    private func keepUp() async {
        while !Task.isCancelled {
            do {
                try await clock.sleep(for: .seconds(60))
                try await database.maintain { try TopicStore.forgetOldIdentifiers($0) }
            } catch is CancellationError {
                return
            } catch {
                log.error("old messages cannot be forgotten: \(error)")
            }
        }
    }
}
