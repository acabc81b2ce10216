internal import API
internal import Agent
internal import Bus
internal import Core
internal import Glibc
internal import Platform

/// The agent process of a managed node.
enum AgentProcess {
    /// Runs until the process is told to end.
    static func run(_ configuration: Configuration) async throws -> ExitCode {
        Interruption.outliveClosedPipes()
        let log = Log(
            component: "agent", minimum: configuration[Settings.logLevel], format: configuration[Settings.logFormat])
        let directory = configuration[Settings.agentState]
        let processes = ProcessLoop()
        var options = try options(configuration, directory: directory)
        options.activationID = configuration[Settings.activationID]
        options.activationCode = configuration[Settings.activationCode]
        options.power = SystemPower(processes: processes)
        try Files.createDirectory(directory, mode: 0o700)
        let agent = try Agent(options, processes: processes, clock: SystemClock(), log: log)
        let link = try BusLink(
            endpoint: configuration[Settings.nodes], keys: try BusConnection.keys(configuration), log: log)
        log.info("connecting to \(configuration[Settings.nodes]); state in \(directory)")
        return try await Interruption.cancelling {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await link.run(agent) }
                group.addTask { await agent.run(over: link) }
                await group.next()
                group.cancelAll()
            }
            await link.close()
            return .success
        }
    }
}

extension AgentProcess {
    /// What the settings say of an agent, be it this process or within the server.
    /// - Throws: `CommandError` `.configuration`, where scripts are to run as a user that they cannot run as.
    static func options(_ configuration: Configuration, directory: String) throws(CommandError) -> Agent.Options {
        var options = Agent.Options(
            directory: directory, agentVersion: Version.current, region: configuration[Settings.region],
            environment: AgentEnvironment.inherited)
        options.downloadEnvironment = AgentEnvironment.downloads
        options.limits = limits(configuration)
        if let name = configuration[Settings.runAs] { options.user = try user(name) }
        return options
    }

    private static func limits(_ configuration: Configuration) -> ProcessLimits {
        var limits = ProcessLimits()
        limits.memoryBytes = configuration[Settings.limitMemory]
        limits.processes = configuration[Settings.limitProcesses]
        limits.openFiles = configuration[Settings.limitFiles]
        limits.fileBytes = configuration[Settings.limitFileSize]
        limits.cpuSeconds = configuration[Settings.limitProcessor].map { Int(max(1, $0.components.seconds)) }
        return limits
    }

    private static func user(_ name: String) throws(CommandError) -> ProcessUser {
        guard let user = ProcessUser(named: name) else {
            throw CommandError(
                .configuration, "--run-as: there is no user \(name) on this machine", fix: "make one, or name another")
        }
        guard user.isAllowed else {
            throw CommandError(
                .configuration, "--run-as: only root may run scripts as \(name)", fix: "start the agent as root")
        }
        return user
    }
}

/// What scripts on this node inherit from the agent's own environment.
enum AgentEnvironment {
    private static let downloadNames = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "SSL_CERT_FILE", "GITHUB_SERVER_URL",
    ]
    private static let names = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "SHELL"]

    private static let proxyNames = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    ]

    /// What downloads need beside ``inherited``: keys of S3, proxies.
    static var downloads: [String: String] { values(of: downloadNames + proxyNames) }

    private static func values(of names: [String]) -> [String: String] {
        names.reduce(into: [:]) { environment, name in
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
    }

    static var inherited: [String: String] {
        var environment = values(of: names)
        if environment["PATH"] == nil {
            environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        }
        return environment
    }
}
