internal import API
internal import Core
internal import Documents
internal import Platform

/// What a plugin may use: where it is, whose step it runs, and the ways to programs, to the server and to the output.
struct StepContext {
    let command: NodeCommand
    /// The step of the command's own document; also for the steps of documents within it.
    let step: String
    /// Documents around this one that steps run.
    let depth: Int
    /// All that programs find in their environment.
    let environment: [String: String]
    /// For this step's files alone.
    let directory: String
    let agent: Agent
    let store: AgentStore
    let processes: ProcessLoop
    /// As whom scripts run; nil for as the agent itself.
    let user: ProcessUser?
    /// What each process of a script may use.
    let limits: ProcessLimits
    let clock: any Clock
    let output: StepOutput

    /// Of programs that have no time limit of their own.
    static let timeout = Duration.seconds(ScriptTimeout.standardSeconds)

    /// Where relative paths of downloads and working directories lead.
    var downloads: String { store.downloads(of: command.id) }

    /// The context of a step of a document within this one.
    /// - Parameter number: Tells its files from those of other steps.
    func nested(_ run: CommandStepRun, number: Int) -> StepContext {
        StepContext(
            command: command, step: step, depth: depth + 1,
            environment: environment.merging(run.environment) { _, argument in argument },
            directory: "\(directory)/\(number)", agent: agent, store: store, processes: processes, user: user,
            limits: limits, clock: clock, output: output)
    }

    /// What programs find that download something: keys and proxies, which scripts do not see.
    var downloadEnvironment: [String: String] {
        environment.merging(agent.options.downloadEnvironment) { _, value in value }
    }

    // MARK: Paths

    /// The path as it is where it is absolute, else within the command's downloads.
    /// - Throws: `StepEnd` where it leads out of them.
    func path(_ text: String) throws(StepEnd) -> String {
        if text.hasPrefix("/") { return text }
        guard !text.split(separator: "/").contains("..") else {
            throw .failure("the path \(text) leads out of the command's downloads; use an absolute path")
        }
        return downloads + "/" + text
    }

    /// The path of a program, from `PATH`; nil where there is none.
    func program(_ name: String) -> String? {
        for directory in (environment["PATH"] ?? "").split(separator: ":") {
            let path = "\(directory)/\(name)"
            if Files.isExecutable(path) { return path }
        }
        return nil
    }

    /// - Throws: `StepEnd` that says what is missing and for what.
    func require(_ name: String, for what: String) throws(StepEnd) -> String {
        guard let path = program(name) else {
            throw .failure("\(what) needs the program \(name), which is not on this node; install it")
        }
        return path
    }

    /// Runs what may fail in the file system.
    /// - Throws: `StepEnd`.
    func files<Value>(_ body: () throws(FileError) -> Value) throws(StepEnd) -> Value {
        do throws(FileError) {
            return try body()
        } catch {
            throw .failure(error.description)
        }
    }

    // MARK: Programs

    /// Runs a program whose outputs are those of the step.
    /// - Throws: `StepEnd` where it cannot be started, or the command was cancelled before.
    func run(_ request: ProcessRequest) async throws(StepEnd) -> CommandStepEnding {
        let child = try await start(request)
        var ending = CommandStepEnding.failed(message: "the step's process was lost")
        while let event = await child.next() {
            switch event {
            case .output(let stream, let bytes): await output.append(stream, bytes)
            case .ended(let outcome): ending = CommandStepEnding(outcome)
            }
        }
        return ending
    }

    /// Runs a program that has to succeed.
    /// - Parameter what: For the error: `git clone`.
    /// - Throws: `StepEnd` where it does not.
    func perform(_ request: ProcessRequest, _ what: String) async throws(StepEnd) {
        try StepContext.check(try await run(request), what)
    }

    /// The standard output of a program that has to succeed; its errors are those of the step.
    /// - Parameter bytesMax: What is kept of it.
    func collect(_ request: ProcessRequest, _ what: String, bytesMax: Int = 16 << 20) async throws(StepEnd) -> [UInt8] {
        let child = try await start(request)
        let collected = await child.collect(bytesMax: bytesMax)
        if !collected.standardError.isEmpty { await output.append(.standardError, collected.standardError) }
        try StepContext.check(CommandStepEnding(collected.outcome), what)
        return collected.standardOutput
    }

    /// A request for a program with the step's environment.
    func request(
        _ executable: String, _ arguments: [String], environment more: [String: String] = [:],
        directory: String? = nil, input: [UInt8] = [], timeout: Duration = StepContext.timeout
    ) -> ProcessRequest {
        ProcessRequest(
            executable, arguments, environment: environment.merging(more) { _, value in value },
            directory: directory, input: input, timeout: timeout)
    }

    private func start(_ request: ProcessRequest) async throws(StepEnd) -> ChildProcess {
        if await agent.isCancelled(command.id) { throw .stopped(.cancelled) }
        do {
            let child = try await processes.start(request)
            await agent.spawned(command.id, child)
            return child
        } catch {
            throw .failure("the step cannot be started: \(error)")
        }
    }

    private static func check(_ ending: CommandStepEnding, _ what: String) throws(StepEnd) {
        switch ending {
        case .exited(code: 0): return
        case .exited(let code): throw .failure("\(what) failed with exit code \(code)")
        case .failed(let message): throw .failure("\(what): \(message)")
        case .timedOut, .cancelled: throw .stopped(ending)
        }
    }
}

extension CommandStepEnding {
    /// As the document machine knows the end of a program.
    init(_ outcome: ProcessOutcome) {
        switch (outcome.stopped, outcome.status) {
        case (.timedOut?, _): self = .timedOut
        case (.cancelled?, _): self = .cancelled
        case (nil, .exited(let code)): self = .exited(code: Int(code))
        // As a shell reports it.
        case (nil, .signalled(let signal)): self = .exited(code: 128 + Int(signal))
        }
    }
}
