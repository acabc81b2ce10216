internal import Core

/// The transitions: beginning a step, ending it, and going on from there.
extension RunbookMachine {
    /// What a step comes to when it is begun or ended.
    enum Progress {
        /// It needs the caller.
        case waits(Action)
        /// It is over, and this is next; nil for the end of the execution.
        case goes(to: Int?)
    }

    // MARK: Going on

    mutating func proceed(_ progress: Progress, _ now: Timestamp) -> Action {
        switch progress {
        case .waits(let action): action
        case .goes(let target): go(to: target, now)
        }
    }

    /// Begins steps until one needs the caller.
    mutating func go(to target: Int?, _ now: Timestamp) -> Action {
        var target = target
        while let index = target {
            if let chainEnd, now >= chainEnd { break }
            switch begin(index, now) {
            case .waits(let action): return action
            case .goes(let next): target = next
            }
        }
        return finish()
    }

    mutating func finish() -> Action {
        phase = .finished
        status = status == .cancelling ? .cancelled : criticalFailure ?? .success
        return .finish(status)
    }

    /// Goes on from a cancelled step: to what its `onCancel` names, for two minutes at most.
    mutating func cleanUp(after index: Int, _ now: Timestamp) -> Action {
        // A second cancel, of the cleaning itself, does not get here: it changes nothing.
        steps[index].nextStep = nil
        guard chainEnd == nil, let name = step(index).onCancel, let target = document.runbook?.index(of: name) else {
            return finish()
        }
        chainEnd = now + .seconds(Self.cancelChainSeconds)
        steps[index].nextStep = name
        return go(to: target, now)
    }

    func step(_ index: Int) -> RunbookStep {
        guard let runbook = document.runbook else { preconditionFailure("only runbooks have steps") }
        return runbook.steps[index]
    }

    // MARK: Beginning

    func scope(_ now: Timestamp) -> RunbookScope {
        var outputs: [String: JSONObject] = [:]
        for step in steps { outputs[step.name] = step.referable }
        return RunbookScope(
            parameters: parameters, variables: variables, outputs: outputs, context: context, now: now)
    }

    private mutating func begin(_ index: Int, _ now: Timestamp) -> Progress {
        // A step may come twice: once on the way, once to clean up after a cancel.
        steps[index] = RunbookStepRecord(step(index))
        steps[index].status = .inProgress
        steps[index].startedAt = now
        do throws(DocumentError) {
            try resolveSettings(index, scope(now))
        } catch {
            return fail(index, Self.inputFailure(error), now)
        }
        return attempt(index, now)
    }

    private mutating func resolveSettings(_ index: Int, _ scope: RunbookScope) throws(DocumentError) {
        let step = step(index)
        let schema = ActionSchema.runbook(step.action) ?? ActionSchema()
        steps[index].isEnd = try scope.flag(step.isEnd, "isEnd")
        steps[index].isCritical =
            try step.isCritical.map { setting throws(DocumentError) in
                try scope.flag(setting, "isCritical")
            } ?? (step.onFailure != .proceed)
        steps[index].maxAttempts = max(1, try scope.integer(step.maxAttempts, "maxAttempts"))
        let seconds = try step.timeoutSeconds.map { setting throws(DocumentError) in
            try scope.integer(setting, "timeoutSeconds")
        }
        // 0 and less are what some authors write for none.
        let wanted = seconds.flatMap { $0 > 0 ? $0 : nil } ?? schema.timeoutSeconds
        steps[index].timeoutSeconds = min(wanted, schema.timeoutSecondsMax)
    }

    mutating func attempt(_ index: Int, _ now: Timestamp) -> Progress {
        steps[index].attempt += 1
        let step = step(index)
        let scope = scope(now)
        do throws(DocumentError) {
            let inputs = try scope.resolve(step.inputs)
            steps[index].inputs = inputs
            switch step.action {
            case "aws:branch":
                let branch = try Branch(reading: step.inputsNode, owner: "step \"\(step.name)\"")
                let target = try branch.target { value throws(DocumentError) in try scope.resolve(value) }
                return succeed(index, JSONObject(), now, target: target)
            case "aws:sleep": return try sleep(index, inputs, now)
            default: return start(index, inputs, now)
            }
        } catch {
            return fail(index, Self.inputFailure(error), now)
        }
    }

    private mutating func start(_ index: Int, _ inputs: JSON, _ now: Timestamp) -> Progress {
        phase = .running(index)
        let deadline = now + .seconds(steps[index].timeoutSeconds)
        steps[index].deadline = chainEnd.map { min($0, deadline) } ?? deadline
        return .waits(pendingAction)
    }

    private mutating func sleep(_ index: Int, _ inputs: JSON, _ now: Timestamp) throws(DocumentError) -> Progress {
        var until = try SleepInputs(inputs).end(from: now)
        guard until > now else { return succeed(index, JSONObject(), now) }
        if let chainEnd { until = min(until, chainEnd) }
        phase = .sleeping(index, until: until)
        return .waits(.wait(until: until))
    }

    private static func inputFailure(_ error: DocumentError) -> RunbookStepFailure {
        RunbookStepFailure(
            "the inputs could not be resolved: \(error)", stage: .inputValidation, kind: .verification,
            isRetriable: false)
    }

    // MARK: Ending

    /// Takes a response: reads the outputs, checks what is asserted.
    mutating func settle(_ index: Int, response: JSON, _ now: Timestamp) -> Progress {
        steps[index].response = response
        let reader = StepResponse(step: step(index), response: response)
        do throws(RunbookStepFailure) {
            if steps[index].action == "aws:assertAwsResourceProperty" {
                try reader.assert(steps[index].inputs ?? .null)
            }
            return succeed(index, try reader.outputs(), now)
        } catch {
            return fail(index, error, now)
        }
    }

    /// - Parameter target: Where a branch leads.
    mutating func succeed(
        _ index: Int, _ outputs: JSONObject, _ now: Timestamp, target: String? = nil
    ) -> Progress {
        steps[index].status = .success
        steps[index].endedAt = now
        steps[index].failure = nil
        steps[index].outputs = outputs
        return leave(index, to: target)
    }

    mutating func fail(_ index: Int, _ failure: RunbookStepFailure, _ now: Timestamp) -> Progress {
        steps[index].failure = failure
        let isCancelling = phase == .stopping(index)
        // A cancel leaves no time for another attempt.
        if failure.isRetriable, steps[index].attempt < steps[index].maxAttempts, !isCancelling {
            var until = now + .seconds(backoff(after: steps[index].attempt))
            if let chainEnd { until = min(until, chainEnd) }
            phase = .backingOff(index, until: until)
            return .waits(.wait(until: until))
        }
        steps[index].status = failure.isTimeout ? .timedOut : .failed
        steps[index].endedAt = now
        let route = step(index).onFailure
        // An aborted execution is never a success, whatever the step says of its own weight.
        if steps[index].isCritical || route == .abort { criticalFailure = steps[index].status }
        switch route {
        case .abort: return .goes(to: nil)
        case .proceed: return leave(index)
        case .step(let name): return leave(index, to: name)
        }
    }

    private func backoff(after attempt: Int) -> Int64 {
        min(Self.backoffSeconds << min(attempt - 1, 10), Self.backoffSecondsMax)
    }

    mutating func markCancelled(_ index: Int, _ now: Timestamp) {
        steps[index].status = .cancelled
        steps[index].endedAt = now
    }

    /// Where to go after a step: where it was sent, else nowhere at an end, else to `nextStep`, else on in the list.
    private mutating func leave(_ index: Int, to name: String? = nil) -> Progress {
        var target: Int?
        if let name {
            target = document.runbook?.index(of: name)
        } else if steps[index].isEnd {
            target = nil
        } else if let name = step(index).nextStep {
            target = document.runbook?.index(of: name)
        } else if index + 1 < steps.count {
            target = index + 1
        }
        steps[index].nextStep = target.map { steps[$0].name }
        return .goes(to: target)
    }
}

extension RunbookScope {
    fileprivate func flag(_ setting: Setting<Bool>, _ name: String) throws(DocumentError) -> Bool {
        guard case .reference(let text) = setting else { return setting.known ?? false }
        let value = try resolve(.string(text))
        guard let flag = value.plainText.flatMap(Bool.init(spelled:)) else {
            throw DocumentError(.type, "\(name) must be true or false, not \(value.text.prefix(60))")
        }
        return flag
    }

    fileprivate func integer(_ setting: Setting<Int>, _ name: String) throws(DocumentError) -> Int {
        guard case .reference(let text) = setting else { return setting.known ?? 0 }
        let value = try resolve(.string(text))
        guard let integer = value.plainText.flatMap({ JSONNumber(uncheckedText: $0).int }) else {
            throw DocumentError(.type, "\(name) must be an integer, not \(value.text.prefix(60))")
        }
        return integer
    }
}
