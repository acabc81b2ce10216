internal import API
internal import Core
internal import Storage

/// Calls the target of an invocation once, or its dead-letter queue.
struct InvocationAttempt: Sendable {
    let targets: TargetCaller
    let account: Account

    struct Result: Sendable {
        var operation: String?
        var output: JSON?
        var failure: TargetFailure?
    }

    /// How long a dead-letter queue that cannot be reached is tried.
    static let deadLetterAgeMax = Duration.seconds(2 * 86_400)

    func run(_ invocation: Invocation) async -> Result {
        do {
            let target = try SchedulerTarget(invocation.target, account: account, operations: targets.caller.find)
            let payload = target.payload(of: invocation, attempt: invocation.attempts + 1, in: account)
            let context = context(of: invocation)
            switch target.action {
            case .target(let action):
                let request = TargetRequest(
                    text: payload, isEventItself: target.input == nil, token: invocation.token,
                    comment: "schedule \(invocation.group)/\(invocation.name)", origin: invocation.name,
                    time: invocation.created, context: context)
                let (operation, output) = try await targets.call(action, request)
                return Result(operation: operation, output: TargetCall.summary(of: output))
            case .operation(let operation):
                let request = try SchedulerTarget.request(payload, of: operation, token: invocation.token)
                let output = try await targets.caller.call(operation.name, request, context)
                return Result(operation: operation.name, output: TargetCall.summary(of: output))
            }
        } catch {
            return Result(failure: TargetFailure(any: error))
        }
    }

    /// The schedule acts because it was fired.
    private func context(of invocation: Invocation) -> OperationContext {
        OperationContext(
            principal: Principal("schedule/\(invocation.group)/\(invocation.name)"), cause: invocation.subject, hops: 1)
    }

    // MARK: What was given up

    static func failure(_ failure: TargetFailure, _ condition: RetryMachine.Condition?) -> JSON {
        var json: JSON = ["ERROR_CODE": .string(failure.code), "ERROR_MESSAGE": .string(failure.message)]
        json["EXHAUSTED_RETRY_CONDITION"] = condition.map { .string($0.rawValue) }
        return json
    }

    /// Sends the target's input to the dead-letter queue, and why it went there as attributes.
    /// - Returns: Why that failed; nil where it succeeded.
    /// - Source: Scheduler user guide, "Configuring a dead-letter queue".
    func tellDeadLetterQueue(_ invocation: Invocation) async -> TargetFailure? {
        do {
            let target = try SchedulerTarget(invocation.target, account: account, operations: targets.caller.find)
            guard let queue = target.deadLetterQueue else { return nil }
            var attributes = invocation.failure ?? [:]
            attributes["EXECUTION_ID"] = .string(invocation.id.description)
            attributes["IS_PAYLOAD_TRUNCATED"] = "false"
            attributes["RETRY_ATTEMPTS"] = .string(String(max(0, invocation.attempts - 1)))
            attributes["SCHEDULED_TIME"] = .string(invocation.scheduled.description)
            attributes["SCHEDULE_ARN"] = .string(invocation.scheduleARN(in: account))
            attributes["TARGET_ARN"] = .string(target.arn.description)
            // As the last attempt had it.
            let payload = target.payload(of: invocation, attempt: invocation.attempts, in: account)
            var message = TargetCall.message(
                .string(payload), to: queue, group: nil,
                token: TargetCall.token(of: "\(invocation.id)/dead-letter"))
            // Queues refuse control characters, which errors may quote.
            message["MessageAttributes"] = .object(
                JSONObject(
                    (attributes.object ?? JSONObject()).map { member in
                        let text = printable(member.value.string ?? "")
                        return .init(key: member.key, value: ["DataType": "String", "StringValue": .string(text)])
                    }))
            _ = try await targets.caller.call("sqs:SendMessage", message, context(of: invocation))
            return nil
        } catch {
            return TargetFailure(any: error)
        }
    }

    /// Tells, on the default bus, that a schedule's target was given up.
    func failedEvent(
        _ invocation: Invocation, _ failure: TargetFailure, id: Identifier, at now: Timestamp
    ) -> EventEnvelope {
        EventEnvelope(
            id: id, source: "opsbus.schedules", detailType: "Schedule Invocation Failed", account: account, time: now,
            resources: [invocation.scheduleARN(in: account)],
            detail: [
                "ScheduleName": .string(invocation.name), "GroupName": .string(invocation.group),
                "ExecutionId": .string(invocation.id.description),
                "ScheduledTime": .string(invocation.scheduled.description),
                "TargetArn": invocation.target["Arn"] ?? .null, "Attempts": .integer(invocation.attempts),
                "ErrorCode": .string(failure.code), "ErrorMessage": .string(failure.message),
            ])
    }
}
