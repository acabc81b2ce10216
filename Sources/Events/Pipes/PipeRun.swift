internal import API
internal import Core
internal import Platform
internal import Storage

/// A pipe while it runs: batch after batch, until it is told to stop.
actor PipeRun {
    let pipe: Pipe
    private let plan: PipePlan
    private let source: any PipeSource
    private let targets: TargetCaller
    private let database: Database
    private let account: Account
    private let clock: any Clock
    private let log: Log
    /// Told why the pipe does not do what it should, and nil once it does again.
    private let onReason: @Sendable (String?) -> Void
    private var random = BlockRandom()
    private var loop: Task<Void, Never>?
    /// Whether records are in its hands.
    private var isBusy = false
    private var isStopping = false
    private var reason: String?

    private static let longestWait = Duration.seconds(60)

    init(
        _ pipe: Pipe, _ plan: PipePlan, source: any PipeSource, targets: TargetCaller, database: Database,
        account: Account, clock: any Clock, log: Log, onReason: @escaping @Sendable (String?) -> Void
    ) {
        self.pipe = pipe
        self.plan = plan
        self.source = source
        self.targets = targets
        self.database = database
        self.account = account
        self.clock = clock
        self.log = log
        self.onReason = onReason
        reason = pipe.reason
    }

    /// - Parameter onEnd: Called once it has stopped.
    func start(onEnd: @escaping @Sendable () -> Void) {
        loop = Task {
            await self.run()
            onEnd()
        }
    }

    /// Takes nothing more from the source. What it has in its hands it brings to an end first.
    /// - Returns: Whether it has stopped; otherwise it will, and tells.
    func stop() async -> Bool {
        isStopping = true
        guard !isBusy else { return false }
        loop?.cancel()
        await loop?.value
        return true
    }

    /// Returns when it has stopped.
    func end() async {
        if await !stop() { await loop?.value }
    }

    private func run() async {
        var failures = 0
        while !isStopping {
            do {
                let context = OperationContext(principal: pipe.principal, cause: pipe.subject)
                let first = try await source.receive(context)
                var failure: TargetFailure?
                if !first.isEmpty {
                    isBusy = true
                    defer { isBusy = false }
                    failure = try await work(try await source.complete(first, context, while: { !isStopping }))
                }
                failures = 0
                tell(failure.map { "\($0.code): \($0.message)" })
            } catch {
                if error is CancellationError || isStopping { return }
                failures += 1
                tell((error as? TargetFailure).map { "\($0.code): \($0.message)" } ?? "\(error)")
                let wait = min(PipeRun.longestWait, .seconds(1 << min(failures - 1, 6)))
                // A cancelled sleep ends the loop at its condition.
                try? await clock.sleep(for: wait)
            }
        }
    }

    private func tell(_ reason: String?) {
        if reason == self.reason { return }
        self.reason = reason
        if let reason { log.warning("\(pipe.subject): \(reason)") }
        onReason(reason.map { String($0.prefix(512)) })
    }

    // MARK: One batch

    /// - Returns: What went wrong with some of the records; nil where all are done.
    /// - Throws: `TargetFailure` where none is; what the source throws.
    private func work(_ records: [PipeRecord]) async throws -> TargetFailure? {
        let kept = records.filter(plan.admits)
        if kept.count < records.count {
            let dropped = records.filter { record in !kept.contains { $0.identifier == record.identifier } }
            try await finish(dropped, because: pipe.subject)
        }
        var failure: TargetFailure?
        var isAnyDone = false
        // What comes after a record that failed must not overtake it in its group.
        var blocked: Set<String> = []
        for batch in plan.takesBatches ? PipeRun.batches(of: kept) : [kept] {
            guard source.redelivers else {
                try await insist(on: batch)
                continue
            }
            let records = batch.filter { $0.group.map { !blocked.contains($0) } ?? true }
            if records.isEmpty { continue }
            let outcome = try await execute(records)
            isAnyDone = isAnyDone || !outcome.done.isEmpty
            failure = outcome.failure ?? failure
            blocked.formUnion(outcome.failed.compactMap(\.group))
        }
        if let failure, !isAnyDone { throw failure }
        return failure
    }

    /// As many of the records together, in their order, as one call can take.
    private static func batches(of records: [PipeRecord]) -> [[PipeRecord]] {
        var batches: [[PipeRecord]] = []
        var room = 0
        for record in records {
            // With the comma or the bracket after it.
            let bytes = record.json.text.utf8.count + 1
            if bytes > room {
                batches.append([])
                room = Limits.pipeBatchBytesMax - 1
            }
            batches[batches.count - 1].append(record)
            room -= bytes
        }
        return batches
    }

    /// Executes once and lets go of what is done.
    private func execute(_ records: [PipeRecord]) async throws -> PipeExecution.Outcome {
        let execution = PipeExecution(
            pipe: pipe, plan: plan, targets: targets, account: account, clock: clock, id: Identifier(using: &random))
        let outcome = await execution.run(records)
        if !outcome.done.isEmpty { try await finish(outcome.done, because: execution.subject) }
        try await record(execution, outcome)
        return outcome
    }

    private func finish(_ records: [PipeRecord], because cause: Subject) async throws {
        try await source.finish(records, OperationContext(principal: pipe.principal, cause: cause))
    }

    private func record(_ execution: PipeExecution, _ outcome: PipeExecution.Outcome) async throws {
        var detail: JSON = [
            "Records": .integer(outcome.done.count + outcome.failed.count), "Failed": .integer(outcome.failed.count),
            "Target": .string(pipe.target),
        ]
        detail["ErrorMessage"] = outcome.failure.map { .string($0.message) }
        let recorded = detail
        let result: AuditOutcome = outcome.failure.map { .failure($0.code) } ?? .success
        try await database.write(OperationContext(principal: pipe.principal, cause: pipe.subject)) { transaction in
            try transaction.audit("RunPipe", on: execution.subject, outcome: result, detail: recorded)
        }
        guard let request = outcome.log.request(stream: pipe.name) else { return }
        do throws(ServiceError) {
            _ = try await targets.caller.call(
                "logs:PutLogEvents", request,
                OperationContext(principal: pipe.principal, cause: execution.subject))
        } catch {
            log.warning("\(pipe.subject) cannot log: \(error)")
        }
    }

    /// Tries what failed again, in its order, until all is done or given up. Only for a source that does not do that.
    private func insist(on records: [PipeRecord]) async throws {
        var left = records
        var attempts = 0
        var since = clock.now
        while !left.isEmpty {
            let outcome = try await execute(left)
            if outcome.failed.count < left.count {
                attempts = 0
                since = clock.now
            }
            left = outcome.failed
            guard let failure = outcome.failure, !left.isEmpty else { return }
            attempts += 1
            let machine = RetryMachine(policy: RetryPolicy(), created: since)
            switch machine.decide(
                attempts: attempts, isRetryable: failure.isRetryable, now: clock.now, using: &random)
            {
            case .giveUp:
                log.error("\(pipe.subject) gives up \(left[0].identifier): \(failure.code): \(failure.message)")
                try await finish([left.removeFirst()], because: pipe.subject)
                attempts = 0
                since = clock.now
            case .retry(let due):
                tell("\(failure.code): \(failure.message)")
                // What is left is read again when the pipe runs again.
                isBusy = false
                if isStopping { throw CancellationError() }
                try await clock.sleep(until: due)
                isBusy = true
            }
        }
    }
}
