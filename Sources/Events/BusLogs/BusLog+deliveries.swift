internal import API
internal import Core

extension BusLog {
    /// Notes that a target is about to be called.
    /// - Parameter text: What it is given.
    nonisolated func noteStart(
        _ delivery: Delivery, _ target: Target, at time: Timestamp, _ text: () -> String
    ) {
        func record(_ step: BusLogRecord.Step) -> BusLogRecord {
            var members = members(of: delivery, target, text: text())
            members["attempt_count"] = .integer(delivery.attempts + 1)
            return self.record(step, delivery, members, at: time)
        }
        if delivery.attempts == 0 { add(.invocationStart, on: delivery.bus) { record(.invocationStart) } }
        add(.attemptStart, on: delivery.bus) { record(.attemptStart) }
    }

    /// Notes that a delivery waits for its turn.
    nonisolated func noteWait(_ delivery: Delivery, _ target: Target?, at time: Timestamp) {
        add(.throttleStart, on: delivery.bus) {
            var members = members(of: delivery, target, text: nil)
            members["attempt_count"] = .integer(delivery.attempts + 1)
            return record(.throttleStart, delivery, members, at: time)
        }
    }

    /// Notes what came of an attempt, and of the delivery where that was its last.
    /// - Parameter attempts: All that were made, this one included.
    nonisolated func noteAttempt(
        _ delivery: Delivery, _ result: DeliveryAttempt.Result, attempts: Int, isLast: Bool, at time: Timestamp
    ) {
        let step = result.failure.map(BusLogRecord.Step.init) ?? .attemptSuccess
        add(step, on: delivery.bus) {
            var members = members(of: delivery, result.target, text: nil)
            members["attempt_type"] = delivery.attempts > 0 ? "RETRY" : delivery.hasTurn ? "THROTTLE" : "FIRST"
            members["attempt_count"] = .integer(attempts)
            members["invocation_status"] = .string(result.failure?.code ?? "SUCCESS")
            addAnswer(result, to: &members)
            return record(step, delivery, members, at: time, failure(result.failure, of: result.target?.arn))
        }
        if isLast { noteEnd(delivery, result, result.failure, attempts: attempts, at: time) }
    }

    /// Notes that there will be no more attempts.
    nonisolated func noteEnd(
        _ delivery: Delivery, _ result: DeliveryAttempt.Result, _ failure: TargetFailure?, attempts: Int,
        at time: Timestamp
    ) {
        let step: BusLogRecord.Step = failure == nil ? .invocationSuccess : .invocationFailure
        add(step, on: delivery.bus) {
            var members = members(of: delivery, result.target, text: result.text ?? "")
            members["total_attempts"] = .integer(attempts)
            members["final_invocation_status"] = .string(failure?.code ?? "SUCCESS")
            if attempts <= 1 {
                members["ingestion_to_start_latency_ms"] = result.called.map {
                    .integer(($0.start - delivery.created).milliseconds)
                }
                members["ingestion_to_complete_latency_ms"] = .integer((time - delivery.created).milliseconds)
            }
            if failure == nil {
                members["ingestion_to_success_latency_ms"] = .integer((time - delivery.created).milliseconds)
            }
            addAnswer(result, to: &members)
            return record(step, delivery, members, at: time, self.failure(failure, of: result.target?.arn))
        }
    }

    /// Notes that a queue has got what could not be delivered, or why it has not.
    nonisolated func noteDeadLetter(_ letter: DeadLetter, refused: ServiceError?, at time: Timestamp) {
        add(.deadLetter, on: letter.delivery.bus) {
            var members = members(of: letter.delivery, nil, text: letter.body ?? "")
            members["target_arn"] = .string(letter.targetARN)
            members["total_attempts"] = .integer(letter.attempts)
            members["final_invocation_status"] = .string(letter.errorCode)
            let failure = refused.map { BusLogRecord.Failure(message: "\($0)", service: "sqs", status: $0.code.status) }
            return record(.deadLetter, letter.delivery, members, at: time, failure)
        }
    }

    private nonisolated func record(
        _ step: BusLogRecord.Step, _ delivery: Delivery, _ members: JSON, at time: Timestamp,
        _ failure: BusLogRecord.Failure? = nil
    ) -> BusLogRecord {
        BusLogRecord(
            step: step, time: time, event: delivery.eventID, invocation: delivery.invocationID,
            details: .members(members), failure: failure)
    }

    /// - Parameter text: What the target is given; nil where the record does not say.
    private nonisolated func members(of delivery: Delivery, _ target: Target?, text: String?) -> JSON {
        let rule = Rule(name: delivery.rule, bus: delivery.bus)
        var members: JSON = ["rule_arn": .string(rule.arn(in: account).description)]
        members["role_arn"] = target?.json["RoleArn"]
        members["target_arn"] = target.map { .string($0.arn.description) }
        guard let text else { return members }
        members["target_input"] = .string(text)
        let properties = (target?.json.object ?? JSONObject()).filter { $0.key.hasSuffix("Parameters") }
        members["target_properties"] = .string(JSON.object(JSONObject(properties)).text)
        return members
    }

    private nonisolated func addAnswer(_ result: DeliveryAttempt.Result, to members: inout JSON) {
        guard let called = result.called else { return }
        members["target_duration_ms"] = called.end.map { .integer(($0 - called.start).milliseconds) }
        // Of an answer over HTTP, its body.
        members["target_response_body"] = result.answer.map { .string($0["Body"]?.string ?? $0.text) }
    }

    private nonisolated func failure(_ failure: TargetFailure?, of target: ARN?) -> BusLogRecord.Failure? {
        failure.map {
            BusLogRecord.Failure(message: $0.message, service: target?.service ?? "events", status: $0.status)
        }
    }
}

extension BusLogRecord.Step {
    /// How an attempt failed.
    fileprivate init(_ failure: TargetFailure) {
        self =
            failure.code == "THROTTLING"
            ? .attemptThrottle : failure.isRetryable ? .attemptRetryableFailure : .attemptPermanentFailure
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { microseconds / 1000 }
}
