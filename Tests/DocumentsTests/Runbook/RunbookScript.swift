import Core
import Documents
import Testing

/// Executions for tests: runbooks from the lines of their steps, run by answering their actions.
enum RunbookScript {
    /// The time at which executions start.
    static let start = Timestamp(seconds: 1_800_000_000)

    static func time(_ seconds: Int64) -> Timestamp { start + .seconds(seconds) }

    /// An execution of these steps; one whose inputs are not given calls an API.
    static func machine(
        _ steps: [String], head: String = "", supplied: [String: [String]] = [:]
    ) throws -> RunbookMachine {
        let lines = steps.map { members in
            let action = members.contains("action:") ? "" : ", action: 'aws:executeAwsApi'"
            let inputs = members.contains("inputs:") ? "" : ", inputs: {Service: ssm, Api: Do}"
            return "  - {\(members)\(action)\(inputs)}\n"
        }
        let document = try document(runbookText(lines.joined(), head))
        return RunbookMachine(
            document: document, parameters: try Parameters(binding: supplied, to: document),
            context: RunbookContext(executionID: "execution-1", account: Account()))
    }

    /// What a step answers in ``run(_:_:)``.
    enum Answer: Sendable {
        case success(JSON)
        case failure
        case final
        case timeout
    }

    /// Runs an execution to its end: each start of a step takes the next of its answers, the last one for ever, and a
    /// success where it has none; time jumps to every instant that is waited for. The machine goes through its
    /// persisted form before each input.
    /// - Returns: The names of the steps started, and the seconds it all took.
    static func run(
        _ machine: inout RunbookMachine, _ answers: [String: [Answer]] = [:]
    ) throws -> (
        started: [String], seconds: Int64
    ) {
        var started: [String] = []
        var now = start
        var action = machine.start(now: now)
        for _ in 0..<1000 {
            let resumed = RunbookMachine(resuming: machine.json, document: machine.document)
            #expect(resumed == machine)
            #expect(machine.pendingAction == action)
            switch action {
            case .start(let step):
                let given = answers[step.name] ?? []
                let answer = given.isEmpty ? .success([:]) : given[min(step.attempt, given.count) - 1]
                started.append(step.name)
                switch answer {
                case .success(let response): action = machine.stepSucceeded(response, now: now)
                case .failure: action = machine.stepFailed(RunbookStepFailure("no"), now: now)
                case .final: action = machine.stepFailed(RunbookStepFailure("no", isRetriable: false), now: now)
                case .timeout:
                    now = step.deadline
                    action = machine.stepFailed(RunbookStepFailure("late", isTimeout: true), now: now)
                }
            case .wait(let until):
                now = until
                action = machine.timerFired(now: now)
            case .finish: return (started, (now.microseconds - start.microseconds) / 1_000_000)
            case .cancel, .nothing:
                Issue.record("the execution answers \(action)")
                return (started, 0)
            }
        }
        Issue.record("the execution does not end")
        return (started, 0)
    }
}
