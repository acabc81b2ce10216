import API
import Core
import Foundation
import Platform
import Synchronization
import Testing

@testable import Agent

@Suite struct PluginTests {
    let scratch = Scratch()

    @Test(arguments: [
        ("aws:refreshAssociation", "needs State Manager"), ("aws:updateSsmAgent", "part of the opsbus program"),
    ])
    func whatThisNodeLacksIsRefusedByName(_ action: String, _ message: String) async throws {
        let test = try await TestAgent(scratch)
        let command = command(steps: (action, [:]), ("aws:runShellScript", ["runCommand": "echo after"]))
        await test.run(command)
        let steps = try await test.report(command.id).steps
        #expect(steps[0].status == .failed && steps[0].code == 1 && steps[0].standardError.contains(message))
        #expect(steps[1].standardOutput == "after\n")
    }

    @Test func anAgentOfTheWantedVersionNeedsNoUpdate() async throws {
        let test = try await TestAgent(scratch) { $0.agentVersion = "1.2.3" }
        let command = command(
            steps: ("aws:updateSsmAgent", ["targetVersion": "1.2.3"]), ("aws:updateSsmAgent", ["targetVersion": ""]))
        await test.run(command)
        let steps = try await test.report(command.id).steps
        #expect(steps.map(\.status) == [.success, .failed], "\(steps)")
    }

    @Test(arguments: ["aws:psModule", "aws:domainJoin"])
    func aPluginOfWindowsIsSkippedInSchema22AndFailsInSchema20(_ action: String) async throws {
        let test = try await TestAgent(scratch)
        for (schema, status) in [("2.2", StepReport.Status.success), ("2.0", .failed)] {
            let command = command(
                document: [
                    "schemaVersion": .string(schema), "mainSteps": [["action": .string(action), "name": "step1"]],
                ])
            await test.run(command)
            let step = try await test.report(command.id).steps[0]
            #expect(step.status == status, "\(step)")
            #expect((step.standardOutput + step.standardError).contains("\(action) does not run on Linux"))
        }
    }

    @Test func powerShellRunsWhereItIsInstalled() async throws {
        let programs = scratch.directory + "/programs"
        try Files.createDirectory(programs)
        let test = try await TestAgent(scratch) { $0.environment["PATH"] = programs }
        let inputs: JSON = ["runCommand": ["Write-Output 1", "exit 3"]]
        let missing = command(steps: ("aws:runPowerShellScript", inputs))
        await test.run(missing)
        let step = try await test.report(missing.id).steps[0]
        #expect(step.status == .failed && step.standardError.contains("needs the program pwsh"), "\(step)")
        // Shows how it would be called.
        let stand = "#!/bin/sh\necho \"$@\"; /bin/cat \"$5\"; exit 3\n"
        try Files.write(Array(stand.utf8), to: programs + "/pwsh", mode: 0o755)
        let command = command(steps: ("aws:runPowerShellScript", inputs))
        await test.run(command)
        let found = try await test.report(command.id).steps[0]
        #expect(found.code == 3)
        #expect(found.standardOutput.hasPrefix("-NoLogo -NoProfile -NonInteractive -File /"), "\(found)")
        #expect(found.standardOutput.hasSuffix("_script.ps1\nWrite-Output 1\nexit 3\nexit $LASTEXITCODE\n"))
    }

    @Test func inSchema12EveryElementRunsAndTheWorstEndCounts() async throws {
        let test = try await TestAgent(scratch)
        let command = command(
            document: [
                "schemaVersion": "1.2", "parameters": ["commands": ["type": "StringList"]],
                "runtimeConfig": [
                    "aws:runShellScript": [
                        "properties": [
                            ["id": "0.aws:runShellScript", "runCommand": "{{ commands }}"],
                            ["id": "1.aws:runShellScript", "runCommand": ["echo two; exit 4"]],
                            ["id": "2.aws:runShellScript", "runCommand": ["echo three; exit 5"]],
                        ]
                    ]
                ],
            ], parameters: ["commands": ["echo one", "true"]])
        await test.run(command)
        let steps = try await test.report(command.id).steps
        #expect(steps.map(\.name) == ["aws:runShellScript"])
        #expect(steps[0].standardOutput == "one\ntwo\nthree\n" && steps[0].code == 4)
    }

    @Test(arguments: [([168, 0], StepReport.Status.success, 168), ([168, 3], .failed, 3)])
    func inSchema12AnElementThatEndsTheDocumentHidesNoFailure(
        _ codes: [Int], _ status: StepReport.Status, _ code: Int
    ) async throws {
        let test = try await TestAgent(scratch)
        let properties = codes.map { ["runCommand": .string("exit \($0)")] as JSON }
        let command = command(
            document: [
                "schemaVersion": "1.2", "runtimeConfig": ["aws:runShellScript": ["properties": .array(properties)]],
            ])
        await test.run(command)
        let step = try await test.report(command.id).steps[0]
        #expect(step.status == status && step.code == code, "\(step)")
    }

    @Test func anArgumentOfEnvironmentNeverRuns() async throws {
        let test = try await TestAgent(scratch)
        let mark = scratch.directory + "/mark"
        let text = "$(touch \(mark)); touch \(mark); `touch \(mark)` \" '"
        let command = command(
            document: [
                "schemaVersion": "2.2",
                "parameters": ["text": ["type": "String", "interpolationType": "ENV_VAR"]],
                "mainSteps": [
                    [
                        "action": "aws:runShellScript", "name": "step1",
                        "inputs": ["runCommand": [#"printf '%s' "{{ text }}""#]],
                    ]
                ],
            ], parameters: ["text": [.string(text)]])
        await test.run(command)
        #expect(try await test.report(command.id).steps[0].standardOutput == text)
        #expect(!Files.exists(mark))
    }

    @Test(
        arguments: [
            (
                [
                    "action": "Run", "image": "web:1", "container": "w", "volume": ["/a:/a", "/b:/b"], "env": "A=1",
                    "publish": "80:80", "memory": "64m", "cpuShares": "5", "user": "u", "cmd": "serve --all",
                ],
                "run -d --name w --memory 64m --cpu-shares 5 --user u --publish 80:80 --volume /a:/a --volume /b:/b "
                    + "--env A=1 web:1 serve --all"
            ),
            (["action": "Create", "image": "web", "env": ["A=1", ""]], "create --env A=1 web"),
            (["action": "Exec", "container": "w", "cmd": "ls -l", "user": "u"], "exec --user u w ls -l"),
            (["action": "Stop", "container": "w"], "stop w"), (["action": "Rm", "container": "w"], "rm w"),
            (["action": "Ps"], "ps --all"), (["action": "Stats"], "stats --no-stream"),
            (["action": "Pull", "image": "web:1"], "pull web:1"), (["action": "Images"], "images"),
            (["action": "Rmi", "image": "web"], "rmi web"), (["action": "Logs", "container": "w"], "logs w"),
            (["action": "Exec", "container": "w"], "fails"), (["action": "Stop", "container": "-v"], "fails"),
            (["action": "Run", "image": "--privileged"], "fails"), (["action": "Build"], "fails"),
            (["action": "Pull"], "fails"),
        ] as [(JSON, String)])
    func anActionOfDockerIsItsArguments(_ inputs: JSON, _ expected: String) {
        var found = "fails"
        if let arguments = try? DockerPlugin.arguments(PluginInputs(inputs, of: "aws:runDockerAction")) {
            found = arguments.joined(separator: " ")
        }
        #expect(found == expected)
    }
}

/// A machine whose restarts are only counted.
final class TestPower: NodePower {
    private let boots = Mutex(1)
    private let failure: String?

    init(failing failure: String? = nil) { self.failure = failure }

    var bootID: String { String(boots.withLock { $0 }) }
    var reboots: Int { boots.withLock { $0 } - 1 }

    func reboot() async throws(NodePowerError) {
        if let failure { throw NodePowerError(failure) }
        boots.withLock { $0 += 1 }
    }
}

@Suite struct RebootTests {
    let scratch = Scratch()

    private func agent(_ power: TestPower) async throws -> TestAgent {
        try await TestAgent(scratch) { $0.power = power }
    }

    private func script(_ text: String) -> NodeCommand { command(text) }

    private func wait(_ what: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !what() {
            guard ContinuousClock.now < deadline else { throw TestAgent.TimedOut() }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Asks for a reboot the first time, and goes on after it.
    private func restarting() -> NodeCommand {
        let mark = scratch.directory + "/mark"
        return command(
            "echo first", "[ -e \(mark) ] && { echo again; exit 0; }; touch \(mark); echo before; exit 194", "echo last"
        )
    }

    @Test func aStepThatAskedForARebootRunsOnceMoreAfterIt() async throws {
        let power = TestPower()
        let command = restarting()
        let before = try await agent(power)
        await before.run(command)
        try await wait { power.reboots == 1 }
        #expect(before.link.all(.finished).isEmpty)
        // Nothing is started any more: the machine goes down.
        let other = script("echo other")
        await before.run(other)
        await before.agent.stop()
        let after = try await agent(power)
        let report = try await after.report(command.id)
        #expect(report.outcome == .success, "\(report)")
        #expect(report.steps.map(\.standardOutput) == ["first\n", "again\n", "last\n"])
        #expect(try await after.report(other.id).outcome == .success)
        #expect(power.reboots == 1)
        // All of the step's output is on the server's side, in order.
        let pieces = (before.link.all(.output) + after.link.all(.output)).compactMap { message in
            NodeOutput(message.body).map { ($0, message.payload) }
        }
        var bytes: [Int: [UInt8]] = [:]
        for (place, payload) in pieces where place.step == "step2" { bytes[place.offset] = payload }
        let text = bytes.sorted { $0.key < $1.key }.flatMap(\.value)
        #expect(String(decoding: text, as: UTF8.self) == "before\nagain\n")
    }

    @Test func whereTheMachineCannotBeRestartedTheStepHasFailed() async throws {
        let test = try await agent(TestPower(failing: "not today"))
        let command = restarting()
        await test.run(command)
        let report = try await test.report(command.id)
        #expect(report.outcome == .failed)
        #expect(
            report.steps.map(\.code) == [0, 194, 0] && report.steps[1].standardError.contains("not today"), "\(report)")
        #expect(report.steps[2].standardOutput.contains("ended the document"))
        // And others go on.
        let other = script("echo other")
        await test.run(other)
        #expect(try await test.report(other.id).outcome == .success)
    }

    @Test func otherCommandsEndBeforeTheMachineGoesDown() async throws {
        let power = TestPower()
        let test = try await agent(power)
        let go = scratch.directory + "/go"
        let long = script("while [ ! -e \(go) ]; do sleep 0.01; done; echo done")
        await test.run(long)
        let command = restarting()
        await test.run(command)
        try await wait { test.link.all(.stepFinished).contains { $0.command == command.id } }
        #expect(power.reboots == 0)
        try Files.write([], to: go)
        #expect(try await test.report(long.id).steps[0].standardOutput == "done\n")
        try await wait { power.reboots == 1 }
    }

    @Test func anAgentThatDiedBeforeTheRebootAsksForItAgain() async throws {
        let power = TestPower(failing: nil)
        let command = restarting()
        let before = try await agent(power)
        await before.run(command)
        try await wait { power.reboots == 1 }
        await before.agent.stop()
        // The boot is still that of before, as far as the next agent can see.
        let stuck = TestPower()
        let again = try await agent(stuck)
        try await wait { stuck.reboots == 1 }
        #expect(again.link.all(.finished).isEmpty)
        await again.agent.stop()
        let after = try await agent(stuck)
        #expect(try await after.report(command.id).outcome == .success)
    }

    @Test func aCommandCancelledMeanwhileDoesNotGoOn() async throws {
        let power = TestPower()
        let command = restarting()
        let test = try await agent(power)
        await test.run(command)
        try await wait { power.reboots == 1 }
        await test.agent.receive(NodeMessage(.cancel, command: command.id))
        #expect(try await test.report(command.id).outcome == .cancelled)
    }
}
