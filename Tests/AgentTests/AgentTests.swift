import API
import Core
import Foundation
import Platform
import Testing

@testable import Agent

@Suite struct AgentTests {
    let scratch = Scratch()

    // MARK: Running

    @Test func aCommandIsAcceptedRunAndReported() async throws {
        let test = try await TestAgent(scratch)
        let command = command("echo out; echo err >&2; exit 3", "echo second")
        await test.run(command)
        let report = try await test.report(command.id)
        #expect(report.outcome == .failed)
        #expect(report.steps.map(\.name) == ["step1", "step2"])
        #expect(report.steps.map(\.code) == [3, 0])
        #expect(report.steps.map(\.status) == [.failed, .success])
        #expect(report.steps.map(\.standardOutput) == ["out\n", "second\n"])
        #expect(report.steps[0].standardError == "err\n")
        #expect(report.steps[0].start != nil)
        let kinds = test.link.messages.map(\.kind).filter { $0 != .heartbeat && $0 != .output }
        #expect(
            kinds == [
                .register, .accepted, .stepStarted, .stepFinished, .stepStarted, .stepFinished, .finished,
            ])
    }

    @Test func scriptsFindTheirEnvironmentAndInterpreter() async throws {
        let test = try await TestAgent(scratch)
        let command = command(
            "#!/bin/cat\nnot a shell",
            "echo $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME $SSM_COMMAND_ID $HOME; cd /usr\npwd")
        await test.run(command)
        let report = try await test.report(command.id)
        #expect(report.steps[0].standardOutput == "#!/bin/cat\nnot a shell\n")
        #expect(
            report.steps[1].standardOutput
                == "mi-0123456789abcdef0 us-east-1 \(command.id) \(scratch.directory)\n/usr\n")
        let script = scratch.directory + "/commands/\(command.id)/steps/step1/_script.sh"
        let attributes = try FileManager.default.attributesOfItem(atPath: script)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o700)
    }

    @Test(arguments: [
        ("/usr", "/usr\n"), ("no/such/directory", nil), ("/no/such/directory", ""),
    ] as [(String, String?)])
    func theWorkingDirectoryIsTakenOrLeft(_ directory: String, _ output: String?) async throws {
        let test = try await TestAgent(scratch)
        let command = command("pwd", inputs: ["workingDirectory": .string(directory)])
        await test.run(command)
        let step = try await test.report(command.id).steps[0]
        #expect(step.standardOutput == output ?? FileManager.default.currentDirectoryPath + "\n")
        if output == "" { #expect(step.standardError.contains("/no/such/directory")) }
    }

    @Test func exitCodes168And169EndTheDocument() async throws {
        let test = try await TestAgent(scratch)
        let good = command("echo a; echo b >&2; exit 168", "echo never")
        await test.run(good)
        let success = try await test.report(good.id)
        #expect(success.outcome == .success)
        #expect(success.steps[0].standardError == "")
        #expect(success.steps[0].standardOutput.hasPrefix("a\n"))
        #expect(success.steps[1].code == 0)
        #expect(!success.steps[1].standardOutput.contains("never"))
        let bad = command("exit 169", "echo never")
        await test.run(bad)
        let failure = try await test.report(bad.id)
        #expect(failure.outcome == .failed)
        #expect(failure.steps[0].code == 169)
    }

    @Test func aStepThatTakesTooLongIsTimedOut() async throws {
        let test = try await TestAgent(scratch)
        let command = command("echo before; sleep 1000", timeout: 5)
        await test.run(command)
        let report = try await test.report(command.id)
        #expect(report.outcome == .executionTimedOut)
        #expect(report.steps[0].status == .timedOut)
        #expect(report.steps[0].code == 137)
        #expect(report.steps[0].standardOutput == "before\n")
    }

    @Test func hugeAndBinaryOutputIsCut() async throws {
        let test = try await TestAgent(scratch, window: 100_000_000)
        let command = command("head -c 50000000 /dev/zero | tr '\\0' x; printf '\\377\\376' >&2")
        await test.run(command)
        let step = try await test.report(command.id).steps[0]
        #expect(step.standardOutput.utf8.count == 24_000)
        #expect(step.standardOutput.hasSuffix("xx--output truncated--"))
        #expect(step.standardError == "\u{FFFD}\u{FFFD}")
    }

    @Test func brokenDocumentsFailWithTheReason() async throws {
        let test = try await TestAgent(scratch)
        var broken = command("true")
        broken.document = "{\"schemaVersion\": \"2.2\", \"mainSteps\": []}"
        await test.run(broken)
        let report = try await test.report(broken.id)
        #expect(report.outcome == .failed)
        #expect(report.message.contains("mainSteps"))
        #expect(report.steps.isEmpty)
    }

    @Test func noMoreThanFiveRunAtATimeAndCancelsPassThem() async throws {
        let test = try await TestAgent(scratch)
        let commands = (0..<7).map { _ in command("sleep 1000") }
        for command in commands { await test.run(command) }
        _ = await test.link.wait(.stepStarted, count: 5)
        #expect(await test.agent.runs.count == 5)
        #expect(await test.agent.queue.count == 2)
        await test.agent.receive(NodeMessage(.cancel, command: commands[6].id))
        #expect(try await test.report(commands[6].id).outcome == .cancelled)
        await test.agent.receive(NodeMessage(.cancel, command: commands[0].id))
        #expect(try await test.report(commands[0].id).outcome == .cancelled)
        #expect(await test.link.wait(.stepStarted, count: 6)?.command == commands[5].id)
        await test.agent.stop()
    }

    // MARK: Cancel

    @Test func aCancelReachesTheWholeGroupAndEndsTheDocument() async throws {
        let test = try await TestAgent(scratch)
        let pid = scratch.directory + "/pid"
        let command = command("sleep 1000 & echo $! > \(pid).new; mv \(pid).new \(pid); wait", "echo never")
        await test.run(command)
        while !Files.exists(pid) { await Task.yield() }
        await test.agent.receive(NodeMessage(.cancel, command: command.id))
        let report = try await test.report(command.id)
        #expect(report.outcome == .cancelled)
        #expect(report.steps.map(\.status) == [.cancelled, .cancelled])
        #expect(report.steps[0].code == 137)
        let background = try #require(
            Int32(String(decoding: try Files.read(pid), as: UTF8.self).filter { $0 != "\n" }))
        #expect(await isGone(background))
        // Again: the same answer.
        await test.agent.receive(NodeMessage(.cancel, command: command.id))
        #expect(test.link.all(.finished).count == 2)
    }

    @Test func aCancelThatOvertakesItsCommandKeepsItFromRunning() async throws {
        let test = try await TestAgent(scratch)
        let marker = scratch.directory + "/ran"
        let command = command("touch \(marker)")
        await test.agent.receive(NodeMessage(.cancel, command: command.id))
        await test.run(command)
        #expect(test.link.all(.finished).compactMap { CommandReport($0.body)?.outcome } == [.cancelled, .cancelled])
        #expect(test.link.all(.accepted).isEmpty)
        #expect(!Files.exists(marker))
    }

    // MARK: At most once

    @Test func repeatedOffersRunACommandOnce() async throws {
        let test = try await TestAgent(scratch)
        let log = scratch.directory + "/log"
        let go = scratch.directory + "/go"
        let command = command("echo run >> \(log); while [ ! -e \(go) ]; do sleep 0.01; done")
        for _ in 0..<3 { await test.run(command) }
        try Files.write([], to: go)
        _ = try await test.report(command.id)
        await test.run(command)
        #expect(test.link.all(.accepted).count == 3)
        #expect(test.link.all(.finished).count == 2)
        await test.agent.receive(NodeMessage(.finishedReceived, command: command.id))
        await test.run(command)
        #expect(test.link.all(.finished).count == 2)
        #expect(try Files.read(log) == Array("run\n".utf8))
    }

    @Test func anExpiredCommandIsNotStarted() async throws {
        let test = try await TestAgent(scratch)
        let command = command("touch \(scratch.directory)/ran", expiresIn: .seconds(-1))
        await test.run(command)
        #expect(try await test.report(command.id).outcome == .deliveryTimedOut)
        #expect(test.link.all(.accepted).isEmpty)
        #expect(!Files.exists(scratch.directory + "/ran"))
    }

    @Test func anOutcomeIsSentUntilItIsReceivedOverAllReconnections() async throws {
        let test = try await TestAgent(scratch)
        let command = command("echo done")
        test.link.cut(true)
        await test.run(command)
        while await test.agent.commands[command.id]?.state.report == nil { await Task.yield() }
        test.link.cut(false)
        await test.register()
        #expect(test.link.all(.finished).count == 1)
        await test.register()
        #expect(test.link.all(.finished).count == 2)
        await test.agent.receive(NodeMessage(.finishedReceived, command: command.id))
        await test.register()
        #expect(test.link.all(.finished).count == 2)
    }

    // MARK: Restart

    @Test func anAgentThatStopsMidCommandReportsWhatItCannotKnow() async throws {
        let first = try await TestAgent(scratch)
        let command = command("echo one", "echo again >> \(scratch.directory)/log; sleep 1000", "echo never")
        let waiting = (0..<5).map { _ in AgentTests.sleeper() }
        await first.run(command)
        _ = await first.link.wait(.stepStarted, count: 2)
        let log = scratch.directory + "/log"
        while !Files.exists(log) { await Task.yield() }
        for other in waiting { await first.run(other) }

        await first.agent.stop()
        let second = try await TestAgent(scratch)
        let report = try await second.report(command.id)
        #expect(report.outcome == .failed)
        #expect(report.steps.map(\.name) == ["step1", "step2"])
        #expect(report.steps[0].standardOutput == "one\n")
        #expect(report.steps[1].code == -1)
        #expect(report.steps[1].standardError.contains("\"step2\""))
        #expect(report.steps[1].standardError.contains("cannot be known"))
        #expect(second.link.all(.register).first?.body["Commands"]?.array?.count == 6)
        // Offered again, it is reported again and not run.
        await second.run(command)
        #expect(second.link.all(.accepted).isEmpty)
        #expect(try Files.read(log) == Array("again\n".utf8))
        await second.agent.stop()
    }

    private static func sleeper() -> NodeCommand { command("sleep 1000") }

    @Test func aCommandThatWasNotBegunRunsAfterTheRestart() async throws {
        let store = try AgentStore(directory: scratch.directory)
        let command = command("echo late")
        try store.add(StoredCommand(id: command.id, command: command, state: .init(expiresAt: command.expiresAt)))
        let test = try await TestAgent(scratch)
        let report = try await test.report(command.id)
        #expect(report.outcome == .success)
        #expect(report.steps[0].standardOutput == "late\n")
    }

    @Test func anAgentKilledOutrightTakesItsScriptsAlongAndIsSucceededByOneThatSaysSo() async throws {
        let directory = scratch.directory
        let command = command("echo $$ > \(directory)/pid; sleep 1000 & wait")
        try Files.write(command.json.bytes, to: directory + "/command")
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
            let agent = try Agent(
                Agent.Options(directory: directory, environment: ["PATH": "/usr/bin:/bin"]),
                processes: ProcessLoop(), clock: SystemClock(), log: Log(component: "agent", minimum: .error))
            await agent.connect(TestLink())
            let text = try JSON(parsing: try Files.read(directory + "/command"))
            await agent.receive(NodeMessage(.run, text))
            while !Files.exists(directory + "/pid") { try await Task.sleep(for: .milliseconds(1)) }
            kill(getpid(), SIGKILL)
        }
        let text = String(decoding: try Files.read(directory + "/pid"), as: UTF8.self)
        let leader = try #require(Int32(text.filter { $0 != "\n" }))
        #expect(await isGone(leader), "the script does not outlive its agent")
        let test = try await TestAgent(scratch)
        let report = try await test.report(command.id)
        #expect(report.outcome == .failed)
        #expect(report.steps[0].standardError.contains("were killed with the agent"))
    }

    /// A process that has been killed takes a moment to go.
    private func isGone(_ identifier: Int32) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(20)
        while kill(identifier, 0) == 0 && ContinuousClock.now < deadline { await Task.yield() }
        return kill(identifier, 0) != 0
    }
}
