public import API
public import Core
public import Platform
public import Storage

/// What carries messages to whoever wants them: topics, whose messages go out at once, queues, which keep theirs until
/// somebody has worked them off, and logs, which keep them for readers.
///
/// Rules, runbooks and clients reach them alike, by their operations.
public final class MessagingService: Resettable {
    /// All operations of this module, for the table.
    public let operations: [Operation]
    /// What the policies of queues and topics say, for the table.
    public let policies: any ResourcePolicies

    private let database: Database
    private let clock: any Clock
    private let log: Log
    let contents: QueueContents
    private let subscribers: SubscriberSender
    private let running = Once<[Task<Void, Never>]>()

    /// The tables of this module.
    public static var migrations: [Migration] {
        TopicStore.migrations + QueueStore.migrations + MessageMoveTasks.migrations + LogStore.migrations
    }

    /// - Parameters:
    ///   - operations: Calls functions that are subscribed to topics.
    ///   - http: Calls the endpoints that are.
    ///   - address: Of the HTTP endpoint, `http://HOST:PORT`: queue URLs begin with it, and those that
    ///     subscribers are sent.
    ///   - shortPoll: How long is looked, by who does not ask to wait, for messages and lines where there are none.
    public init(
        database: Database, account: Account, operations caller: any OperationCaller, http: any HTTPSender,
        address: String = "http://127.0.0.1:7400",
        shortPoll: Duration = .milliseconds(Limits.shortPollMilliseconds), clock: any Clock, log: Log
    ) {
        self.database = database
        self.clock = clock
        self.log = log
        contents = QueueContents(account: account, clock: clock, waiters: QueueWaiters(), moves: MessageMoves())
        let calls = QueueCalls(database: database, account: account, address: address, contents: contents)
        let gauge = InFlightGauge()
        let topics = TopicCalls(database: database, account: account)
        let subscribers = SubscriberSender(
            database: database, caller: SubscriberCaller(http: http, operations: caller, topics: topics),
            deadLetters: SubscriberDeadLetters(account: account, contents: contents), clock: clock, log: log)
        self.subscribers = subscribers
        let messages = SubscriberMessages(
            topics: topics, address: address, wake: { Task { await subscribers.wake() } })
        let delivery = TopicDelivery(account: account, contents: contents, messages: messages)
        policies = AccessPolicies(queues: calls, topics: topics, account: account, clock: clock)
        operations =
            TopicOperations(calls: topics).all
            + SubscriptionOperations(calls: topics, messages: messages, operations: caller).all
            + PublishOperations(calls: topics, delivery: delivery).all
            + QueueOperations(calls: calls, gauge: gauge).all
            + QueuePermissions(calls: calls).all + MessageMoveTasks(calls: calls).all
            + MessageOperations(calls: calls, gauge: gauge, shortPoll: shortPoll, clock: clock).all
            + LogOperations(database: database, account: account, shortPoll: shortPoll, clock: clock).all
    }

    public func start() {
        let mover = MessageMover(database: database, contents: contents, clock: clock, log: log)
        running.set([Task { await self.keepUp() }, Task { await mover.run() }])
        // Tasks of an earlier run go on.
        contents.moves.wake()
        Task { [subscribers] in await subscribers.wake() }
    }

    /// Answers those who wait for messages, and lets nobody wait any more: called before requests are waited for.
    public func endWaiting() { contents.waiters.close() }

    public func stop() async {
        endWaiting()
        contents.moves.end()
        await subscribers.stop()
        for task in running.value ?? [] { task.cancel() }
        for task in running.value ?? [] { await task.value }
    }

    /// Nothing is kept in memory; what is under way to subscribers finds that it is gone.
    public func suspend() async {}

    /// Who waited for messages finds out what is left.
    public func resume() async throws { contents.waiters.signalAll() }

    /// Once a minute lets go of what nobody needs any more.
    private func keepUp() async {
        while !Task.isCancelled {
            do {
                try await clock.sleep(for: .seconds(60))
                try await database.maintain { transaction in
                    try TopicStore.forgetOldIdentifiers(transaction)
                    try SubscriptionStore.deleteExpired(transaction)
                }
                try await QueueUpkeep(database: database, contents: contents).run()
            } catch is CancellationError {
                return
            } catch {
                log.error("old messages cannot be forgotten: \(error)")
            }
        }
    }
}

extension CharacterRule {
    /// Of the names of queues and topics, and of what their clients name.
    static let word = CharacterRule(pattern: "[A-Za-z0-9_-]+", lettersDigitsAnd: "_-")
}
