internal import API
internal import Core
internal import Platform
internal import Storage

/// Runs functions: at once for who waits for the answer, or later for events, of which each is durable until it is
/// worked off or given up.
///
/// An event whose function fails is tried again after one minute and after two more; then it goes to the function's
/// dead-letter queue or topic. Whoever waits is refused while a function runs as often as it may; events wait.
actor FunctionService {
    /// Invocations that run at a time, of all functions together.
    static let runningMax = 100
    /// Events that wait, of all functions together; past it `ThrottlingException`.
    static let waitingMax = 100_000
    private static let retryDelays: [Duration] = [.seconds(60), .seconds(120)]
    private static let eventAgeMax = Duration.seconds(6 * 3600)
    /// Until a dead letter is sent again that could not be sent.
    private static let deadLetterDelay = Duration.seconds(60)

    private let database: Database
    private let caller: any OperationCaller
    private let runner: FunctionRunner
    private let clock: any Clock
    private let log: Log
    private let wakeups: AsyncStream<Void>
    private nonisolated let signal: AsyncStream<Void>.Continuation

    private var running: [String: Int] = [:]
    private var runningCount = 0
    /// The events that are being worked off.
    private var tasks: [Int: Task<Void, Never>] = [:]
    /// Those that ended since the events that are due began to be read: what is read may still show them.
    private var endedWhileReading: Set<Int> = []
    private var loop: Task<Void, Never>?
    private var alarm: Task<Void, Never>?
    private var isSuspended = false

    init(database: Database, caller: any OperationCaller, runner: FunctionRunner, clock: any Clock, log: Log) {
        self.database = database
        self.caller = caller
        self.runner = runner
        self.clock = clock
        self.log = log
        (wakeups, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: At once

    /// - Throws: `ServiceError` `.throttling` where the function, or all together, run as often as they may.
    func run(
        _ function: Function, _ payload: String, requestID: String, _ context: OperationContext
    ) async throws -> FunctionResult {
        guard enter(function) else {
            throw ServiceError(
                .throttling, "Rate Exceeded.",
                members: JSONObject([.init(key: "Reason", value: "ReservedFunctionConcurrentInvocationLimitExceeded")]))
        }
        defer { leave(function) }
        let result = await runner.run(function, payload, requestID: requestID)
        await write(result, of: function, token: requestID, context)
        try await database.write(context) { transaction in
            try FunctionService.record(result, of: function, requestID, attempt: 1, transaction)
        }
        return result
    }

    private func enter(_ function: Function) -> Bool {
        guard room(for: function) > 0 else { return false }
        running[function.name, default: 0] += 1
        runningCount += 1
        return true
    }

    private func leave(_ function: Function) {
        let left = (running[function.name] ?? 1) - 1
        running[function.name] = left == 0 ? nil : left
        runningCount -= 1
        signal.yield()
    }

    /// How many invocations more may run.
    private func room(for function: Function) -> Int {
        min(FunctionService.runningMax - runningCount, function.concurrency - (running[function.name] ?? 0))
    }

    private static func record(
        _ result: FunctionResult, of function: Function, _ requestID: String, attempt: Int,
        _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.audit(
            "Invoke", on: function.subject, outcome: result.isFailure ? .failure("FunctionError") : .success,
            detail: ["RequestId": .string(requestID), "Attempt": .integer(attempt)])
    }

    /// What a function has to log goes to its log group; where that fails, the function has run all the same.
    private func write(
        _ result: FunctionResult, of function: Function, token: String, _ context: OperationContext
    ) async {
        let events = result.lines.map { line -> JSON in
            // An empty message is none.
            let text = line.text.isEmpty ? " " : line.text
            return ["timestamp": .integer(line.time.microseconds / 1000), "message": .string(text)]
        }
        let stream = "\(clock.now.description.prefix(10).replacing("-", with: "/"))/[$LATEST]"
        do throws(ServiceError) {
            _ = try await caller.call(
                "logs:PutLogEvents",
                [
                    "logGroupName": .string(function.logGroup), "logStreamName": .string(stream),
                    "logEvents": .array(Array(events.prefix(10_000))), "OpsBusToken": .string(token),
                ], OperationContext(principal: .system, cause: function.subject, hops: context.hops))
        } catch {
            log.warning("the log of function \(function.name) could not be written: \(error)")
        }
    }

    // MARK: Events

    /// Lets the loop look for events that wait.
    nonisolated func wake() { signal.yield() }

    func start() {
        loop = Task { await self.work() }
        signal.yield()
    }

    /// Ends what runs; events that it was working off are tried again.
    func suspend() async {
        isSuspended = true
        let ending = Array(tasks.values)
        for task in ending { task.cancel() }
        for task in ending { await task.value }
    }

    func resume() {
        isSuspended = false
        signal.yield()
    }

    func stop() async {
        await suspend()
        loop?.cancel()
        alarm?.cancel()
        signal.finish()
        await loop?.value
    }

    private func work() async {
        for await _ in wakeups {
            if isSuspended { continue }
            do {
                try await startDue()
            } catch {
                log.error("events for functions cannot be read: \(error)")
                setAlarm(clock.now + .seconds(1))
            }
        }
    }

    private func startDue() async throws {
        let now = clock.now
        for function in try await database.read({ try FunctionStore.awaited($0) }) {
            let active = tasks.count
            let room = room(for: function)
            guard room > 0, !isSuspended else { continue }
            endedWhileReading = []
            let due = try await database.read {
                try FunctionStore.due(function.name, at: now, limit: room + active, $0)
            }
            for invocation in due where tasks[invocation.id] == nil && !endedWhileReading.contains(invocation.id) {
                if isSuspended { break }
                guard enter(function) else { break }
                tasks[invocation.id] = Task { await self.work(off: invocation, function) }
            }
        }
        if let next = try await database.read({ try FunctionStore.nextDue(after: now, $0) }) { setAlarm(next) }
    }

    private func setAlarm(_ time: Timestamp) {
        alarm?.cancel()
        alarm = Task { [clock, signal] in
            if (try? await clock.sleep(until: time)) != nil { signal.yield() }
        }
    }

    private func work(off invocation: QueuedInvocation, _ function: Function) async {
        let context = OperationContext(principal: invocation.principal, cause: invocation.cause)
        do {
            try await attempt(invocation, function, context)
        } catch {
            log.error("an event of function \(function.name) will be tried again: \(error)")
        }
        tasks[invocation.id] = nil
        endedWhileReading.insert(invocation.id)
        leave(function)
    }

    private func attempt(
        _ invocation: QueuedInvocation, _ function: Function, _ context: OperationContext
    ) async throws {
        var invocation = invocation
        let attempt = invocation.failures + 1
        // An event that has failed for good waits only for its dead letter to be sent.
        if invocation.failures > FunctionService.retryDelays.count {
            return try await giveUp(invocation, function, "Retries are exhausted.", context)
        }
        guard clock.now - invocation.created < FunctionService.eventAgeMax else {
            return try await giveUp(invocation, function, "The event is older than six hours.", context)
        }
        let result = await runner.run(function, invocation.payload, requestID: invocation.requestID)
        if Task.isCancelled { return }
        await write(result, of: function, token: "\(invocation.requestID)/\(attempt)", context)
        if result.isFailure { invocation.failures += 1 }
        let after = invocation
        let delay = FunctionService.retryDelays.dropFirst(attempt - 1).first
        try await database.write(context) { transaction in
            try FunctionService.record(result, of: function, after.requestID, attempt: attempt, transaction)
            if result.isFailure {
                try FunctionStore.postpone(after, until: transaction.now + (delay ?? .zero), transaction)
            } else {
                try FunctionStore.remove(after, transaction)
            }
        }
        if result.isFailure && delay == nil { try await giveUp(after, function, result.payload, context) }
    }

    /// Sends an event to where the function's dead letters go, and lets go of it.
    private func giveUp(
        _ invocation: QueuedInvocation, _ function: Function, _ reason: String, _ context: OperationContext
    ) async throws {
        var detail: JSON = ["RequestId": .string(invocation.requestID), "Error": .string(String(reason.prefix(500)))]
        if let target = function.deadLetterTarget.flatMap({ ARN($0) }) {
            detail["DeadLetterTarget"] = .string(target.description)
            do throws(ServiceError) {
                try await send(invocation, to: target, reason, context)
            } catch {
                log.warning("a dead letter of function \(function.name) cannot be sent: \(error)")
                guard clock.now - invocation.created > FunctionService.eventAgeMax else {
                    _ = try await database.maintain { transaction in
                        try FunctionStore.postpone(
                            invocation, until: transaction.now + FunctionService.deadLetterDelay, transaction)
                    }
                    return
                }
                detail["DeadLetterError"] = .string(error.message)
            }
        }
        let told = detail
        try await database.write(context) { transaction in
            try FunctionStore.remove(invocation, transaction)
            try transaction.audit(
                "GiveUpInvocation", on: function.subject, outcome: .failure("FunctionError"), detail: told)
        }
    }

    private func send(
        _ invocation: QueuedInvocation, to target: ARN, _ reason: String, _ context: OperationContext
    ) async throws(ServiceError) {
        func attribute(_ type: String, _ text: String) -> JSON {
            // Queues refuse control characters, which errors may quote.
            ["DataType": .string(type), "StringValue": .string(printable(text))]
        }
        let attributes: JSON = [
            "RequestID": attribute("String", invocation.requestID), "ErrorCode": attribute("Number", "200"),
            "ErrorMessage": attribute("String", String(reason.prefix(1000))),
        ]
        var input: JSON = ["MessageAttributes": attributes, "OpsBusMessageId": .string(invocation.requestID)]
        let context = OperationContext(
            principal: .system, cause: Subject(.function, invocation.function), hops: context.hops)
        if target.service == "sns" {
            input["TopicArn"] = .string(target.description)
            input["Message"] = .string(invocation.payload)
            _ = try await caller.call("sns:Publish", input, context)
        } else {
            input["QueueUrl"] = .string(target.description)
            input["MessageBody"] = .string(invocation.payload)
            _ = try await caller.call("sqs:SendMessage", input, context)
        }
    }
}
