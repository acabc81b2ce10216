public import API
internal import Core
public import Platform

/// The node's side of OpsBus: keeps the link to the server, and runs the commands that come over it.
///
/// A command is on the disk before it is acknowledged, and a step before it is started. So each runs at most once,
/// whatever becomes of the agent, the link or the server; what the agent cannot know after a crash it reports as such.
public actor Agent {
    public struct Options: Sendable {
        /// Where the agent keeps its state; for this agent alone.
        public var directory: String
        /// For the first registration; not needed where the connection vouches for the node.
        public var activationID: String?
        public var activationCode: String?
        public var agentVersion: String
        public var region: String
        /// What scripts inherit.
        public var environment: [String: String]
        /// What downloads find beside that: `AWS_ACCESS_KEY_ID` and its fellows, proxies, `GITHUB_SERVER_URL`.
        public var downloadEnvironment: [String: String] = [:]
        /// How steps restart the machine.
        public var power: any NodePower = NoPower()
        /// As whom scripts run; nil for as the agent itself.
        public var user: ProcessUser?
        /// What each process of a script may use.
        public var limits = ProcessLimits()
        /// Commands run at a time; further ones queue.
        public var parallelCommandsMax = 5

        public init(
            directory: String, activationID: String? = nil, activationCode: String? = nil,
            agentVersion: String = "", region: String = "us-east-1", environment: [String: String] = [:]
        ) {
            self.directory = directory
            self.activationID = activationID
            self.activationCode = activationCode
            self.agentVersion = agentVersion
            self.region = region
            self.environment = environment
        }
    }

    /// A command being run.
    struct Run {
        let task: Task<Void, Never>
        /// The process of the present step.
        var child: ChildProcess?
        var isCancelled = false
    }

    nonisolated let options: Options
    nonisolated let store: AgentStore
    nonisolated let processes: ProcessLoop
    nonisolated let clock: any Clock
    nonisolated let log: Log
    /// What steps need from the server while they run.
    nonisolated let contents = ServerContents()
    /// Nil once the agent has stopped: the directory is free for the next one.
    private var lock: DirectoryLock?
    /// The agent's own, because it waits for the disk.
    nonisolated let thread = WorkerThread(name: "agent")
    private let machine = Machine.current
    private let random: @Sendable () -> Double
    private var identity: NodeIdentity
    private var link: (any AgentLink)?
    private var linkMachine: LinkMachine
    private var nextResend = Duration.zero
    /// Set once the agent is told to stop.
    var isStopping = false
    /// All commands on the disk.
    var commands: [Identifier: StoredCommand] = [:]
    /// Accepted and not begun, in order.
    var queue: [Identifier] = []
    var runs: [Identifier: Run] = [:]
    /// Output of commands whose end the server has not acknowledged.
    var uploads: [Identifier: Upload] = [:]
    var outputWindowBytes = 64 << 10
    /// Set from when a step asks for a restart of the machine: no further command is started before it.
    var isRebooting = false

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// How often what the server has not acknowledged is sent again.
    private static let resendInterval = Duration.seconds(10)

    /// Opens the agent's directory and finds out what became of the commands in it: those that an earlier agent was
    /// running are reported as failed once there is a link.
    /// - Parameter random: From 0 to 1, to spread reconnections.
    /// - Throws: `FileError`, with `EWOULDBLOCK` where another agent uses the directory.
    public init(
        _ options: Options, processes: ProcessLoop, clock: any Clock, log: Log,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) throws {
        self.options = options
        self.processes = processes
        self.clock = clock
        self.log = log
        self.random = random
        store = try AgentStore(directory: options.directory, scriptUser: options.user)
        lock = try DirectoryLock(options.directory)
        var generator = SystemRandomNumberGenerator()
        identity = try store.node(using: &generator)
        linkMachine = LinkMachine(now: clock.monotonic)
        for stored in try store.commands() {
            let recovered = try Recovery(store: store, clock: clock).recover(stored)
            commands[stored.id] = recovered
            if recovered.state.isWaiting || recovered.state.reboot != nil { queue.append(stored.id) }
            if let report = recovered.state.report {
                uploads[stored.id] = Upload(spools: store.spools(of: report), credit: 0)
            }
            if let reboot = recovered.state.reboot {
                let steps = recovered.state.steps.map(\.name) + [reboot.step]
                uploads[stored.id] = Upload(spools: store.spools(of: steps, in: stored.id), credit: 0)
            }
        }
        // What a restart interrupted goes on first; the order of arrival is not kept: what expires first goes first.
        let states = commands.mapValues(\.state)
        queue.sort { left, right in
            guard let left = states[left], let right = states[right] else { return false }
            let (isLeftBegun, isRightBegun) = (left.reboot != nil, right.reboot != nil)
            return isLeftBegun == isRightBegun ? left.expiresAt < right.expiresAt : isLeftBegun
        }
        isRebooting = states.values.contains { $0.reboot?.bootID == options.power.bootID }
    }

    deinit { thread.stop() }

    /// The node's identifier; nil until it has been registered once.
    public var nodeID: String? { identity.id }

    public var isRegistered: Bool { linkMachine.isRegistered }

    // MARK: Life

    /// Registers over the link and serves it until the task is cancelled; then ends what runs.
    ///
    /// Commands ended that way are reported as failed by the next agent on this directory.
    public func run(over link: any AgentLink) async {
        connect(link)
        while !Task.isCancelled {
            tick()
            do { try await clock.sleep(for: min(.seconds(1), linkMachine.deadline - clock.monotonic)) } catch { break }
        }
        await stop()
    }

    /// Registers over the link.
    func connect(_ link: any AgentLink) {
        self.link = link
        linkMachine = LinkMachine(now: clock.monotonic)
        register()
        if isRebooting { rebootWhenIdle() } else { startQueued() }
    }

    /// The link was made anew by itself: its other end knows nothing of this node yet, so the agent registers again.
    public func linkConnected() {
        linkMachine = LinkMachine(now: clock.monotonic)
        releaseWaiters()
        register()
    }

    /// Ends what runs, without an outcome, and leaves the directory to the next agent.
    func stop() async {
        isStopping = true
        let tasks = runs.values.map(\.task)
        for task in tasks { task.cancel() }
        releaseWaiters()
        for task in tasks { await task.value }
        lock = nil
    }

    /// What is due by time.
    func tick() {
        let now = clock.monotonic
        perform(linkMachine.timePassed(to: now, jitter: random()))
        if isRegistered && now >= nextResend { resend() }
        pumpAll(now)
        forgetExpired()
    }

    private func register() {
        let registration = NodeRegistration(
            node: identity.id, fingerprint: identity.fingerprint, activationID: options.activationID,
            activationCode: options.activationCode, computerName: machine.computerName,
            platformName: machine.platformName, platformVersion: machine.platformVersion,
            agentVersion: options.agentVersion, ipAddress: machine.ipAddress,
            commands: commands.values.filter { !$0.state.isAcknowledged }.map(\.id))
        send(NodeMessage(.register, registration.json))
    }

    private func perform(_ effects: [LinkMachine.Effect]) {
        for effect in effects {
            switch effect {
            case .reconnect: link?.reconnect()
            case .sendRegister: register()
            case .sendHeartbeat: send(NodeMessage(.heartbeat))
            case .resend: resend()
            case .disconnected:
                log.warning("the server is out of reach")
                releaseWaiters()
            }
        }
    }

    /// Sends again the outcomes that the server has not acknowledged.
    private func resend() {
        nextResend = clock.monotonic + Agent.resendInterval
        for id in commands.keys { report(id) }
    }

    /// A message lost here is asked for again by the server, or sent again by `resend`.
    @discardableResult
    func send(_ message: NodeMessage) -> Bool { link?.send(message) ?? false }

    // MARK: Messages

    /// Takes in a message of the server; in order.
    public func receive(_ message: NodeMessage) {
        if isStopping { return }
        linkMachine.heard(now: clock.monotonic)
        switch message.kind {
        case .registered: registered(message.body)
        case .refused: refused(message.body)
        case .run: NodeCommand(message.body).map(take) ?? log.warning("a malformed command was ignored")
        case .cancel: message.command.map(cancel)
        case .finishedReceived: message.command.map(acknowledge)
        case .outputCredit: NodeOutput(message.body).map { addCredit($0, message.body["Bytes"]?.int ?? 0) }
        case .fetched: Task { await contents.answered(message) }
        case .heartbeat: break
        case .register, .accepted, .stepStarted, .output, .stepFinished, .finished, .fetch:
            log.warning("the server sent \(message.kind.rawValue), which only agents send")
        }
    }

    private func registered(_ body: JSON) {
        guard let id = body["NodeId"]?.string, let seconds = body["HeartbeatSeconds"]?.double, seconds > 0.001 else {
            return log.warning("the server's answer to Register makes no sense: \(body)")
        }
        if identity.id != id {
            identity.id = id
            do throws(FileError) {
                try store.save(identity)
            } catch {
                log.error("the node id \(id) cannot be kept: \(error)")
            }
            log.info("registered as \(id)")
        }
        outputWindowBytes = max(1, body["OutputWindowBytes"]?.int ?? outputWindowBytes)
        for id in uploads.keys { uploads[id]?.restart(credit: outputWindowBytes) }
        let heartbeat = Duration.microseconds(Int64(min(seconds, 3600) * 1_000_000))
        perform(linkMachine.registered(heartbeat: heartbeat, now: clock.monotonic))
        pumpAll(clock.monotonic)
        startQueued()
    }

    private func refused(_ body: JSON) {
        let code = body["Code"]?.string ?? ""
        let mayRegister = code == NodeMessage.notRegistered
        if !mayRegister { log.error("the server refuses this node: \(body["Message"]?.string ?? code)") }
        perform(linkMachine.refused(mayRegister: mayRegister, now: clock.monotonic, jitter: random()))
    }
}
