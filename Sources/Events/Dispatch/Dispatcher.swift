internal import API
internal import Core
internal import Platform
internal import Storage

/// Makes deliveries: calls targets, tries again after failures, and lays aside what cannot be delivered.
///
/// At most `Limits.deliveriesInFlightMax` attempts run at a time. Deliveries beyond `readyMax` wait in the database
/// only and are read when there is room, so memory is bounded however much falls due.
actor Dispatcher {
    private let database: Database
    private let journal: any Journal
    private let attempt: DeliveryAttempt
    private let clock: any Clock
    private let log: Log
    private var random = BlockRandom()

    private let concurrency: RuleConcurrency
    private let deadLetters: DeadLetterSender

    /// Due now, in memory.
    private var queue = DeliveryQueue(capacity: Dispatcher.readyMax)
    /// Held are those in `queue` or being attempted.
    private var work = DueWork<Delivery.Key>()
    private var inFlight = 0
    /// The newest record whose deliveries were found in the database. `add` tells of them too, perhaps after they have
    /// been made.
    private var newestLoaded: UInt64 = 0
    private var isStopped = false
    private var drained: [CheckedContinuation<Void, Never>] = []
    private var isSuspended = false
    /// Deliveries of records up to here belong to a state that was wiped.
    private var forgotten: UInt64 = 0

    private static let readyMax = 4096
    /// How long attempts under way may take to end when all state is wiped.
    private static let suspensionMax = Duration.milliseconds(20)

    init(
        database: Database, journal: any Journal, attempt: DeliveryAttempt, concurrency: RuleConcurrency,
        deadLetters: DeadLetterSender, clock: any Clock, log: Log
    ) {
        self.concurrency = concurrency
        self.deadLetters = deadLetters
        self.database = database
        self.journal = journal
        self.attempt = attempt
        self.clock = clock
        self.log = log
    }

    /// Takes over deliveries that have just become durable, or were left by an earlier run.
    func start() { pump() }

    func add(_ deliveries: [Delivery]) {
        for delivery in deliveries where !work.held.contains(delivery.key) && delivery.sequence > forgotten {
            guard delivery.sequence > newestLoaded, !queue.isFull else {
                work.mustLoad = true
                break
            }
            hold(delivery)
        }
        pump()
    }

    /// Looks again at what the database holds, after deliveries were put there by others.
    func reload() {
        work.mustLoad = true
        pump()
    }

    /// A sign of life.
    func answer() {}

    /// Starts nothing more and returns when the attempts under way have ended.
    func stop() async {
        isStopped = true
        work.cancelTimer()
        if inFlight > 0 { await withCheckedContinuation { drained.append($0) } }
    }

    /// Takes a delivery into memory, unless its rule has too many there.
    private func hold(_ delivery: Delivery) {
        if queue.add(delivery, limit: concurrency.limit(delivery.ruleKey)) { work.hold(delivery.key) }
    }

    private func pump() {
        while !isStopped, !isSuspended, inFlight < Limits.deliveriesInFlightMax, let delivery = queue.next() {
            inFlight += 1
            Task { await self.make(delivery) }
        }
        if work.mustLoad, !work.isLoading, !isStopped, !isSuspended, queue.count < Dispatcher.readyMax / 2 { load() }
    }

    /// Reads the deliveries that are due, and sets the timer for the first that is not.
    private func load() {
        work.beginLoading()
        Task {
            do {
                let limit = Dispatcher.readyMax + work.held.count
                let full = queue.fullRules
                take(try await database.read { try DeliveryStore.due(limit: limit, except: full, $0) }, limit: limit)
            } catch {
                log.error("cannot read the deliveries that are due: \(error)")
                setTimer(clock.now + .seconds(1))
            }
            work.endLoading()
            pump()
        }
    }

    /// - Parameter found: Deliveries by the time they are due, at most `limit`.
    private func take(_ found: [Delivery], limit: Int) {
        let now = clock.now
        for delivery in found {
            newestLoaded = max(newestLoaded, delivery.sequence)
            guard work.isNews(delivery.key), delivery.sequence > forgotten else { continue }
            guard delivery.due <= now else { return setTimer(delivery.due) }
            guard !queue.isFull else {
                work.mustLoad = true
                return
            }
            hold(delivery)
        }
        if found.count == limit { work.mustLoad = true }
    }

    /// Looks at the database again at a time, or earlier where that is planned already.
    private func setTimer(_ due: Timestamp) {
        work.setTimer(due, clock) { await self.timeHasCome() }
    }

    private func timeHasCome() {
        work.timeHasCome()
        pump()
    }

    /// One attempt, and what follows from it.
    private func make(_ delivery: Delivery) async {
        var delivery = delivery
        do {
            if delivery.entry == nil { delivery.entry = try await entry(of: delivery) }
            let result = await attempt.run(delivery)
            // What the end of the server cuts short is left to the next start.
            if result.failure != .stopping { try await settle(delivery, result) }
        } catch {
            log.warning("delivery \(delivery.identifier) is left to the next start: \(error)")
        }
        work.settle(delivery.key)
        if queue.finish(delivery, limit: concurrency.limit(delivery.ruleKey)) { work.mustLoad = true }
        inFlight -= 1
        if inFlight == 0 { resumeDrained() }
        pump()
    }

    private func resumeDrained() {
        for continuation in drained { continuation.resume() }
        drained = []
    }

    /// Lets go of all deliveries of records up to `sequence`, and begins no others until `resume`. An attempt that does
    /// not end at once goes on, but nothing is recorded of it.
    func suspend(forgettingThrough sequence: UInt64) async {
        isSuspended = true
        work.forget()
        queue.removeAll()
        if inFlight > 0 {
            let limit = Task { [clock] in
                do { try await clock.sleep(for: Dispatcher.suspensionMax) } catch { return }
                self.resumeDrained()
            }
            await withCheckedContinuation { drained.append($0) }
            limit.cancel()
        }
        forgotten = sequence
    }

    /// Goes on with what the database holds now.
    func resume() {
        isSuspended = false
        reload()
    }

    /// The event of a delivery, from the journal; nil where that no longer has it.
    private func entry(of delivery: Delivery) async throws -> StreamEntry? {
        try await insist("the event of \(delivery.identifier) cannot be read", clock, log, unless: { isStopped }) {
            var entry: StreamEntry?
            do {
                try journal.read(after: delivery.sequence - 1, bytesMax: 1).forEach { record in
                    if record.sequence == delivery.sequence { entry = StreamEntry(record.body) }
                }
            } catch let error as StorageError where error.code == .expired {
                return nil
            }
            // A journal that lost its end gives the sequence to another event.
            return entry?.eventID == delivery.eventID ? entry : nil
        }
    }

    /// Records what came of an attempt: the target must not be called another time only because the database refuses.
    private func settle(_ delivery: Delivery, _ result: DeliveryAttempt.Result) async throws {
        try await insist("delivery \(delivery.identifier) cannot be recorded", clock, log, unless: { isStopped }) {
            try await self.record(delivery, result)
        }
    }

    private func record(_ delivery: Delivery, _ result: DeliveryAttempt.Result) async throws {
        if delivery.sequence <= forgotten { return }
        if let (due, hasTurn) = result.postponed {
            return try await postpone(delivery, result, until: due, hasTurn: hasTurn)
        }
        let attempts = delivery.attempts + 1
        var detail = Dispatcher.detail(delivery, result, attempts: attempts)
        let breaker = breakerEvent(result)
        guard let failure = result.failure else {
            detail["Operation"] = result.operation.map { .string($0) }
            detail["Output"] = result.output
            let recorded = detail
            try await write(delivery, breaker) { transaction in
                try DeliveryStore.delete(delivery, transaction)
                try transaction.audit("Deliver", on: delivery.subject, outcome: .success, detail: recorded)
            }
            attempt.logs.noteAttempt(delivery, result, attempts: attempts, isLast: true, at: clock.now)
            return
        }
        let machine = RetryMachine(policy: result.target?.retryPolicy ?? RetryPolicy(), created: delivery.created)
        let decision = machine.decide(
            attempts: attempts, isRetryable: failure.isRetryable, retryAfter: failure.retryAfter, now: clock.now,
            using: &random)
        switch decision {
        case .retry(let due):
            detail["ErrorMessage"] = .string(failure.message)
            detail["NextAttempt"] = .string(due.millisecondDescription)
            let recorded = detail
            try await write(delivery, breaker) { transaction in
                try DeliveryStore.postpone(delivery, attempts: attempts, until: due, transaction)
                try transaction.audit(
                    "Deliver", on: delivery.subject, outcome: .failure(failure.code), detail: recorded)
            }
            attempt.logs.noteAttempt(delivery, result, attempts: attempts, isLast: false, at: clock.now)
            setTimer(due)
        case .giveUp(let condition):
            let letter = DeadLetter(
                delivery, attempts: attempts, failure, result, condition, time: clock.now)
            try await giveUp(delivery, result, letter, detail)
        }
    }

    private static func detail(_ delivery: Delivery, _ result: DeliveryAttempt.Result, attempts: Int) -> JSON {
        var detail: JSON = [
            "Attempt": .integer(attempts), "RuleName": .string(delivery.rule), "TargetId": .string(delivery.target),
        ]
        detail["TargetArn"] = result.target.map { .string($0.arn.description) }
        return detail
    }

    /// What is known of a delivery from now on, together with what a breaker has done for it.
    private func write(
        _ delivery: Delivery, _ breaker: EventEnvelope?,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        let context = attempt.context(of: delivery)
        let caused = OperationContext(principal: context.principal, cause: delivery.subject, hops: context.hops + 1)
        try await database.write(context) { transaction in
            try body(transaction)
            if let breaker { try transaction.put(breaker, context: caused) }
        }
    }

    /// Leaves a delivery for later without an attempt, unless it is too old by then.
    private func postpone(
        _ delivery: Delivery, _ result: DeliveryAttempt.Result, until due: Timestamp, hasTurn: Bool
    ) async throws {
        let policy = result.target?.retryPolicy ?? RetryPolicy()
        if due - delivery.created > .seconds(policy.ageSecondsMax) {
            let failure = TargetFailure(
                code: "THROTTLING", message: "Its turn would come at \(due), when the event is too old.")
            let letter = DeadLetter(
                delivery, attempts: delivery.attempts, failure, result, .maximumEventAge, time: clock.now)
            let detail = Dispatcher.detail(delivery, result, attempts: delivery.attempts)
            return try await giveUp(delivery, result, letter, detail)
        }
        try await database.maintain { transaction in
            try DeliveryStore.postpone(
                delivery, attempts: delivery.attempts, until: due, hasTurn: hasTurn, transaction)
        }
        attempt.logs.noteWait(delivery, result.target, at: clock.now)
        setTimer(due)
    }

    private func giveUp(
        _ delivery: Delivery, _ result: DeliveryAttempt.Result, _ letter: DeadLetter, _ detail: JSON
    ) async throws {
        var detail = detail
        detail["ErrorMessage"] = .string(letter.errorMessage)
        detail["DeadLetter"] = true
        detail["ExhaustedRetryCondition"] = letter.condition.map { .string($0) }
        let recorded = detail
        try await write(delivery, breakerEvent(result)) { transaction in
            try DeliveryStore.delete(delivery, transaction)
            try letter.insert(transaction)
            try transaction.audit(
                "Deliver", on: delivery.subject, outcome: .failure(letter.errorCode), detail: recorded)
        }
        if result.failure != nil {
            attempt.logs.noteAttempt(delivery, result, attempts: letter.attempts, isLast: true, at: clock.now)
        } else {
            let failure = TargetFailure(code: letter.errorCode, message: letter.errorMessage)
            attempt.logs.noteEnd(delivery, result, failure, attempts: letter.attempts, at: clock.now)
        }
        log.warning("\(delivery.identifier) is a dead letter: \(letter.errorCode): \(letter.errorMessage)")
        if letter.body != nil { await deadLetters.wake() }
    }

    /// The event that tells of a breaker that has opened or closed.
    private func breakerEvent(_ result: DeliveryAttempt.Result) -> EventEnvelope? {
        guard let change = result.breaker, let target = result.target else { return nil }
        var detail: JSON = ["TargetArn": .string(target.arn.description)]
        let detailType: String
        switch change {
        case .opened(let until):
            detailType = "Circuit Breaker Opened"
            detail["Until"] = .string(until.millisecondDescription)
            detail["ErrorCode"] = result.failure.map { .string($0.code) }
            detail["ErrorMessage"] = result.failure.map { .string($0.message) }
        case .closed: detailType = "Circuit Breaker Closed"
        }
        return EventEnvelope(
            id: Identifier(using: &random), source: "opsbus.targets", detailType: detailType,
            account: attempt.account, time: clock.now, resources: [target.arn.description], detail: detail)
    }
}
