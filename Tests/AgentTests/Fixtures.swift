import API
import Core
import Foundation
import Platform
import Synchronization
import Testing

@testable import Agent

/// A directory that goes away with the test.
final class Scratch: Sendable {
    let directory = FileManager.default.temporaryDirectory.path + "/opsbus-agent-\(UUID().uuidString)"

    init() { try? Files.createDirectory(directory) }

    deinit { try? Files.remove(directory) }
}

let quiet = Log(component: "test", minimum: .error)

/// The server's end of a link, played by a test.
final class TestLink: AgentLink {
    private struct State {
        var messages: [NodeMessage] = []
        var reconnections = 0
        var isDown = false
        var answer: (@Sendable (NodeMessage) -> Void)?
    }

    private let state = Mutex(State())

    func send(_ message: NodeMessage) -> Bool {
        let (isTaken, answer) = state.withLock { state in
            if !state.isDown { state.messages.append(message) }
            return (!state.isDown, state.answer)
        }
        if isTaken { answer?(message) }
        return isTaken
    }

    /// Has every message that the agent sends looked at.
    func onMessage(_ answer: @escaping @Sendable (NodeMessage) -> Void) { state.withLock { $0.answer = answer } }

    func reconnect() { state.withLock { $0.reconnections += 1 } }

    func cut(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    var messages: [NodeMessage] { state.withLock { $0.messages } }

    func all(_ kind: NodeMessage.Kind) -> [NodeMessage] { messages.filter { $0.kind == kind } }

    func forget() { state.withLock { $0.messages = [] } }

    /// Waits until as many messages of a kind have come, and answers the last; nil after half a minute.
    func wait(_ kind: NodeMessage.Kind, count: Int = 1) async -> NodeMessage? {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let found = all(kind)
            if found.count >= count { return found[count - 1] }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return nil
    }
}

/// An agent on a directory, and what it says.
struct TestAgent {
    static let processes = ProcessLoop()

    let agent: Agent
    let link = TestLink()

    /// - Parameter adjust: Changes the agent's options.
    init(_ scratch: Scratch, window: Int = 65_536, adjust: (inout Agent.Options) -> Void = { _ in }) async throws {
        var options = Agent.Options(
            directory: scratch.directory, environment: ["PATH": "/usr/bin:/bin", "HOME": scratch.directory])
        adjust(&options)
        agent = try Agent(
            options, processes: TestAgent.processes, clock: SystemClock(),
            log: Log(component: "agent", minimum: .error))
        await agent.connect(link)
        await register(window: window)
    }

    func register(window: Int = 65_536) async {
        await agent.receive(
            NodeMessage(
                .registered,
                [
                    "NodeId": "mi-0123456789abcdef0", "HeartbeatSeconds": 30, "OutputWindowBytes": .integer(window),
                ]))
    }

    /// A command of the given steps.
    func run(_ command: NodeCommand) async { await agent.receive(NodeMessage(.run, command.json)) }

    func report(_ id: Identifier) async throws -> CommandReport {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let reports = link.all(.finished).compactMap { CommandReport($0.body) }
            if let report = reports.first(where: { $0.command == id }) { return report }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw TimedOut()
    }

    struct TimedOut: Error {}
}

/// A command whose steps are scripts, named `step1` and so on.
func command(
    _ scripts: String..., timeout: Int = 60, inputs: JSON = [:], streams: Bool = false,
    expiresIn: Duration = .seconds(600)
) -> NodeCommand {
    let steps = scripts.enumerated().map { number, script -> JSON in
        var all: JSON = ["runCommand": [.string(script)], "timeoutSeconds": .integer(timeout)]
        for member in inputs.object?.members ?? [] { all[member.key] = member.value }
        return ["action": "aws:runShellScript", "name": .string("step\(number + 1)"), "inputs": all]
    }
    return command(
        document: ["schemaVersion": "2.2", "mainSteps": .array(steps)], streams: streams, expiresIn: expiresIn)
}

/// A command of steps with actions and inputs of their own, named `step1` and so on.
func command(steps: (String, JSON)...) -> NodeCommand {
    let steps = steps.enumerated().map { number, step -> JSON in
        ["action": .string(step.0), "name": .string("step\(number + 1)"), "inputs": step.1]
    }
    return command(document: ["schemaVersion": "2.2", "mainSteps": .array(steps)])
}

/// A command of a whole document.
func command(
    document: JSON, parameters: JSON = [:], streams: Bool = false, expiresIn: Duration = .seconds(600)
) -> NodeCommand {
    var generator = SystemRandomNumberGenerator()
    return NodeCommand(
        id: Identifier(using: &generator), documentName: "Test", document: document.text, parameters: parameters,
        expiresAt: SystemClock().now + expiresIn, streamsOutput: streams)
}
