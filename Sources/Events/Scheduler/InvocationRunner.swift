internal import API
internal import Core
internal import Platform
internal import Storage

/// Calls the targets of schedules that have fired, again where it must, and tells dead-letter queues what it gave up.
///
/// At most `Limits.deliveriesInFlightMax` calls run at a time; what is due beyond that waits in the database.
actor InvocationRunner {
    private let database: Database
    private let attempt: InvocationAttempt
    private let clock: any Clock
    private let log: Log
    private var random = BlockRandom()

    /// Due now, the first due last.
    private var ready: [Invocation] = []
    /// Held are those in `ready` or being called.
    private var work = DueWork<Identifier>()
    private var inFlight = 0
    private var isStopped = false
    /// Counts suspensions, so that what was read before one is not taken for what is there after it.
    private var generation = 0
    private var drained: [CheckedContinuation<Void, Never>] = []

    private static let readyMax = 1024

    init(database: Database, attempt: InvocationAttempt, clock: any Clock, log: Log) {
        self.database = database
        self.attempt = attempt
        self.clock = clock
        self.log = log
    }

    /// Looks at the database again after something was put there.
    func wake() {
        work.mustLoad = true
        pump()
    }

    /// Starts nothing more and returns when the calls under way have ended.
    func stop() async {
        isStopped = true
        work.cancelTimer()
        if inFlight > 0 { await withCheckedContinuation { drained.append($0) } }
    }

    /// Starts nothing more until it is resumed, and forgets what it has begun: nothing is recorded of that any more.
    func suspend() {
        isStopped = true
        generation += 1
        work.forget()
        ready = []
    }

    /// Begins, with what the database holds.
    func resume() {
        isStopped = false
        wake()
    }

    private func pump() {
        while !isStopped, inFlight < Limits.deliveriesInFlightMax, let invocation = ready.popLast() {
            inFlight += 1
            Task { await self.make(invocation) }
        }
        if work.mustLoad, !work.isLoading, !isStopped, ready.isEmpty, inFlight < Limits.deliveriesInFlightMax { load() }
    }

    /// Reads the invocations that are due, and sets the timer for the first that is not.
    private func load() {
        work.beginLoading()
        Task { [generation] in
            do {
                let limit = InvocationRunner.readyMax + work.held.count
                let found = try await database.read { try InvocationStore.upcoming(limit: limit, $0) }
                if generation == self.generation { take(found, limit: limit) }
            } catch {
                log.error("cannot read what schedules are to call: \(error)")
                setTimer(clock.now + .seconds(1))
            }
            work.endLoading()
            pump()
        }
    }

    private func take(_ found: [Invocation], limit: Int) {
        let now = clock.now
        let fresh = found.filter { work.isNews($0.id) }
        let due = fresh.prefix { $0.due <= now }
        ready = due.reversed()
        for invocation in due { work.hold(invocation.id) }
        if due.count < fresh.count {
            setTimer(fresh[due.count].due)
        } else if found.count == limit {
            work.mustLoad = true
        }
    }

    /// Looks at the database again at a time, or earlier where that is planned already.
    private func setTimer(_ due: Timestamp) {
        work.setTimer(due, clock) { await self.timeHasCome() }
    }

    private func timeHasCome() {
        work.timeHasCome()
        pump()
    }

    /// One call, and what follows from it.
    private func make(_ invocation: Invocation) async {
        let generation = generation
        do {
            if invocation.failure == nil {
                let result = await attempt.run(invocation)
                try await record(invocation, of: generation) { try await self.record(invocation, result) }
            } else {
                let failure = await attempt.tellDeadLetterQueue(invocation)
                try await record(invocation, of: generation) { try await self.recordDeadLetter(invocation, failure) }
            }
        } catch {
            log.warning("\(invocation.subject) is left to the next start: \(error)")
        }
        inFlight -= 1
        if generation == self.generation {
            work.settle(invocation.id)
        }
        if isStopped && inFlight == 0 {
            for continuation in drained { continuation.resume() }
            drained = []
        }
        pump()
    }

    /// Records what came of a call, unless it belongs to a state that was wiped: the target must not be called another
    /// time only because the database refuses.
    private func record(
        _ invocation: Invocation, of generation: Int, _ action: () async throws -> Void
    ) async throws {
        guard generation == self.generation else { return }
        try await insist(
            "\(invocation.subject) cannot be recorded", clock, log,
            unless: { isStopped || generation != self.generation }, action)
    }

    // MARK: Settling

    private func record(_ invocation: Invocation, _ result: InvocationAttempt.Result) async throws {
        var invocation = invocation
        invocation.attempts += 1
        var detail: JSON = [
            "Attempt": .integer(invocation.attempts), "TargetArn": invocation.target["Arn"] ?? .null,
            "ScheduledTime": .string(invocation.scheduled.description),
        ]
        guard let failure = result.failure else {
            detail["Operation"] = result.operation.map { .string($0) }
            detail["Output"] = result.output
            let finished = invocation
            return try await settle(finished, .success, detail) { try InvocationStore.finish(finished, $0) }
        }
        detail["ErrorMessage"] = .string(failure.message)
        let policy = RetryPolicy(json: invocation.target["RetryPolicy"])
        let machine = RetryMachine(policy: policy, created: invocation.created)
        let decision = machine.decide(
            attempts: invocation.attempts, isRetryable: failure.isRetryable, now: clock.now, using: &random)
        switch decision {
        case .retry(let due):
            invocation.due = due
            detail["NextAttempt"] = .string(due.millisecondDescription)
            let postponed = invocation
            try await settle(postponed, .failure(failure.code), detail) { try InvocationStore.update(postponed, $0) }
            setTimer(due)
        case .giveUp(let condition):
            invocation.due = clock.now
            invocation.failure = InvocationAttempt.failure(failure, condition)
            detail["ExhaustedRetryCondition"] = condition.map { .string($0.rawValue) }
            try await giveUp(invocation, failure, detail)
        }
    }

    private func giveUp(_ invocation: Invocation, _ failure: TargetFailure, _ detail: JSON) async throws {
        let hasQueue = invocation.target["DeadLetterConfig"]?["Arn"]?.string != nil
        let event = attempt.failedEvent(invocation, failure, id: Identifier(using: &random), at: clock.now)
        try await settle(invocation, .failure(failure.code), detail) { transaction in
            try transaction.put(event)
            if hasQueue {
                try InvocationStore.update(invocation, transaction)
            } else {
                try InvocationStore.finish(invocation, transaction)
            }
        }
        log.warning("\(invocation.schedule): its target was given up: \(failure.code): \(failure.message)")
        if hasQueue { work.mustLoad = true }
    }

    private func recordDeadLetter(_ invocation: Invocation, _ failure: TargetFailure?) async throws {
        let detail: JSON = ["QueueArn": invocation.target["DeadLetterConfig"]?["Arn"] ?? .null]
        guard let failure else {
            return try await settle(invocation, .success, detail, action: "SendToDeadLetterQueue") {
                try InvocationStore.finish(invocation, $0)
            }
        }
        var more = detail
        more["ErrorMessage"] = .string(failure.message)
        let isOld = clock.now - invocation.created > InvocationAttempt.deadLetterAgeMax
        if failure.isRetryable && !isOld {
            var postponed = invocation
            postponed.due = clock.now + RetryMachine.longestWait / 30
            let later = postponed
            try await settle(later, .failure(failure.code), more, action: "SendToDeadLetterQueue") {
                try InvocationStore.update(later, $0)
            }
            return setTimer(later.due)
        }
        try await settle(invocation, .failure(failure.code), more, action: "SendToDeadLetterQueue") {
            try InvocationStore.finish(invocation, $0)
        }
        log.error("\(invocation.schedule): its dead-letter queue cannot be used: \(failure.message)")
    }

    private func settle(
        _ invocation: Invocation, _ outcome: AuditOutcome, _ detail: JSON, action: String = "InvokeTarget",
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        let context = OperationContext.system.caused(by: invocation.schedule)
        try await database.write(context) { transaction in
            try transaction.audit(action, on: invocation.subject, outcome: outcome, detail: detail)
            try body(transaction)
        }
    }
}
