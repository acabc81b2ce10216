import Core
import Documents
import Testing

/// Every state of an execution against every input.
@Suite struct RunbookMachineTests {
    typealias Action = RunbookMachine.Action

    enum State: String, CaseIterable {
        case ready, running, stopping, sleeping, backingOff, cleaningUp, succeeded, failed, cancelled
    }

    enum Input: String, CaseIterable {
        case start, success, failure, finalFailure, timeout, cancel, earlyTimer, timer
    }

    static let now = RunbookScript.time(100)
    static let sleepEnd = RunbookScript.time(60)
    static let failure = RunbookStepFailure("no")

    /// An execution brought to a state by the shortest way.
    static func machine(in state: State) throws -> RunbookMachine {
        let begin = RunbookScript.start
        let first =
            state == .sleeping
            ? "name: a, action: 'aws:sleep', inputs: {Duration: PT60S}, onCancel: step:c"
            : "name: a, maxAttempts: 2, onCancel: step:c, outputs: [{Name: o, Selector: $.o, Type: String}]"
        var machine = try RunbookScript.machine([first, "name: b", "name: c, maxAttempts: 2"])
        if state == .ready { return machine }
        _ = machine.start(now: begin)
        switch state {
        case .ready, .running, .sleeping: break
        case .stopping: _ = machine.cancel(now: begin)
        case .backingOff: _ = machine.stepFailed(failure, now: RunbookScript.time(59))
        case .cleaningUp:
            _ = machine.cancel(now: begin)
            _ = machine.stepFailed(failure, now: begin)
        case .succeeded:
            _ = machine.stepSucceeded(["o": "x"], now: begin)
            _ = machine.stepSucceeded([:], now: begin)
            _ = machine.stepSucceeded([:], now: begin)
        case .failed: _ = machine.stepFailed(RunbookStepFailure("no", isRetriable: false), now: begin)
        case .cancelled:
            _ = machine.cancel(now: begin)
            _ = machine.stepFailed(failure, now: begin)
            _ = machine.stepSucceeded([:], now: begin)
        }
        return machine
    }

    static func give(_ input: Input, to machine: inout RunbookMachine) -> Action {
        switch input {
        case .start: machine.start(now: now)
        case .success: machine.stepSucceeded(["o": "x"], now: now)
        case .failure: machine.stepFailed(failure, now: now)
        case .finalFailure: machine.stepFailed(RunbookStepFailure("no", isRetriable: false), now: now)
        case .timeout: machine.stepFailed(RunbookStepFailure("late", isTimeout: true), now: now)
        case .cancel: machine.cancel(now: now)
        case .earlyTimer: machine.timerFired(now: RunbookScript.time(59))
        case .timer: machine.timerFired(now: now)
        }
    }

    /// The answer to an input, in short: the kind of action and what it is about.
    static func short(_ action: Action) -> String {
        switch action {
        case .start(let step): "start \(step.name) \(step.attempt)"
        case .cancel(let step): "cancel \(step)"
        case .wait(let until): "wait \((until.microseconds - RunbookScript.start.microseconds) / 1_000_000)"
        case .finish(let status): "finish \(status.rawValue)"
        case .nothing: "nothing"
        }
    }

    /// What is not listed is answered by nothing, and changes nothing.
    static let table: [State: [Input: String]] = [
        .ready: [.start: "start a 1", .cancel: "finish Cancelled"],
        .running: [
            .success: "start b 1", .failure: "wait 101", .timeout: "wait 101", .finalFailure: "finish Failed",
            .cancel: "cancel a",
        ],
        .stopping: [
            .success: "start c 1", .failure: "start c 1", .timeout: "start c 1", .finalFailure: "start c 1",
        ],
        .sleeping: [.cancel: "start c 1", .earlyTimer: "wait 60", .timer: "start b 1"],
        .backingOff: [.cancel: "start c 1", .earlyTimer: "wait 60", .timer: "start a 2"],
        .cleaningUp: [
            .success: "finish Cancelled", .failure: "wait 101", .timeout: "wait 101",
            .finalFailure: "finish Cancelled",
        ],
    ]

    @Test("Every input in every state has its answer", arguments: State.allCases, Input.allCases)
    func transition(state: State, input: Input) throws {
        var machine = try Self.machine(in: state)
        let before = machine
        let expected = Self.table[state]?[input] ?? "nothing"
        let action = Self.give(input, to: &machine)
        #expect(Self.short(action) == expected)
        if expected == "nothing" { #expect(machine == before) }
        // What was decided survives a restart.
        let resumed = try #require(RunbookMachine(resuming: machine.json, document: machine.document))
        #expect(resumed == machine)
        if expected != "nothing" { #expect(resumed.pendingAction == action) }
    }

    @Test(
        "Each state shows its status",
        arguments: [
            (.ready, .pending, .pending), (.running, .inProgress, .inProgress), (.stopping, .cancelling, .inProgress),
            (.sleeping, .inProgress, .inProgress), (.backingOff, .inProgress, .inProgress),
            (.cleaningUp, .cancelling, .cancelled), (.succeeded, .success, .success), (.failed, .failed, .failed),
            (.cancelled, .cancelled, .cancelled),
        ] as [(State, RunbookStatus, RunbookStatus)])
    func statuses(state: State, execution: RunbookStatus, firstStep: RunbookStatus) throws {
        let machine = try Self.machine(in: state)
        #expect(machine.status == execution)
        #expect(machine.steps[0].status == firstStep)
    }

    @Test("A step that ends well before the cancel reaches it is recorded so, and the cancel goes on")
    func lateSuccess() throws {
        var machine = try Self.machine(in: .stopping)
        guard case .start(let step) = machine.stepSucceeded(["o": "x"], now: Self.now) else {
            Issue.record("nothing cleans up")
            return
        }
        #expect(step.name == "c")
        #expect(machine.steps.map(\.status) == [.success, .pending, .inProgress])
        #expect(machine.steps[0].nextStep == "c")
    }

    @Test("Cleaning up may take two minutes in all")
    func cleaningTime() throws {
        var machine = try Self.machine(in: .stopping)
        guard case .start(let step) = machine.stepFailed(Self.failure, now: Self.now) else {
            Issue.record("nothing cleans up")
            return
        }
        // An API call may take 25 seconds.
        #expect(step.deadline == Self.now + .seconds(25))
        let late = Self.now + .seconds(119)
        #expect(machine.stepFailed(Self.failure, now: late) == .wait(until: Self.now + .seconds(120)))
        #expect(machine.timerFired(now: Self.now + .seconds(120)) == .finish(.cancelled))
        #expect(machine.steps.map(\.status) == [.cancelled, .pending, .cancelled])
    }

    @Test("A chain of cleaning steps follows its own order, and is cut at its end")
    func chain() throws {
        func cancelled() throws -> RunbookMachine {
            var machine = try RunbookScript.machine(
                ["name: a, onCancel: step:c", "name: b, isEnd: true", "name: c, nextStep: e", "name: d", "name: e"])
            _ = machine.start(now: RunbookScript.start)
            _ = machine.cancel(now: RunbookScript.start)
            _ = machine.stepFailed(Self.failure, now: RunbookScript.start)
            return machine
        }
        var whole = try cancelled()
        #expect(Self.short(whole.stepSucceeded([:], now: RunbookScript.time(10))) == "start e 1")
        #expect(whole.stepSucceeded([:], now: RunbookScript.time(20)) == .finish(.cancelled))
        #expect(whole.steps.map(\.status) == [.cancelled, .pending, .success, .pending, .success])
        var cut = try cancelled()
        #expect(cut.stepSucceeded([:], now: RunbookScript.time(120)) == .finish(.cancelled))
        #expect(cut.steps.map(\.status) == [.cancelled, .pending, .success, .pending, .pending])
    }

    @Test("A state that is none, or of another document, resumes nothing")
    func badState() throws {
        let machine = try Self.machine(in: .running)
        let other = try RunbookScript.machine(["name: x"])
        #expect(RunbookMachine(resuming: machine.json, document: other.document) == nil)
        for member in ["Parameters", "Status", "Phase", "Steps", "Context"] {
            var state = machine.json
            state[member] = "?"
            #expect(RunbookMachine(resuming: state, document: machine.document) == nil, "\(member)")
        }
        var beyond = machine.json
        beyond["Phase"] = ["Kind": "Running", "Step": 3]
        #expect(RunbookMachine(resuming: beyond, document: machine.document) == nil)
    }
}
