public import Core

extension RunbookMachine {
    /// Everything but the document, for ``init(resuming:document:)``.
    public var json: JSON {
        var json: JSON = [
            "Parameters": .object(parameters.values), "Status": .string(status.rawValue), "Phase": phase.json,
            "Steps": .array(steps.map(\.json)),
            "Context": [
                "ExecutionId": .string(context.executionID), "Account": .string(context.account.id),
                "Region": .string(context.account.region), "Partition": .string(context.partition),
            ],
        ]
        json["ChainEnd"] = chainEnd.map { .integer($0.microseconds) }
        json["CriticalFailure"] = criticalFailure.map { .string($0.rawValue) }
        return json
    }

    /// An execution as its ``json`` was kept.
    ///
    /// Go on with ``pendingAction``.
    /// - Returns: Nil where the text is no such state, or of another document.
    public init?(resuming json: JSON, document: Document) {
        guard let parameters = json["Parameters"]?.object,
            let status = json["Status"]?.string.flatMap(RunbookStatus.init(rawValue:)),
            let context = json["Context"].flatMap({ RunbookContext($0) }),
            let steps = json["Steps"]?.array?.map({ RunbookStepRecord($0) }),
            let phase = json["Phase"].flatMap({ Phase($0, stepCount: steps.count) })
        else { return nil }
        self.init(
            document: document, parameters: Parameters(bound: parameters, to: document), context: context)
        guard steps.map({ $0?.name }) == self.steps.map(\.name) else { return nil }
        self.status = status
        self.steps = steps.compactMap { $0 }
        self.phase = phase
        chainEnd = json["ChainEnd"]?.microseconds
        criticalFailure = json["CriticalFailure"]?.string.flatMap(RunbookStatus.init(rawValue:))
    }

    /// What the caller was last told to do, for one that has forgotten: the step to watch or end, the time to wait for.
    ///
    /// For a step that was started it is `start` once more: only the caller knows whether the step still runs, must be
    /// started again, or is to be reported as failed.
    public var pendingAction: Action {
        switch phase {
        case .ready: return .nothing
        case .running(let index):
            let record = steps[index]
            return .start(
                RunbookStepStart(
                    index: index, name: record.name, action: record.action, attempt: record.attempt,
                    inputs: record.inputs ?? [:], deadline: record.deadline ?? Timestamp(microseconds: 0)))
        case .stopping(let index): return .cancel(step: steps[index].name)
        case .sleeping(_, let until), .backingOff(_, let until): return .wait(until: until)
        case .finished: return .finish(status)
        }
    }
}

extension RunbookMachine.Phase {
    fileprivate var json: JSON {
        switch self {
        case .ready: ["Kind": "Ready"]
        case .running(let index): ["Kind": "Running", "Step": .integer(index)]
        case .stopping(let index): ["Kind": "Stopping", "Step": .integer(index)]
        case .sleeping(let index, let until):
            ["Kind": "Sleeping", "Step": .integer(index), "Until": .integer(until.microseconds)]
        case .backingOff(let index, let until):
            ["Kind": "BackingOff", "Step": .integer(index), "Until": .integer(until.microseconds)]
        case .finished: ["Kind": "Finished"]
        }
    }

    fileprivate init?(_ json: JSON, stepCount: Int) {
        let index = json["Step"]?.int ?? 0
        guard (0..<max(1, stepCount)).contains(index) else { return nil }
        switch (json["Kind"]?.string, json["Until"]?.microseconds) {
        case ("Ready", _): self = .ready
        case ("Running", _): self = .running(index)
        case ("Stopping", _): self = .stopping(index)
        case ("Sleeping", let until?): self = .sleeping(index, until: until)
        case ("BackingOff", let until?): self = .backingOff(index, until: until)
        case ("Finished", _): self = .finished
        default: return nil
        }
    }
}

extension RunbookContext {
    fileprivate init?(_ json: JSON) {
        guard let execution = json["ExecutionId"]?.string, let account = json["Account"]?.string,
            let region = json["Region"]?.string, let partition = json["Partition"]?.string
        else { return nil }
        self.init(executionID: execution, account: Account(id: account, region: region), partition: partition)
    }
}
