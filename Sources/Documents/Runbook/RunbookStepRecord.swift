public import Core

/// What an execution knows of one step; retries share the record.
/// - Source: SSM API model, `StepExecution`.
public struct RunbookStepRecord: Sendable, Hashable {
    /// Unique in the runbook.
    public let name: String
    /// Such as `aws:runCommand`.
    public let action: String
    /// `pending` for ever where the execution never came to it.
    public internal(set) var status = RunbookStatus.pending
    /// 0 before the first.
    public internal(set) var attempt = 0
    /// Of the first attempt.
    public internal(set) var startedAt: Timestamp?
    /// Nil until the step is over.
    public internal(set) var endedAt: Timestamp?
    /// Of the present attempt, once it was started.
    public internal(set) var deadline: Timestamp?
    /// Resolved; of the last attempt.
    public internal(set) var inputs: JSON?
    /// The action's own and the declared ones, typed.
    public internal(set) var outputs = JSONObject()
    /// What the action answered, once it did.
    public internal(set) var response: JSON?
    /// Of the last attempt, also while another is awaited.
    public internal(set) var failure: RunbookStepFailure?
    /// The step gone to afterwards; nil before, and at the end of the execution.
    public internal(set) var nextStep: String?

    // The settings as resolved when the step began.

    /// 1 or more.
    public internal(set) var maxAttempts = 1
    /// For each attempt.
    public internal(set) var timeoutSeconds = 0
    /// Whether the execution ends with this step.
    public internal(set) var isEnd = false
    /// Whether a failure of this step is one of the execution.
    public internal(set) var isCritical = true

    init(_ step: RunbookStep) {
        name = step.name
        action = step.action
    }

    /// Inputs as the API shows them: each one text.
    public var inputTexts: [String: String] {
        var texts: [String: String] = [:]
        for member in inputs?.object ?? JSONObject() { texts[member.key] = member.value.insertedText }
        return texts
    }

    /// Outputs as the API shows them: each a list of texts.
    public var outputTexts: [String: [String]] {
        var texts: [String: [String]] = [:]
        for member in outputs { texts[member.key] = member.value.apiTexts }
        return texts
    }

    /// What later steps may refer to: the outputs, and under `Output` the whole response unless that name is taken.
    var referable: JSONObject {
        var values = outputs
        if values["Output"] == nil, status == .success, let response { values.append("Output", response) }
        return values
    }
}

extension RunbookStepRecord {
    var json: JSON {
        var json: JSON = [
            "Name": .string(name), "Action": .string(action), "Status": .string(status.rawValue),
            "Attempt": .integer(attempt), "MaxAttempts": .integer(maxAttempts),
            "TimeoutSeconds": .integer(timeoutSeconds), "IsEnd": .bool(isEnd), "IsCritical": .bool(isCritical),
            "Outputs": .object(outputs),
        ]
        json["StartedAt"] = startedAt.map { .integer($0.microseconds) }
        json["EndedAt"] = endedAt.map { .integer($0.microseconds) }
        json["Deadline"] = deadline.map { .integer($0.microseconds) }
        json["Inputs"] = inputs
        json["Response"] = response
        json["NextStep"] = nextStep.map { .string($0) }
        if let failure {
            json["Failure"] = [
                "Message": .string(failure.message), "Stage": .string(failure.stage.rawValue),
                "Kind": .string(failure.kind.rawValue), "IsRetriable": .bool(failure.isRetriable),
                "IsTimeout": .bool(failure.isTimeout),
            ]
        }
        return json
    }

    init?(_ json: JSON) {
        guard let name = json["Name"]?.string, let action = json["Action"]?.string,
            let status = json["Status"]?.string.flatMap(RunbookStatus.init(rawValue:)),
            let attempt = json["Attempt"]?.int, let maxAttempts = json["MaxAttempts"]?.int,
            let timeoutSeconds = json["TimeoutSeconds"]?.int, let isEnd = json["IsEnd"]?.bool,
            let isCritical = json["IsCritical"]?.bool, let outputs = json["Outputs"]?.object
        else { return nil }
        self.name = name
        self.action = action
        self.status = status
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.timeoutSeconds = timeoutSeconds
        self.isEnd = isEnd
        self.isCritical = isCritical
        self.outputs = outputs
        startedAt = json["StartedAt"]?.microseconds
        endedAt = json["EndedAt"]?.microseconds
        deadline = json["Deadline"]?.microseconds
        inputs = json["Inputs"]
        response = json["Response"]
        nextStep = json["NextStep"]?.string
        failure = json["Failure"].flatMap { RunbookStepFailure($0) }
    }
}

extension RunbookStepFailure {
    fileprivate init?(_ json: JSON) {
        guard let message = json["Message"]?.string,
            let stage = json["Stage"]?.string.flatMap(Stage.init(rawValue:)),
            let kind = json["Kind"]?.string.flatMap(Kind.init(rawValue:)),
            let isRetriable = json["IsRetriable"]?.bool, let isTimeout = json["IsTimeout"]?.bool
        else { return nil }
        self.init(message, stage: stage, kind: kind, isRetriable: isRetriable, isTimeout: isTimeout)
    }
}

extension JSON {
    /// An instant kept as whole microseconds.
    var microseconds: Timestamp? { int.map { Timestamp(microseconds: Int64($0)) } }
}
