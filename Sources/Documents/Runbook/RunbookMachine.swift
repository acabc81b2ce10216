public import Core

/// One automation execution: which step of a runbook is next, and what became of the whole.
///
/// A value that decides and does nothing. The caller starts, cancels and waits as it is told, reports what happened
/// with the present time, and keeps ``json`` whenever it changed; the machine reads no clock. It sleeps, branches,
/// retries and checks asserted properties itself, so that the caller only ever runs actions. A call that does not fit
/// the state, such as the late report of a step that was given up, changes nothing.
/// - Source: Systems Manager user guide, "Automation actions reference", shared properties of actions.
public struct RunbookMachine: Sendable, Equatable {
    /// What the caller is to do.
    public enum Action: Sendable, Equatable {
        case start(RunbookStepStart)
        /// End the step that runs, then report its end.
        case cancel(step: String)
        /// Call ``timerFired(now:)`` at that time.
        case wait(until: Timestamp)
        case finish(RunbookStatus)
        case nothing
    }

    enum Phase: Sendable, Hashable {
        case ready
        case running(Int)
        /// Running, and asked to end because of a cancel.
        case stopping(Int)
        /// `aws:sleep`.
        case sleeping(Int, until: Timestamp)
        /// Between two attempts.
        case backingOff(Int, until: Timestamp)
        case finished
    }

    /// How long the steps that clean up after a cancel may take together.
    static let cancelChainSeconds: Int64 = 120
    /// Before the second attempt; doubled for each further one.
    static let backoffSeconds: Int64 = 1
    static let backoffSecondsMax: Int64 = 30

    /// What is run.
    public let document: Document
    /// With what.
    public let parameters: Parameters
    /// Under which name, and where.
    public let context: RunbookContext
    /// Where the execution is.
    public internal(set) var status = RunbookStatus.pending
    /// One for each step of the runbook, in the order written.
    public internal(set) var steps: [RunbookStepRecord]
    var phase = Phase.ready
    let variables: JSONObject
    /// Until when the steps after a cancel may run; nil before a cancel.
    var chainEnd: Timestamp?
    /// How the last critical step that failed did so, which is how the execution ends.
    var criticalFailure: RunbookStatus?

    /// - Parameter document: A runbook; anything else has no steps, and ends as soon as it starts.
    public init(document: Document, parameters: Parameters, context: RunbookContext) {
        self.document = document
        self.parameters = parameters
        self.context = context
        steps = (document.runbook?.steps ?? []).map { RunbookStepRecord($0) }
        let defaults = (document.runbook?.variables ?? []).compactMap { variable in
            variable.defaultValue.map { JSONObject.Member(key: variable.name, value: $0) }
        }
        variables = JSONObject(defaults)
    }

    // MARK: Inputs

    /// Begins with the first step.
    public mutating func start(now: Timestamp) -> Action {
        guard phase == .ready else { return .nothing }
        status = .inProgress
        return go(to: steps.isEmpty ? nil : 0, now)
    }

    /// Takes the response of the step that runs, an object.
    public mutating func stepSucceeded(_ response: JSON, now: Timestamp) -> Action {
        switch phase {
        case .running(let index): return proceed(settle(index, response: response, now), now)
        case .stopping(let index):
            // It was over before the cancel reached it; its record says so, and the cancel goes on.
            _ = settle(index, response: response, now)
            return cleanUp(after: index, now)
        default: return .nothing
        }
    }

    /// Takes the failure of the present attempt.
    public mutating func stepFailed(_ failure: RunbookStepFailure, now: Timestamp) -> Action {
        switch phase {
        case .running(let index): return proceed(fail(index, failure, now), now)
        case .stopping(let index):
            markCancelled(index, now)
            return cleanUp(after: index, now)
        default: return .nothing
        }
    }

    /// Ends the execution, after the steps that the present step's `onCancel` leads to.
    public mutating func cancel(now: Timestamp) -> Action {
        guard status != .cancelling else { return .nothing }
        switch phase {
        case .finished: return .nothing
        case .ready:
            status = .cancelling
            return finish()
        case .running(let index), .stopping(let index):
            status = .cancelling
            phase = .stopping(index)
            return .cancel(step: steps[index].name)
        case .sleeping(let index, _), .backingOff(let index, _):
            status = .cancelling
            markCancelled(index, now)
            return cleanUp(after: index, now)
        }
    }

    /// Takes the time that ``Action/wait(until:)`` asked for; earlier, it is asked for again.
    public mutating func timerFired(now: Timestamp) -> Action {
        switch phase {
        case .sleeping(let index, let until), .backingOff(let index, let until):
            if now < until { return .wait(until: until) }
            if let chainEnd, now >= chainEnd {
                markCancelled(index, now)
                return finish()
            }
            if case .backingOff = phase { return proceed(attempt(index, now), now) }
            return proceed(succeed(index, JSONObject(), now), now)
        default: return .nothing
        }
    }

    // MARK: Outcome

    /// The values that the runbook answers, of those steps that gave them: `step.Name` with the value.
    public var outputs: JSONObject {
        var outputs = JSONObject()
        for name in document.runbook?.outputs ?? [] {
            guard let dot = name.firstIndex(of: "."),
                let step = steps.first(where: { $0.name == name[..<dot] }),
                let value = step.referable[String(name[name.index(after: dot)...])]
            else { continue }
            outputs.append(name, value)
        }
        return outputs
    }

    /// Why the execution did not succeed: the message of the last step that failed; nil where none did.
    public var failureMessage: String? {
        let failed = steps.filter { $0.status == .failed || $0.status == .timedOut }
        let last = failed.max { ($0.endedAt?.microseconds ?? 0) < ($1.endedAt?.microseconds ?? 0) }
        return last.flatMap { step in step.failure.map { "step \"\(step.name)\": \($0.message)" } }
    }
}

/// A step to start now.
public struct RunbookStepStart: Sendable, Hashable {
    /// Its place among the steps of the runbook.
    public let index: Int
    /// Unique in the runbook.
    public let name: String
    /// Such as `aws:runCommand`.
    public let action: String
    /// From 1.
    public let attempt: Int
    /// An object, references resolved.
    public let inputs: JSON
    /// From then on the attempt is to be ended, and reported as timed out.
    public let deadline: Timestamp
}
