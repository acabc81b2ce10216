import Core
import Documents
import Testing

@Suite struct CommandDocumentMachineTests {
    typealias Machine = CommandDocumentMachine

    /// A machine of steps `s0`, `s1`, … with these members each, beside name and action.
    static func machine(_ steps: [String], _ supplied: [String: [String]] = [:]) throws -> Machine {
        let head = """
            schemaVersion: '2.2'
            parameters:
              p: {type: String, default: x}
              lines: {type: StringList, default: [one, two]}
              safe: {type: String, default: 'a b', interpolationType: ENV_VAR}
            mainSteps:

            """
        let text = steps.enumerated().map { index, members in
            let action = members.contains("action:") ? "" : "action: 'aws:runShellScript', "
            return "  - {name: s\(index), \(action)\(members)}\n"
        }
        let document = try document(head + text.joined())
        return Machine(
            document: document, parameters: try Parameters(binding: supplied, to: document), platform: "Linux")
    }

    /// Inputs of a step with these beside its script.
    static func inputs(_ more: String = "") -> String {
        "inputs: {runCommand: ['true']" + (more.isEmpty ? "" : ", " + more) + "}"
    }

    /// The index of the step an action starts.
    static func started(_ action: Machine.Action) -> Int? {
        if case .run(let run) = action { run.index } else { nil }
    }

    /// Runs a machine to its end, each step ending as given; the actions it answers are checked to fit.
    static func run(
        _ machine: inout Machine, _ endings: [Int: CommandStepEnding]
    ) -> (order: [Int], last: Machine.Action) {
        var order: [Int] = []
        var action = machine.start()
        while let index = started(action) {
            order.append(index)
            // Each step is taken through its persisted form, as if the agent had restarted.
            machine = Machine(resuming: machine.json, document: machine.document) ?? machine
            action = machine.stepEnded(endings[index] ?? .exited(code: 0))
        }
        return (order, action)
    }

    struct Run: Sendable, CustomTestStringConvertible {
        var title: String
        var steps: [String]
        var endings: [Int: CommandStepEnding] = [:]
        var order: [Int]
        var statuses: [CommandStepResult.Status]
        var codes: [Int]
        var end: Machine.Action
        var testDescription: String { title }
    }

    static let runs = [
        Run(
            title: "all succeed", steps: [inputs(), inputs()], order: [0, 1], statuses: [.success, .success],
            codes: [0, 0], end: .finish(.success, code: 0)),
        Run(
            title: "a failure stops nothing", steps: [inputs(), inputs()], endings: [0: .exited(code: 3)],
            order: [0, 1], statuses: [.failed, .success], codes: [3, 0], end: .finish(.failed, code: 3)),
        Run(
            title: "onFailure exit skips the rest", steps: [inputs("onFailure: exit"), inputs(), inputs()],
            endings: [0: .exited(code: 3)], order: [0], statuses: [.failed, .skipped, .skipped], codes: [3, 0, 0],
            end: .finish(.failed, code: 3)),
        Run(
            title: "onFailure exit does nothing for a success", steps: [inputs("onFailure: exit"), inputs()],
            order: [0, 1], statuses: [.success, .success], codes: [0, 0], end: .finish(.success, code: 0)),
        Run(
            title: "onFailure successAndExit", steps: [inputs("onFailure: successAndExit"), inputs()],
            endings: [0: .exited(code: 3)], order: [0], statuses: [.success, .skipped], codes: [168, 0],
            end: .finish(.success, code: 0)),
        Run(
            title: "a timeout is a failure to onFailure", steps: [inputs("onFailure: exit"), inputs()],
            endings: [0: .timedOut], order: [0], statuses: [.timedOut, .skipped], codes: [137, 0],
            end: .finish(.timedOut, code: 137)),
        Run(
            title: "an unknown onFailure does nothing", steps: [inputs("onFailure: Abort"), inputs()],
            endings: [0: .exited(code: 1)], order: [0, 1], statuses: [.failed, .success], codes: [1, 0],
            end: .finish(.failed, code: 1)),
        Run(
            title: "onSuccess exit", steps: [inputs("onSuccess: exit"), inputs()], order: [0],
            statuses: [.success, .skipped], codes: [0, 0], end: .finish(.success, code: 0)),
        Run(
            title: "onSuccess exit does nothing for a failure", steps: [inputs("onSuccess: exit"), inputs()],
            endings: [0: .exited(code: 1)], order: [0, 1], statuses: [.failed, .success], codes: [1, 0],
            end: .finish(.failed, code: 1)),
        Run(
            title: "finallyStep runs whatever ended the document",
            steps: [inputs("onSuccess: exit"), inputs(), inputs("finallyStep: 'true'")], order: [0, 2],
            statuses: [.success, .skipped, .success], codes: [0, 0, 0], end: .finish(.success, code: 0)),
        Run(
            title: "finallyStep counts on the last step only",
            steps: [inputs("onFailure: exit"), inputs("finallyStep: true"), inputs()], endings: [0: .exited(code: 1)],
            order: [0], statuses: [.failed, .skipped, .skipped], codes: [1, 0, 0], end: .finish(.failed, code: 1)),
        Run(
            title: "exit code 168", steps: [inputs(), inputs()], endings: [0: .exited(code: 168)], order: [0],
            statuses: [.success, .skipped], codes: [168, 0], end: .finish(.success, code: 0)),
        Run(
            title: "exit code 169", steps: [inputs(), inputs()], endings: [0: .exited(code: 169)], order: [0],
            statuses: [.failed, .skipped], codes: [169, 0], end: .finish(.failed, code: 169)),
        Run(
            title: "exit code 137 is a timeout", steps: [inputs(), inputs()], endings: [0: .exited(code: 137)],
            order: [0, 1], statuses: [.timedOut, .success], codes: [137, 0], end: .finish(.timedOut, code: 137)),
        Run(
            title: "a failure outweighs a timeout", steps: [inputs(), inputs()],
            endings: [0: .timedOut, 1: .exited(code: 2)], order: [0, 1], statuses: [.timedOut, .failed],
            codes: [137, 2], end: .finish(.failed, code: 2)),
        Run(
            title: "a step that could not run", steps: [inputs(), inputs()], endings: [0: .failed(message: "gone")],
            order: [0, 1], statuses: [.failed, .success], codes: [1, 0], end: .finish(.failed, code: 1)),
        Run(
            title: "a plugin that is not for this node is skipped",
            steps: ["action: 'aws:psModule'", inputs()], order: [1], statuses: [.skipped, .success], codes: [0, 0],
            end: .finish(.success, code: 0)),
        Run(
            title: "a precondition that does not hold skips",
            steps: ["precondition: {StringEquals: [platformType, Windows]}, " + inputs(), inputs()], order: [1],
            statuses: [.skipped, .success], codes: [0, 0], end: .finish(.success, code: 0)),
        Run(
            title: "a precondition that makes no sense fails, and the rest runs",
            steps: ["precondition: {StringLike: [platformType, Windows]}, " + inputs(), inputs()], order: [1],
            statuses: [.failed, .success], codes: [1, 0], end: .finish(.failed, code: 1)),
        Run(
            title: "nothing to run",
            steps: ["precondition: {StringEquals: [Windows, platformType]}, " + inputs()], order: [],
            statuses: [.skipped], codes: [0], end: .finish(.success, code: 0)),
    ]

    @Test("Steps run and skip as their endings and inputs say", arguments: runs)
    func flow(run: Run) throws {
        var machine = try Self.machine(run.steps)
        let (order, last) = Self.run(&machine, run.endings)
        #expect(order == run.order)
        #expect(last == run.end)
        #expect(machine.results.map(\.status) == run.statuses)
        #expect(machine.results.map(\.code) == run.codes)
        #expect(machine.isFinished)
        // Every input after the end changes nothing.
        let ended = machine
        #expect(machine.start() == .nothing)
        #expect(machine.stepEnded(.exited(code: 0)) == .nothing)
        #expect(machine.cancel() == .nothing)
        #expect(machine == ended)
    }

    @Test("A step is run with its references resolved, and ENV_VAR arguments in the environment")
    func resolved() throws {
        var machine = try Self.machine(
            ["inputs: {runCommand: ['echo {{ p }} \"{{ safe }}\"', '{{ lines }}'], timeoutSeconds: 5}"], ["p": ["y"]])
        guard case .run(let run) = machine.start() else {
            Issue.record("the step does not start")
            return
        }
        #expect(run.name == "s0" && run.action == "aws:runShellScript")
        #expect(run.inputs == ["runCommand": ["echo y \"${SSM_safe}\"", "one", "two"], "timeoutSeconds": 5])
        #expect(run.environment == ["SSM_safe": "a b"])
        #expect(machine.status == .inProgress)
    }

    @Test("Exit code 194 has the node restarted, and then the same step runs once more")
    func reboot() throws {
        var machine = try Self.machine([Self.inputs(), Self.inputs()])
        #expect(Self.started(machine.start()) == 0)
        #expect(machine.stepEnded(.exited(code: 194)) == .reboot(step: "s0"))
        #expect(machine.status == .inProgress && !machine.isFinished)
        var resumed = try #require(Machine(resuming: machine.json, document: machine.document))
        #expect(Self.started(resumed.start()) == 0)
        #expect(Self.started(resumed.stepEnded(.exited(code: 0))) == 1)
        #expect(resumed.stepEnded(.exited(code: 0)) == .finish(.success, code: 0))
    }

    @Test("A script that asks for a reboot every time is ended as failed")
    func rebootsForEver() throws {
        var machine = try Self.machine([Self.inputs(), Self.inputs()])
        for _ in 0..<Machine.rebootsMax {
            #expect(Self.started(machine.start()) == 0)
            #expect(machine.stepEnded(.exited(code: 194)) == .reboot(step: "s0"))
            machine = try #require(Machine(resuming: machine.json, document: machine.document))
        }
        #expect(Self.started(machine.start()) == 0)
        #expect(machine.stepEnded(.exited(code: 194)) == .finish(.failed, code: 194))
        #expect(machine.results.map(\.status) == [.failed, .skipped])
    }

    @Test("Where the node cannot be restarted, the step has failed and ends the document")
    func rebootFailed() throws {
        var machine = try Self.machine([Self.inputs(), Self.inputs()])
        #expect(machine.rebootFailed("early") == .nothing)
        _ = machine.start()
        #expect(machine.rebootFailed("while it runs") == .nothing)
        _ = machine.stepEnded(.exited(code: 194))
        #expect(machine.rebootFailed("no shutdown here") == .finish(.failed, code: 194))
        #expect(machine.results[0].message.contains("no shutdown here"))
        #expect(machine.results[1].status == .skipped)
    }

    @Test("A cancel while the node restarts starts nothing more")
    func cancelledReboot() throws {
        var machine = try Self.machine([Self.inputs(), Self.inputs()])
        _ = machine.start()
        _ = machine.stepEnded(.exited(code: 194))
        #expect(machine.cancel() == .finish(.cancelled, code: -1))
    }

    @Test("A document within a document cannot restart the node")
    func nestedReboot() throws {
        let document = try Self.machine([Self.inputs(), Self.inputs()]).document
        var machine = Machine(
            document: document, parameters: try Parameters(binding: [String: [String]](), to: document),
            platform: "Linux", isNested: true)
        _ = machine.start()
        #expect(machine.stepEnded(.exited(code: 194)) == .finish(.failed, code: 194))
        #expect(machine.results.map(\.status) == [.failed, .skipped])
    }

    @Test("On Windows it is exit code 3010 that asks for a reboot, and 194 is one like any other")
    func windowsReboot() throws {
        let document = try document(
            """
            schemaVersion: '2.2'
            mainSteps: [{name: a, action: 'aws:runPowerShellScript', inputs: {runCommand: x}}]
            """)
        let parameters = try Parameters(binding: [String: [String]](), to: document)
        for (code, isReboot) in [(3010, true), (194, false)] {
            var machine = Machine(document: document, parameters: parameters, platform: "Windows")
            _ = machine.start()
            let action = machine.stepEnded(.exited(code: code))
            #expect((action == .reboot(step: "a")) == isReboot)
        }
    }

    @Test("A cancel before the start leaves every step cancelled")
    func cancelFirst() throws {
        var machine = try Self.machine([Self.inputs(), Self.inputs("finallyStep: true")])
        #expect(machine.stepEnded(.exited(code: 0)) == .nothing)
        #expect(machine.cancel() == .finish(.cancelled, code: -1))
        #expect(machine.results.map(\.status) == [.cancelled, .cancelled])
    }

    @Test(
        "A cancel during a step ends it and starts no other",
        arguments: [
            (.cancelled, .cancelled, .finish(.cancelled, code: 137)),
            (.exited(code: 137), .cancelled, .finish(.cancelled, code: 137)),
            (.exited(code: 0), .success, .finish(.cancelled, code: -1)),
            (.exited(code: 5), .failed, .finish(.failed, code: 5)),
            (.timedOut, .timedOut, .finish(.timedOut, code: 137)),
            (.failed(message: "lost"), .failed, .finish(.failed, code: 1)),
        ] as [(CommandStepEnding, CommandStepResult.Status, Machine.Action)])
    func cancelDuring(ending: CommandStepEnding, status: CommandStepResult.Status, last: Machine.Action) throws {
        var machine = try Self.machine([Self.inputs(), Self.inputs("finallyStep: true")])
        #expect(Self.started(machine.start()) == 0)
        #expect(machine.start() == .nothing)
        #expect(machine.cancel() == .cancel(step: "s0"))
        #expect(machine.cancel() == .nothing)
        var machineAfterRestart = try #require(Machine(resuming: machine.json, document: machine.document))
        #expect(machineAfterRestart == machine)
        #expect(machineAfterRestart.stepEnded(ending) == last)
        #expect(machineAfterRestart.results.map(\.status) == [status, .cancelled])
    }

    @Test("A state that is none, or of another document, resumes nothing")
    func badState() throws {
        let one = try Self.machine([Self.inputs()])
        let two = try Self.machine([Self.inputs(), Self.inputs()])
        #expect(Machine(resuming: one.json, document: two.document) == nil)
        #expect(Machine(resuming: [], document: one.document) == nil)
        var state = one.json
        state["Results"] = [["Status": "Unheard", "Code": 0]]
        #expect(Machine(resuming: state, document: one.document) == nil)
    }

    @Test("In schema 2.0 a precondition and a foreign plugin fail")
    func schema20() throws {
        let document = try document(
            """
            schemaVersion: '2.0'
            mainSteps:
              - name: a
                action: aws:runShellScript
                precondition: {StringEquals: [platformType, Linux]}
                inputs: {runCommand: x}
              - {name: b, action: 'aws:psModule'}
            """)
        var machine = Machine(
            document: document, parameters: try Parameters(binding: [String: [String]](), to: document),
            platform: "Linux")
        #expect(machine.start() == .finish(.failed, code: 1))
        #expect(machine.results.map(\.status) == [.failed, .failed])
    }
}
