internal import API
internal import Core
internal import Platform

/// One batch's way through a pipe: enriched, handed to the target, and what came of each record.
struct PipeExecution: Sendable {
    let pipe: Pipe
    let plan: PipePlan
    let targets: TargetCaller
    let account: Account
    let clock: any Clock
    let id: Identifier

    /// What became of the records, each of which is in one of the two lists.
    struct Outcome: Sendable {
        var done: [PipeRecord] = []
        var failed: [PipeRecord] = []
        /// The last thing that went wrong.
        var failure: TargetFailure?
        var log: PipeLog
    }

    /// What audit records of this execution are about.
    var subject: Subject { Subject(.execution, id.description) }

    /// What a target is given for one event of the batch.
    private struct Item {
        /// Nil where the enrichment has made it of the whole batch.
        let record: PipeRecord?
        let json: JSON
    }

    func run(_ records: [PipeRecord]) async -> Outcome {
        var outcome = Outcome(log: PipeLog(plan.log, resource: pipe.arn(in: account), execution: id))
        outcome.log.add("EXECUTION_STARTED", .info, at: clock.now, data: JSON.array(records.map(\.json)).text)
        do {
            try checkHops(records)
            let items = try await enriched(records, &outcome)
            if items.isEmpty {
                outcome.done = records
            } else {
                try await deliver(items, of: records, &outcome)
            }
        } catch {
            outcome.failure = TargetFailure(any: error)
            outcome.done = []
            outcome.failed = records
        }
        if let failure = outcome.failure {
            let type = outcome.done.isEmpty ? "EXECUTION_FAILED" : "EXECUTION_PARTIALLY_FAILED"
            outcome.log.add(type, .error, at: clock.now, failure: failure)
        } else {
            outcome.log.add("EXECUTION_SUCCEEDED", .info, at: clock.now)
        }
        return outcome
    }

    private func checkHops(_ records: [PipeRecord]) throws(TargetFailure) {
        guard let record = records.first(where: { $0.hops >= Limits.eventHopsMax }) else { return }
        throw TargetFailure(
            code: "HOP_LIMIT_EXCEEDED",
            message: "Event \(record.identifier) is the result of a chain of \(record.hops) rules and pipes; the limit "
                + "is \(Limits.eventHopsMax). Does the pipe take what its own target causes?")
    }

    // MARK: Enrichment

    /// What is to be delivered; empty where the enrichment says that nothing is.
    private func enriched(_ records: [PipeRecord], _ outcome: inout Outcome) async throws -> [Item] {
        guard let enrichment = plan.enrichment else { return records.map { Item(record: $0, json: $0.parsed) } }
        let texts = try records.map { try text(of: $0.parsed, original: $0.json, plan.enrichmentTemplate) }
        let payload = PipeExecution.array(texts)
        outcome.log.add("ENRICHMENT_STAGE_ENTERED", .info, at: clock.now, data: payload)
        do {
            let action = enrichment.filled(from: records.first?.parsed ?? .null)
            let output = try await call(action, payload, records, "enrichment").output
            let answer = try PipeExecution.answer(output)
            outcome.log.add("ENRICHMENT_INVOCATION_SUCCEEDED", .trace, at: clock.now, data: answer.text)
            return PipeExecution.events(of: answer).map { Item(record: nil, json: $0) }
        } catch {
            outcome.log.add("ENRICHMENT_INVOCATION_FAILED", .error, at: clock.now, failure: TargetFailure(any: error))
            throw error
        }
    }

    /// The events that an enrichment's answer holds: none in an empty text, object or list, though one in a list of an
    /// empty object.
    static func events(of answer: JSON) -> [JSON] {
        switch answer {
        case .null, .string(""): []
        case .object(let object): object.isEmpty ? [] : [answer]
        case .array(let elements): elements
        default: [answer]
        }
    }

    /// What a function or an API destination answered.
    private static func answer(_ output: JSON) throws(TargetFailure) -> JSON {
        let payload = output["Payload"] ?? output["Body"]
        let json = payload?.string.map { text in text.isEmpty ? "" : (try? JSON(parsing: text)) ?? .string(text) }
        if let error = output["FunctionError"]?.string {
            throw TargetFailure(
                code: "FUNCTION_ERROR", message: "\(error): \((json ?? payload ?? .null).text)", isRetryable: true)
        }
        return json ?? payload ?? .null
    }

    // MARK: Target

    private func deliver(_ items: [Item], of records: [PipeRecord], _ outcome: inout Outcome) async throws {
        let isEnriched = items.contains { $0.record == nil }
        let texts = try items.map { item in
            try text(of: item.json, original: item.record?.json ?? item.json, plan.targetTemplate)
        }
        outcome.log.add("TARGET_STAGE_ENTERED", .info, at: clock.now, data: PipeExecution.array(texts))
        if case .batch(let action) = plan.delivery {
            return try await deliverBatch(texts, to: action, of: records, &outcome)
        }
        var blocked: Set<String> = []
        for (index, item) in items.enumerated() {
            if let record = item.record, let group = record.group, blocked.contains(group) {
                outcome.failed.append(record)
                continue
            }
            do {
                try await deliver(texts[index], item, records, index)
                if let record = item.record { outcome.done.append(record) }
            } catch {
                outcome.log.add("TARGET_INVOCATION_FAILED", .error, at: clock.now, failure: TargetFailure(any: error))
                guard let record = item.record else { throw error }
                outcome.failure = TargetFailure(any: error)
                outcome.failed.append(record)
                // What comes after it in its group must not overtake it.
                if let group = record.group { blocked.insert(group) }
            }
        }
        if isEnriched { outcome.done = records }
    }

    private func deliverBatch(
        _ texts: [String], to action: TargetAction, of records: [PipeRecord], _ outcome: inout Outcome
    ) async throws {
        let answer: JSON
        do {
            let output = try await call(action, PipeExecution.array(texts), records, "target").output
            answer = try PipeExecution.answer(output)
        } catch {
            outcome.log.add("TARGET_INVOCATION_FAILED", .error, at: clock.now, failure: TargetFailure(any: error))
            throw error
        }
        outcome.log.add("TARGET_INVOCATION_SUCCEEDED", .trace, at: clock.now, data: answer.text)
        let failed = try PipeExecution.failures(answer, of: records)
        outcome.done = records.filter { !failed.contains($0.identifier) }
        outcome.failed = records.filter { failed.contains($0.identifier) }
        if !failed.isEmpty {
            outcome.failure = TargetFailure(
                code: "BATCH_ITEM_FAILURES",
                message: "The target reported \(failed.count) of \(records.count) as failed.",
                isRetryable: true)
        }
    }

    /// The records that a function reports as failed: `{"batchItemFailures": [{"itemIdentifier": "…"}]}`.
    /// - Throws: `TargetFailure` where it reports one that it was not given, which means all of them.
    static func failures(_ answer: JSON, of records: [PipeRecord]) throws(TargetFailure) -> Set<String> {
        guard let failures = answer["batchItemFailures"]?.array else { return [] }
        let known = Set(records.map(\.identifier))
        var failed: Set<String> = []
        for failure in failures {
            guard let identifier = failure["itemIdentifier"]?.string, known.contains(identifier) else {
                throw TargetFailure(
                    code: "BATCH_ITEM_FAILURES",
                    message: "The target reported an item as failed that it was not given: \(failure.text)",
                    isRetryable: true)
            }
            failed.insert(identifier)
        }
        return failed
    }

    private func deliver(_ text: String, _ item: Item, _ records: [PipeRecord], _ index: Int) async throws {
        let sources = item.record.map { [$0] } ?? records
        let part = item.record == nil ? "target \(index)" : "target"
        switch plan.delivery {
        case .batch: preconditionFailure("a batch is delivered at once")
        case .sendCommand(let document):
            guard var request = try? JSON(parsing: text), request.object != nil else {
                throw TargetFailure(
                    code: "INVALID_PARAMETER",
                    message: "The input of a command document must be a request of ssm:SendCommand, with InstanceIds "
                        + "or Targets; it is: \(text.prefix(200))")
            }
            request["DocumentName"] = .string(document)
            request["ClientToken"] = .string(token(of: sources, part, isRepeated: true).description)
            _ = try await targets.caller.call("ssm:SendCommand", request, context(of: sources))
        case .each(let arn, let dynamic):
            let parameters = try dynamic.resolved(for: item.json, of: pipe, toBus: arn.name(ofType: "event-bus") != nil)
            let action = try TargetAction(arn, parameters, at: "Target")
            if case .send(let queue, let group) = action,
                let deduplication = try dynamic.messageDeduplication?.value(in: item.json)
            {
                var message = TargetCall.message(
                    .string(text), to: queue, group: group, token: token(of: sources, part, isRepeated: true))
                message["MessageDeduplicationId"] = .string(deduplication)
                _ = try await targets.caller.call("sqs:SendMessage", message, context(of: sources))
                return
            }
            _ = try await call(
                action, text, sources, part, isRepeated: true, time: try dynamic.logTime(of: item.json))
        }
    }

    // MARK: Calls

    private func call(
        _ action: TargetAction, _ text: String, _ records: [PipeRecord], _ part: String, isRepeated: Bool = false,
        time: Timestamp? = nil
    ) async throws(TargetFailure) -> (operation: String, output: JSON) {
        try await targets.call(
            action,
            TargetRequest(
                text: text, token: token(of: records, part, isRepeated: isRepeated), comment: "pipe \(pipe.name)",
                origin: pipe.name, time: time ?? clock.now, context: context(of: records)))
    }

    /// The same records make the same call, so that one repeated after a crash has no second effect.
    /// - Parameter isRepeated: Whether a record that comes again after a failure makes the same call too: not where the
    ///   call is known to have been made, and failed.
    private func token(of records: [PipeRecord], _ part: String, isRepeated: Bool) -> Identifier {
        let names = records.map { isRepeated ? $0.identifier : "\($0.identifier)#\($0.receives)" }
        return TargetCall.token(of: "\(pipe.arn(in: account)) \(part) \(names.joined(separator: " "))")
    }

    private func context(of records: [PipeRecord]) -> OperationContext {
        OperationContext(
            principal: pipe.principal, cause: subject, hops: (records.map(\.hops).max() ?? 0) + 1)
    }

    /// - Parameters:
    ///   - json: With its body read, for paths.
    ///   - original: What goes on where there is no template.
    private func text(of json: JSON, original: JSON, _ template: PipeTemplate?) throws -> String {
        guard let template else { return original.text }
        return try template.render(
            json, PipeTemplate.Context(pipe: pipe, arn: pipe.arn(in: account), time: clock.now))
    }

    /// A JSON array of texts, of which those that are no JSON become strings.
    private static func array(_ texts: [String]) -> String {
        "[" + texts.map { (try? JSON(parsing: $0)) == nil ? JSON.string($0).text : $0 }.joined(separator: ",") + "]"
    }
}
