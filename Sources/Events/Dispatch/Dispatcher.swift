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
    /// Settled while deliveries were being read: what was read may still show them.
    private var settledWhileLoading: Set<Delivery.Key> = []
    /// The newest record whose deliveries were found in the database. `add` tells of them too, perhaps after they have
    /// been made.
    private var newestLoaded: UInt64 = 0
    private var timer: (due: Timestamp, task: Task<Void, Never>)?
    private var isStopped = false
    private var drained: [CheckedContinuation<Void, Never>] = []
    private var isSuspended = false
    /// Deliveries of records up to here belong to a state that was wiped.
    private var forgotten: UInt64 = 0

    private static let readyMax = 4096
    /// How long attempts under way may take to end when all state is wiped.
    private static let suspensionMax = Duration.milliseconds(20)

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
        for delivery in deliveries where !held.contains(delivery.key) && delivery.sequence > forgotten {
            guard delivery.sequence > newestLoaded, ready.count - readyHead < Dispatcher.readyMax else {
                mustLoad = true
                break
            }
            held.insert(delivery.key)
            ready.append(delivery)
        }
        pump()
    }

    /// Looks again at what the database holds, after deliveries were put there by others.
    func reload() {
        mustLoad = true
        pump()
    }

    /// A sign of life.
    func answer() {}

    /// Starts nothing more and returns when the attempts under way have ended.
    func stop() async {
        isStopped = true
        timer?.task.cancel()
        if inFlight > 0 { await withCheckedContinuation { drained.append($0) } }
    }

    private func pump() {
        while !isStopped, !isSuspended, inFlight < Limits.deliveriesInFlightMax, readyHead < ready.count {
            let delivery = ready[readyHead]
            readyHead += 1
            inFlight += 1
            Task { await self.make(delivery) }
        }
        if readyHead == ready.count || readyHead > 1024 {
            ready.removeFirst(readyHead)
            readyHead = 0
        }
        if mustLoad, !isLoading, !isStopped, !isSuspended, ready.count < Dispatcher.readyMax / 2 { load() }
    }

    /// Reads the deliveries that are due, and sets the timer for the first that is not.
    private func load() {
        isLoading = true
        mustLoad = false
        Task {
            do {
                let limit = Dispatcher.readyMax + held.count
                take(try await database.read { try DeliveryStore.due(limit: limit, $0) }, limit: limit)
            } catch {
                log.error("cannot read the deliveries that are due: \(error)")
                setTimer(clock.now + .seconds(1))
            }
            isLoading = false
            settledWhileLoading = []
            pump()
        }
    }

    /// - Parameter found: Deliveries by the time they are due, at most `limit`.
    private func take(_ found: [Delivery], limit: Int) {
        let now = clock.now
        for delivery in found {
            newestLoaded = max(newestLoaded, delivery.sequence)
            if held.contains(delivery.key) || delivery.sequence <= forgotten { continue }
            if settledWhileLoading.contains(delivery.key) {
                // It is gone, or is due later than this shows.
                continue
            }
            guard delivery.due <= now else { return setTimer(delivery.due) }
            guard ready.count - readyHead < Dispatcher.readyMax else {
                mustLoad = true
                return
            }
            held.insert(delivery.key)
            ready.append(delivery)
        }
        if found.count == limit { mustLoad = true }
    }

    /// Looks at the database again at a time, or earlier where that is planned already.
    private func setTimer(_ due: Timestamp) {
        if let timer, timer.due <= due { return }
        timer?.task.cancel()
        let task = Task { [clock] in
            do { try await clock.sleep(until: due) } catch { return }
            self.timer = nil
            self.reload()
        }
        timer = (due, task)
    }

    /// One attempt, and what follows from it.
    private func make(_ delivery: Delivery) async {
        var delivery = delivery
        do {
            if delivery.entry == nil { delivery.entry = try await entry(of: delivery) }
            let result = await attempt.run(delivery)
            try await settle(delivery, result)
        } catch {
            log.warning("delivery \(delivery.identifier) is left to the next start: \(error)")
        }
        held.remove(delivery.key)
        if isLoading { settledWhileLoading.insert(delivery.key) }
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
        timer?.task.cancel()
        timer = nil
        ready = []
        readyHead = 0
        held = []
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
        try await insist("the event of \(delivery.identifier) cannot be read") {
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
        try await insist("delivery \(delivery.identifier) cannot be recorded") {
            try await self.record(delivery, result)
        }
    }

    /// Does something again and again until it succeeds, or until the server stops.
    private func insist<Value: Sendable>(_ complaint: String, _ action: () async throws -> Value) async throws -> Value
    {
        while true {
            do {
                return try await action()
            } catch {
                if isStopped { throw error }
                log.error("\(complaint): \(error); trying again in a second")
                try await clock.sleep(for: .seconds(1))
            }
        }
    }

    private func record(_ delivery: Delivery, _ result: DeliveryAttempt.Result) async throws {
        if delivery.sequence <= forgotten { return }
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
            setTimer(due)
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
