internal import API
internal import Core
internal import Platform
internal import Storage

/// Brings what runs in line with what pipes are to do.
actor PipeDirector {
    private let database: Database
    private let targets: TargetCaller
    private let journal: any Journal
    private let arrivals: JournalArrivals
    private let account: Account
    private let clock: any Clock
    private let log: Log
    private var runs: [String: PipeRun] = [:]
    private let turn = Turn()
    private var isSuspended = true

    init(
        database: Database, targets: TargetCaller, journal: any Journal, account: Account, clock: any Clock, log: Log
    ) {
        self.database = database
        self.targets = targets
        self.journal = journal
        arrivals = JournalArrivals(journal)
        self.account = account
        self.clock = clock
        self.log = log
    }

    /// Runs what is to run.
    func start() async throws {
        isSuspended = false
        for pipe in try await database.read({ try PipeStore.all($0) }) {
            do {
                try await apply(pipe.name)
            } catch {
                // One that this version cannot run keeps nobody else from running.
                log.error("\(pipe.subject) cannot run: \(error)")
                await tell("\(error)", of: pipe)
            }
        }
    }

    /// Stops everything, and returns when nothing runs any more.
    func stop() async {
        isSuspended = true
        for run in runs.values { _ = await run.stop() }
        for run in runs.values { await run.end() }
        runs = [:]
    }

    /// Lets go of everything; what a pipe has in its hands it brings to an end unseen.
    func suspend() async {
        isSuspended = true
        for run in runs.values { _ = await run.stop() }
        runs = [:]
    }

    /// Makes one pipe do what it is to do now.
    ///
    /// Returns when it does, or has been told to and has first to bring to an end what it has in its hands.
    func apply(_ name: String) async throws {
        await turn.take()
        defer { turn.leave() }
        if isSuspended { return }
        let pipe = try await database.read { try PipeStore.find(name, $0) }
        if let run = runs[name] {
            if let pipe, pipe.isWanted, pipe.modified == run.pipe.modified { return try await settle(pipe, .running) }
            guard await run.stop() else { return }
            runs[name] = nil
        }
        guard let pipe else { return }
        guard pipe.isWanted, pipe.state != .deleting else { return try await settle(pipe, .stopped) }
        await start(pipe, try PipePlan(pipe.definition, account: account))
        try await settle(pipe, .running)
    }

    private func settle(_ pipe: Pipe, _ state: Pipe.State) async throws {
        if pipe.state == state { return }
        let reason = state == .running ? pipe.reason : nil
        try await database.maintain { try PipeStore.setState(state, reason: reason, of: pipe.name, $0) }
    }

    private func start(_ pipe: Pipe, _ plan: PipePlan) async {
        let run = PipeRun(
            pipe, plan, source: source(of: pipe, plan), targets: targets, database: database, account: account,
            clock: clock, log: log, onReason: { reason in Task { await self.tell(reason, of: pipe) } })
        runs[pipe.name] = run
        await run.start(onEnd: { Task { await self.ended(pipe, run) } })
    }

    private func source(of pipe: Pipe, _ plan: PipePlan) -> any PipeSource {
        switch plan.source {
        case .queue(let arn):
            QueuePipeSource(
                caller: targets.caller, queue: arn, batchMax: plan.batchMax, window: plan.window, clock: clock)
        case .bus(let name):
            BusPipeSource(
                pipe: pipe.name, bus: name, batchMax: plan.batchMax, journal: journal, database: database,
                arrivals: arrivals, log: log)
        }
    }

    private func tell(_ reason: String?, of pipe: Pipe) async {
        do {
            try await database.maintain { transaction in
                let current = try PipeStore.find(pipe.name, transaction.reading)
                guard let current, current.modified == pipe.modified else { return }
                try PipeStore.setState(current.state, reason: reason, of: pipe.name, transaction)
            }
        } catch {
            log.warning("\(pipe.subject): its state cannot be noted: \(error)")
        }
    }

    /// Goes on with what the pipe is to do now, after it has ended what it did before.
    private func ended(_ pipe: Pipe, _ run: PipeRun) async {
        guard runs[pipe.name] === run else { return }
        // Forgotten first: a pipe made anew in the same instant is not the one that ended.
        runs[pipe.name] = nil
        do {
            try await apply(pipe.name)
        } catch {
            log.error("\(pipe.subject): \(error)")
        }
    }
}
