internal import API
internal import Agent
internal import Platform
internal import Storage
internal import Synchronization

/// The agent within the server's process, so that one process is a useful system.
final class EmbeddedAgent: Sendable {
    let link = MemoryLink()
    private let agent: Agent
    private let handler: any NodeMessageHandler
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// - Throws: `CommandError` `.configuration`; `FileError`, `StorageError`.
    init(
        _ configuration: Configuration, in data: Storage.DataDirectory, handler: any NodeMessageHandler,
        processes: ProcessLoop, clock: any Clock, log: Log
    ) throws {
        let directory = data.path + "/agent"
        var options = try AgentProcess.options(configuration, directory: directory)
        try Files.createDirectory(directory, mode: 0o700)
        if options.user != nil { try data.letPass() }
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
