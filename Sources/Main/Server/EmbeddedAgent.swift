internal import API
internal import Agent
internal import Platform
internal import Synchronization

/// The agent within the server's process, so that one process is a useful system.
final class EmbeddedAgent: Sendable {
    let link = MemoryLink()
    private let agent: Agent
    private let handler: any NodeMessageHandler
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// - Parameter directory: For the agent's state.
    /// - Throws: `FileError`.
    init(
        directory: String, region: String, handler: any NodeMessageHandler, processes: ProcessLoop,
        clock: any Clock, log: Log
    ) throws {
        try Files.createDirectory(directory, mode: 0o700)
        var options = Agent.Options(
            directory: directory, agentVersion: Version.current, region: region,
            environment: AgentEnvironment.inherited)
        options.downloadEnvironment = AgentEnvironment.downloads
        options.power = NoPower("the server's own node does not restart the server's machine; use 'opsbus agent'")
        agent = try Agent(options, processes: processes, clock: clock, log: log)
        self.handler = handler
    }

    func start() {
        let (link, agent, handler) = (link, agent, handler)
        tasks.withLock {
            $0 = [
                Task { await link.run(agent: agent, handler: handler) }, Task { await agent.run(over: link) },
            ]
        }
    }

    func stop() async {
        for task in tasks.withLock({ $0 }).reversed() {
            task.cancel()
            await task.value
        }
    }
}
