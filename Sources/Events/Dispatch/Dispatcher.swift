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

    /// Due now, in memory.
    private var ready: [Delivery] = []
    private var readyHead = 0
    /// In `ready` or being attempted.
    private var held: Set<Delivery.Key> = []
    private var inFlight = 0
    /// Whether the database may hold due deliveries that are not in memory.
    private var mustLoad = true
    private var isLoading = false
    private var timer: Task<Void, Never>?
    private var isStopped = false
    private var drained: [CheckedContinuation<Void, Never>] = []

    private static let readyMax = 4096

    init(database: Database, journal: any Journal, attempt: DeliveryAttempt, clock: any Clock, log: Log) {
        self.database = database
        self.journal = journal
        self.attempt = attempt
        self.clock = clock
        self.log = log
    }

    /// Takes over deliveries that have just become durable, or were left by an earlier run.
    func start() { pump() }

    func add(_ deliveries: [Delivery]) {
        for delivery in deliveries {
            guard ready.count - readyHead < Dispatcher.readyMax else {
                mustLoad = true
                break
            }
            if held.insert(delivery.key).inserted { ready.append(delivery) }
        }
        pump()
    }

    /// Looks again at what the database holds, after deliveries were put there by others.
    func reload() {
        mustLoad = true
        pump()
    }

    /// Starts nothing more and returns when the attempts under way have ended.
    func stop() async {
        isStopped = true
        timer?.cancel()
        if inFlight > 0 { await withCheckedContinuation { drained.append($0) } }
    }

    private func pump() {
        while !isStopped, inFlight < Limits.deliveriesInFlightMax, readyHead < ready.count {
            let delivery = ready[readyHead]
            readyHead += 1
            inFlight += 1
            Task { await self.make(delivery) }
        }
        if readyHead == ready.count || readyHead > 1024 {
            ready.removeFirst(readyHead)
            readyHead = 0
        }
        if mustLoad, !isLoading, !isStopped, ready.count < Dispatcher.readyMax / 2 { load() }
    }

    /// Reads the deliveries that are due, and sets the timer for the first that is not.
    private func load() {
        isLoading = true
        mustLoad = false
        Task {
            do {
                let limit = Dispatcher.readyMax + held.count
                let found = try await database.read { try DeliveryStore.due(limit: limit, $0) }
                let now = clock.now
                for delivery in found where delivery.due <= now && ready.count < Dispatcher.readyMax {
                    if held.insert(delivery.key).inserted { ready.append(delivery) }
                }
                if found.count == limit { mustLoad = true }
                setTimer(found.first { $0.due > now && !held.contains($0.key) }?.due)
            } catch {
                log.error("cannot read the deliveries that are due: \(error)")
                setTimer(clock.now + .seconds(1))
            }
            isLoading = false
            pump()
        }
    }

    private func setTimer(_ due: Timestamp?) {
        timer?.cancel()
        guard let due else { return }
        timer = Task { [clock] in
            do { try await clock.sleep(until: due) } catch { return }
            self.reload()
        }
    }

    /// One attempt, and what follows from it.
    private func make(_ delivery: Delivery) async {
        var delivery = delivery
        do {
            if delivery.entry == nil { delivery.entry = try entry(of: delivery) }
            let result = await attempt.run(delivery)
            try await settle(delivery, result)
        } catch {
            log.error("delivery \(delivery.identifier) could not be recorded: \(error); trying again")
            setTimer(clock.now + .seconds(1))
            mustLoad = true
        }
        held.remove(delivery.key)
        inFlight -= 1
        if isStopped && inFlight == 0 {
            for continuation in drained { continuation.resume() }
            drained = []
        }
        pump()
    }

    /// The event of a delivery, from the journal.
    private func entry(of delivery: Delivery) throws -> StreamEntry? {
        var entry: StreamEntry?
        try journal.read(after: delivery.sequence - 1, bytesMax: 1).forEach { record in
            if record.sequence == delivery.sequence { entry = StreamEntry(record.body) }
        }
        return entry
    }

    private func settle(_ delivery: Delivery, _ result: DeliveryAttempt.Result) async throws {
        let attempts = delivery.attempts + 1
        let context = attempt.context(of: delivery)
        var detail: JSON = [
            "Attempt": .integer(attempts), "RuleName": .string(delivery.rule), "TargetId": .string(delivery.target),
        ]
        detail["TargetArn"] = result.target.map { .string($0.arn.description) }
        guard let failure = result.failure else {
            detail["Operation"] = result.operation.map { .string($0) }
            detail["Output"] = result.output
            let recorded = detail
            try await database.write(context) { transaction in
                try DeliveryStore.delete(delivery, transaction)
                try transaction.audit("Deliver", on: delivery.subject, outcome: .success, detail: recorded)
            }
            return
        }
        detail["ErrorMessage"] = .string(failure.message)
        let machine = RetryMachine(policy: result.target?.retryPolicy ?? RetryPolicy(), created: delivery.created)
        let decision = machine.decide(
            attempts: attempts, isRetryable: failure.isRetryable, now: clock.now, using: &random)
        switch decision {
        case .retry(let due):
            detail["NextAttempt"] = .string(due.millisecondDescription)
            let recorded = detail
            try await database.write(context) { transaction in
                try DeliveryStore.postpone(delivery, attempts: attempts, until: due, transaction)
                try transaction.audit(
                    "Deliver", on: delivery.subject, outcome: .failure(failure.code), detail: recorded)
            }
            mustLoad = true
        case .giveUp(let condition):
            detail["DeadLetter"] = true
            detail["ExhaustedRetryCondition"] = condition.map { .string($0.rawValue) }
            let letter = DeadLetter(delivery, attempts: attempts, failure, result.target, condition, time: clock.now)
            let recorded = detail
            try await database.write(context) { transaction in
                try DeliveryStore.delete(delivery, transaction)
                try letter.insert(transaction)
                try transaction.audit(
                    "Deliver", on: delivery.subject, outcome: .failure(failure.code), detail: recorded)
            }
            log.warning("\(delivery.identifier) went to the dead-letter queue: \(failure.code): \(failure.message)")
        }
    }
}
