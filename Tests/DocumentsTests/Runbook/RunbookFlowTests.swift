import Core
import Documents
import Testing

@Suite struct RunbookFlowTests {
    struct Flow: Sendable, CustomTestStringConvertible {
        var title: String
        var steps: [String]
        var answers: [String: [RunbookScript.Answer]] = [:]
        var started: [String]
        var status: RunbookStatus
        var statuses: [RunbookStatus]
        var testDescription: String { title }
    }

    static let flows = [
        Flow(
            title: "in the order of the list", steps: ["name: a", "name: b"], started: ["a", "b"], status: .success,
            statuses: [.success, .success]),
        Flow(
            title: "isEnd ends", steps: ["name: a, isEnd: true", "name: b"], started: ["a"], status: .success,
            statuses: [.success, .pending]),
        Flow(
            title: "nextStep", steps: ["name: a, nextStep: c", "name: b", "name: c"], started: ["a", "c"],
            status: .success, statuses: [.success, .pending, .success]),
        Flow(
            title: "a failure aborts", steps: ["name: a", "name: b"], answers: ["a": [.failure]], started: ["a"],
            status: .failed, statuses: [.failed, .pending]),
        Flow(
            title: "a timeout aborts as such", steps: ["name: a", "name: b"], answers: ["a": [.timeout]],
            started: ["a"], status: .timedOut, statuses: [.timedOut, .pending]),
        Flow(
            title: "an aborted execution is no success even of a step that is not critical",
            steps: ["name: a, isCritical: false"], answers: ["a": [.failure]], started: ["a"], status: .failed,
            statuses: [.failed]),
        Flow(
            title: "Continue goes on, and the step is not critical",
            steps: ["name: a, onFailure: Continue", "name: b"], answers: ["a": [.failure]], started: ["a", "b"],
            status: .success, statuses: [.failed, .success]),
        Flow(
            title: "Continue with isCritical fails in the end",
            steps: ["name: a, onFailure: Continue, isCritical: true", "name: b"], answers: ["a": [.failure]],
            started: ["a", "b"], status: .failed, statuses: [.failed, .success]),
        Flow(
            title: "Continue follows nextStep",
            steps: ["name: a, onFailure: Continue, nextStep: c", "name: b", "name: c"],
            answers: ["a": [.failure]], started: ["a", "c"], status: .success,
            statuses: [.failed, .pending, .success]),
        Flow(
            title: "Continue with isEnd ends", steps: ["name: a, onFailure: Continue, isEnd: true", "name: b"],
            answers: ["a": [.failure]], started: ["a"], status: .success, statuses: [.failed, .pending]),
        Flow(
            title: "onFailure step goes there and the execution fails",
            steps: ["name: a, onFailure: step:c", "name: b", "name: c"], answers: ["a": [.failure]],
            started: ["a", "c"], status: .failed, statuses: [.failed, .pending, .success]),
        Flow(
            title: "onFailure step after a timeout", steps: ["name: a, onFailure: step:c", "name: b", "name: c"],
            answers: ["a": [.timeout]], started: ["a", "c"], status: .timedOut,
            statuses: [.timedOut, .pending, .success]),
        Flow(
            title: "onFailure step wins over isEnd", steps: ["name: a, onFailure: step:b, isEnd: true", "name: b"],
            answers: ["a": [.failure]], started: ["a", "b"], status: .failed, statuses: [.failed, .success]),
        Flow(
            title: "onFailure step of a step that is not critical",
            steps: ["name: a, onFailure: step:c, isCritical: 'false'", "name: b", "name: c"],
            answers: ["a": [.failure]], started: ["a", "c"], status: .success,
            statuses: [.failed, .pending, .success]),
        Flow(
            title: "the last critical failure decides",
            steps: [
                "name: a, onFailure: Continue, isCritical: true", "name: b, onFailure: Continue, isCritical: true",
            ],
            answers: ["a": [.failure], "b": [.timeout]], started: ["a", "b"], status: .timedOut,
            statuses: [.failed, .timedOut]),
        Flow(
            title: "attempts until one succeeds", steps: ["name: a, maxAttempts: 3", "name: b"],
            answers: ["a": [.failure, .timeout, .success([:])]], started: ["a", "a", "a", "b"], status: .success,
            statuses: [.success, .success]),
        Flow(
            title: "attempts used up", steps: ["name: a, maxAttempts: 3"], answers: ["a": [.failure]],
            started: ["a", "a", "a"], status: .failed, statuses: [.failed]),
        Flow(
            title: "the last attempt decides between failure and timeout", steps: ["name: a, maxAttempts: 2"],
            answers: ["a": [.failure, .timeout]], started: ["a", "a"], status: .timedOut, statuses: [.timedOut]),
        Flow(
            title: "what will not get better is not tried again", steps: ["name: a, maxAttempts: 3"],
            answers: ["a": [.final]], started: ["a"], status: .failed, statuses: [.failed]),
        Flow(
            title: "no attempts mean one", steps: ["name: a, maxAttempts: 0"], answers: ["a": [.failure]],
            started: ["a"], status: .failed, statuses: [.failed]),
        Flow(
            title: "a sleep is slept without the caller",
            steps: ["name: a, action: 'aws:sleep', inputs: {Duration: PT10M}", "name: b"], started: ["b"],
            status: .success, statuses: [.success, .success]),
        Flow(
            title: "inputs that cannot be resolved fail the step",
            steps: ["name: a, isEnd: true", "name: b, inputs: {Service: '{{ a.Output }}', Api: x}"],
            started: ["a"], status: .success, statuses: [.success, .pending]),
        Flow(
            title: "a reference to a step that did not run fails without an attempt more",
            steps: [
                "name: a, nextStep: c", "name: b",
                "name: c, maxAttempts: 5, inputs: {Service: '{{ b.Output }}', Api: x}",
            ], started: ["a"], status: .failed, statuses: [.success, .pending, .failed]),
    ]

    @Test("An execution goes where its steps and their endings lead", arguments: flows)
    func flow(flow: Flow) throws {
        var machine = try RunbookScript.machine(flow.steps)
        let (started, _) = try RunbookScript.run(&machine, flow.answers)
        #expect(started == flow.started)
        #expect(machine.status == flow.status)
        #expect(machine.steps.map(\.status) == flow.statuses)
    }

    @Test("Attempts are spaced by one second, doubled up to thirty")
    func backoff() throws {
        var machine = try RunbookScript.machine(["name: a, maxAttempts: 8"])
        let (started, seconds) = try RunbookScript.run(&machine, ["a": [.failure]])
        #expect(started.count == 8)
        #expect(seconds == 1 + 2 + 4 + 8 + 16 + 30 + 30)
        #expect(machine.steps[0].attempt == 8)
        #expect(machine.steps[0].failure?.message == "no")
        #expect(machine.failureMessage == "step \"a\": no")
    }

    @Test("The time limit holds for each attempt, the action's own bound for all")
    func timeouts() throws {
        func deadline(_ step: String) throws -> Timestamp? {
            var machine = try RunbookScript.machine([step])
            guard case .start(let start) = machine.start(now: RunbookScript.start) else { return nil }
            return start.deadline
        }
        let script = "action: 'aws:executeScript', inputs: {Runtime: bash, Script: x}"
        let command = "action: 'aws:runCommand', inputs: {DocumentName: x}"
        #expect(try deadline("name: a, timeoutSeconds: 7") == RunbookScript.time(7))
        #expect(try deadline("name: a") == RunbookScript.time(25))
        #expect(try deadline("name: a, \(script)") == RunbookScript.time(600))
        #expect(try deadline("name: a, \(script), timeoutSeconds: 9000") == RunbookScript.time(600))
        #expect(try deadline("name: a, \(command)") == RunbookScript.time(3600))
        #expect(try deadline("name: a, \(command), timeoutSeconds: '0'") == RunbookScript.time(3600))

        var machine = try RunbookScript.machine(["name: a, timeoutSeconds: 10, maxAttempts: 2"])
        let (_, seconds) = try RunbookScript.run(&machine, ["a": [.timeout]])
        #expect(seconds == 10 + 1 + 10)
    }

    @Test("Settings may be references")
    func settings() throws {
        let head = """
            parameters:
              tries: {type: Integer, default: 2}
              critical: {type: Boolean, default: false}
              end: {type: String, default: 'true'}
              seconds: {type: String}

            """
        let step =
            "name: a, onFailure: step:b, maxAttempts: '{{ tries }}', isCritical: '{{ critical }}', "
            + "timeoutSeconds: '{{ seconds }}'"
        let last = "name: b, isEnd: '{{ end }}'"
        var machine = try RunbookScript.machine([step, last, "name: c"], head: head, supplied: ["seconds": ["5"]])
        let (started, seconds) = try RunbookScript.run(&machine, ["a": [.timeout]])
        #expect(started == ["a", "a", "b"])
        #expect(seconds == 5 + 1 + 5)
        #expect(machine.status == .success)

        var wrong = try RunbookScript.machine([step, last], head: head, supplied: ["seconds": ["many"]])
        let (names, _) = try RunbookScript.run(&wrong)
        #expect(names == ["b"])
        #expect(wrong.steps[0].failure?.stage == .inputValidation)
        #expect(wrong.steps[0].failure?.message.contains("timeoutSeconds must be an integer") == true)
    }

    @Test(
        "A sleep lasts as long as it says",
        arguments: [
            ("Duration: PT10M", 600), ("Duration: P1DT1S", 86_401), ("Duration: PT0S", 0),
            ("Timestamp: '2027-01-15T08:00:09Z'", 9), ("Timestamp: '2020-01-01T00:00:00Z'", 0),
        ] as [(String, Int64)])
    func sleep(inputs: String, seconds: Int64) throws {
        var machine = try RunbookScript.machine(["name: a, action: 'aws:sleep', inputs: {\(inputs)}"])
        #expect(try RunbookScript.run(&machine).seconds == seconds)
        #expect(machine.status == .success)
    }

    @Test("A sleep that makes no sense fails", arguments: ["Duration: 10", "Duration: P8D", "Timestamp: soon"])
    func badSleep(inputs: String) throws {
        var machine = try RunbookScript.machine(["name: a, action: 'aws:sleep', inputs: {\(inputs)}"])
        #expect(machine.start(now: RunbookScript.start) == .finish(.failed))
        #expect(machine.steps[0].failure?.stage == .inputValidation)
    }
}
