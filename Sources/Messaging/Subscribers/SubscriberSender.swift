internal import API
internal import Core
internal import Platform
internal import Storage

/// Sends what the table holds for subscribers that are called.
///
/// Each subscription has a round of its own: a few of its messages at a time, so that an endpoint that is slow or dead
/// holds up nobody else. At most `roundsMax` are under way; what is over that waits in the table.
actor SubscriberSender {
    private let database: Database
    private let caller: SubscriberCaller
    private let deadLetters: SubscriberDeadLetters
    private let clock: any Clock
    private let log: Log
    private var random = BlockRandom()

    /// Held are the subscriptions that have a round under way.
    private var work = DueWork<String>()
    private var rounds: [String: Task<Void, Never>] = [:]
    private var isStopped = false

    private static let roundsMax = 64
    /// Messages of one subscription that are sent at a time.
    static let concurrency = 8

    init(
        database: Database, caller: SubscriberCaller, deadLetters: SubscriberDeadLetters, clock: any Clock, log: Log
    ) {
        self.database = database
        self.caller = caller
        self.deadLetters = deadLetters
        self.clock = clock
        self.log = log
    }

    /// Looks at the table: something was put there, or is left from an earlier run.
    func wake() {
        work.mustLoad = true
        pump()
    }

    /// Starts nothing more, and returns when what is under way has ended.
    func stop() async {
        isStopped = true
        work.cancelTimer()
        for round in rounds.values { round.cancel() }
        for round in rounds.values { await round.value }
    }

    private func pump() {
        guard work.mustLoad, !work.isLoading, !isStopped, rounds.count < SubscriberSender.roundsMax else { return }
        work.beginLoading()
        Task { await self.load() }
    }

    private func load() async {
        let now = clock.now
        let limit = SubscriberSender.roundsMax + rounds.count
        do {
            let (due, next) = try await database.read { transaction in
                (
                    try SubscriberDeliveryStore.dueSubscriptions(limit: limit, now, transaction),
                    try SubscriberDeliveryStore.nextDue(after: now, transaction)
                )
            }
            for subscription in due where work.isNews(subscription) { start(subscription) }
            if let next { setTimer(next) }
        } catch {
            log.error("cannot read what is to be sent to subscribers: \(error)")
            setTimer(clock.now + .seconds(1))
        }
        work.endLoading()
        pump()
    }

    private func setTimer(_ due: Timestamp) {
        if isStopped { return }
        work.setTimer(due, clock) { await self.timeHasCome() }
    }

    private func timeHasCome() {
        work.timeHasCome()
        pump()
    }

    private func start(_ subscription: String) {
        guard !isStopped, rounds.count < SubscriberSender.roundsMax else { return }
        work.hold(subscription)
        rounds[subscription] = Task {
            do {
                while try await self.round(of: subscription) {}
            } catch is CancellationError {
            } catch {
                log.error("what is to be sent to subscription \(subscription) waits: \(error)")
                try? await clock.sleep(for: .seconds(1))
            }
            self.end(subscription)
        }
    }

    private func end(_ subscription: String) {
        rounds[subscription] = nil
        work.settle(subscription)
        // What came since the round's last look was told of while the subscription was held.
        wake()
    }

    // MARK: One subscription

    /// What a round is about.
    private struct Round: Sendable {
        let subscription: Subscription
        let policy: DeliveryPolicy
        let deliveries: [SubscriberDelivery]
    }

    /// Sends some of what is due for a subscription.
    /// - Returns: Whether more may be due.
    private func round(of id: String) async throws -> Bool {
        if isStopped { return false }
        let start = clock.now
        guard let round = try await database.read({ try SubscriberSender.round(of: id, start, $0) }) else {
            return false
        }
        await withDiscardingTaskGroup { group in
            for delivery in round.deliveries { group.addTask { await self.attempt(delivery, round) } }
        }
        if let rate = round.policy.receivesPerSecond {
            try await clock.sleep(until: start + .seconds(1) * round.deliveries.count / rate)
        }
        return true
    }

    /// - Returns: Nil where nothing is due, or its subscription is gone.
    private static func round(of id: String, _ now: Timestamp, _ transaction: borrowing ReadTransaction)
        throws -> Round?
    {
        guard let subscription = try SubscriptionStore.find(id, orEnded: true, transaction),
            let topic = try TopicStore.find(subscription.topic, transaction)
        else { return nil }
        let policy = topic.deliveryPolicy(of: subscription)
        let deliveries = try SubscriberDeliveryStore.due(
            for: id, limit: min(concurrency, policy.receivesPerSecond ?? concurrency), now, transaction)
        return deliveries.isEmpty ? nil : Round(subscription: subscription, policy: policy, deliveries: deliveries)
    }

    private func attempt(_ delivery: SubscriberDelivery, _ round: Round) async {
        var failure: SubscriberFailure?
        do throws(SubscriberFailure) {
            try await caller.send(delivery, to: round.subscription, round.policy)
        } catch {
            failure = error
        }
        if failure?.isCutShort == true {
            // Left to the next start, as if it had not been made.
            isStopped = true
            return
        }
        do {
            let outcome = failure
            try await insist(
                "\(delivery.subject) cannot be recorded", clock, log, unless: { isStopped },
                { try await self.record(delivery, outcome, round) })
        } catch {
            log.warning("\(delivery.subject) is left to the next start: \(error)")
        }
    }

    private func record(_ delivery: SubscriberDelivery, _ failure: SubscriberFailure?, _ round: Round) async throws {
        let attempts = delivery.attempts + 1
        var detail: JSON = [
            "SubscriptionId": .string(delivery.subscription), "Type": .string(delivery.kind.rawValue),
            "Endpoint": .string(round.subscription.shownEndpoint), "Attempt": .integer(attempts),
        ]
        guard let failure else {
            let recorded = detail
            return try await database.write(delivery.context) { transaction in
                guard try SubscriberDeliveryStore.delete(delivery, transaction) else { return }
                try transaction.audit("DeliverNotification", on: delivery.subject, outcome: .success, detail: recorded)
            }
        }
        detail["ErrorMessage"] = .string(failure.message)
        if failure.isRetryable, let due = round.policy.next(after: attempts, now: clock.now, using: &random) {
            detail["NextAttempt"] = .string(due.millisecondDescription)
            let recorded = detail
            return try await database.write(delivery.context) { transaction in
                guard try SubscriberDeliveryStore.postpone(delivery, attempts: attempts, until: due, transaction) else {
                    return
                }
                try transaction.audit(
                    "DeliverNotification", on: delivery.subject, outcome: .failure(failure.code), detail: recorded)
            }
        }
        let recorded = detail
        try await database.write(delivery.context) { [deadLetters] transaction in
            guard try SubscriberDeliveryStore.delete(delivery, transaction) else { return }
            var detail = recorded
            try deadLetters.put(delivery, of: round.subscription, &detail, transaction)
            try transaction.audit(
                "DeliverNotification", on: delivery.subject, outcome: .failure(failure.code), detail: detail)
        }
    }
}

/// Puts messages that a subscriber did not take into the queue that its subscription names for them.
struct SubscriberDeadLetters: Sendable {
    let account: Account
    let contents: QueueContents

    /// - Parameter detail: Of the audit record; is told where the message has gone, or why it is dropped.
    func put(
        _ delivery: SubscriberDelivery, of subscription: Subscription, _ detail: inout JSON,
        _ transaction: borrowing Transaction
    ) throws {
        guard delivery.kind == .notification, let target = subscription.deadLetterTarget else { return }
        detail["DeadLetterTarget"] = .string(target.description)
        do {
            guard account.resolve(target) == account.arn("sqs", target.resource),
                let queue = try QueueStore.find(target.resource, transaction)
            else { throw ServiceError(.queueDoesNotExist, "\(target) is no queue here.") }
            var message = OutgoingMessage(body: delivery.body)
            message.attributes = delivery.attributes
            try message.check(for: queue)
            let sent = try contents.send(message, to: queue, transaction)
            try transaction.audit(
                "SendMessage", on: queue.subject, outcome: .success,
                detail: ["MessageIds": [.string(sent.identifier)], "SubscriptionId": .string(subscription.id)],
                context: transaction.context.caused(by: delivery.subject))
        } catch let error as ServiceError {
            detail["DeadLetterError"] = .string(error.message)
        }
    }
}
