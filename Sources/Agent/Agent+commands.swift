internal import API
internal import Core
internal import Documents
internal import Platform

/// What becomes of commands: taken, queued, run, cancelled, reported, forgotten.
extension Agent {
    /// Commands that may wait for their turn; past it they are not acknowledged, and the server offers them again.
    private static let queuedMax = 1000
    /// How long a cancellation is remembered whose command never came: the longest delivery time.
    private static let cancellationLife = Duration.seconds(30 * 24 * 3600)
    /// Past its time a command is remembered for this long, in case the two clocks differ.
    private static let clockMargin = Duration.seconds(3600)
    private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    // MARK: From the server

    func take(_ command: NodeCommand) {
        if let known = commands[command.id] {
            if known.state.report != nil {
                report(command.id)
            } else if !known.state.isAcknowledged {
                send(NodeMessage(.accepted, command: command.id))
            }
            return
        }
        if isStopping || queue.count >= Agent.queuedMax { return }
        var stored = StoredCommand(id: command.id, command: command, state: .init(expiresAt: command.expiresAt))
        if clock.now >= command.expiresAt {
            stored.state.report = CommandReport(
                command: command.id, outcome: .deliveryTimedOut,
                message: "It arrived after its time and was not started.")
        }
        guard keep(stored) else { return }
        if stored.state.report != nil {
            report(command.id)
        } else {
            send(NodeMessage(.accepted, command: command.id))
            queue.append(command.id)
            startQueued()
        }
    }

    func cancel(_ id: Identifier) {
        guard let known = commands[id] else {
            // The command may still be on its way: the mark keeps it from running.
            var stored = StoredCommand(
                id: id, command: nil, state: .init(expiresAt: clock.now + Agent.cancellationLife))
            stored.state.report = CommandReport(
                command: id, outcome: .cancelled, message: "It was cancelled before it arrived.")
            if keep(stored) { report(id) }
            return
        }
        if known.state.report != nil {
            report(id)
        } else if let place = queue.firstIndex(of: id) {
            queue.remove(at: place)
            finished(id, .cancelled, "It was cancelled before it was started.")
        } else if runs[id] != nil {
            runs[id]?.isCancelled = true
            runs[id]?.child?.stop()
            releaseWaiter(id)
        }
    }

    /// The server knows the end: what is left is the mark that keeps a late copy of the command from running.
    func acknowledge(_ id: Identifier) {
        guard var stored = commands[id], stored.state.report != nil else { return }
        uploads[id] = nil
        stored.command = nil
        stored.state.report = nil
        stored.state.steps = []
        stored.state.isAcknowledged = true
        commands[id] = stored
        do throws(FileError) {
            // Should that be lost with the power, the end is reported and acknowledged once more.
            try store.save(stored.state, of: id, isDurable: false)
            try store.removeWork(of: id)
        } catch {
            log.warning("what the command \(id) left cannot be removed: \(error)")
        }
    }

    /// Tells the server how the command ended, unless output of it is still to be sent.
    func report(_ id: Identifier) {
        guard let report = commands[id]?.state.report, uploads[id]?.isComplete ?? true else { return }
        send(NodeMessage(.finished, report.json))
    }

    private func keep(_ stored: StoredCommand) -> Bool {
        do throws(FileError) {
            try store.add(stored)
            commands[stored.id] = stored
            return true
        } catch {
            log.error("the command \(stored.id) is not accepted: \(error)")
            return false
        }
    }

    /// Keeps a state on the disk. Where that fails the command goes on: a later crash will report it as unknown.
    private func save(_ state: CommandState, _ id: Identifier) {
        do throws(FileError) {
            try store.save(state, of: id)
        } catch {
            log.error("the state of the command \(id) cannot be kept: \(error)")
        }
    }

    // MARK: Running

    func startQueued() {
        while !isStopping, !isRebooting, runs.count < options.parallelCommandsMax, !queue.isEmpty {
            let id = queue.removeFirst()
            guard let command = commands[id]?.command else { continue }
            let runner = CommandRunner(
                command: command, interruption: commands[id]?.state.reboot, agent: self, store: store,
                processes: processes, environment: environment, user: options.user, limits: options.limits,
                clock: clock)
            // On the agent's thread, since it waits for the disk.
            let task = Task(executorPreference: thread) { await runner.run() }
            runs[id] = Run(task: task)
            uploads[id] = uploads[id] ?? Upload(credit: outputWindowBytes)
        }
    }

    private var environment: [String: String] {
        let machine = Machine.current
        var environment = options.environment
        if environment["PATH"] == nil { environment["PATH"] = Agent.defaultPath }
        if let user = options.user {
            environment["HOME"] = user.home
            environment["USER"] = user.name
            environment["LOGNAME"] = user.name
        }
        environment["AWS_SSM_INSTANCE_ID"] = nodeID ?? ""
        environment["AWS_SSM_REGION_NAME"] = options.region
        environment["AWS_SSM_PLATFORM_NAME"] = machine.platformName
        environment["AWS_SSM_PLATFORM_VERSION"] = machine.platformVersion
        return environment
    }

    // MARK: Restarts of the machine

    /// Keeps a run whose step asked for a restart of the machine, to go on with it after that.
    func paused(_ id: Identifier, _ step: String, _ machine: JSON) {
        runs[id] = nil
        guard var stored = commands[id] else { return }
        stored.state.current = nil
        stored.state.reboot = CommandState.Reboot(step: step, machine: machine, bootID: options.power.bootID)
        commands[id] = stored
        save(stored.state, id)
        queue.insert(id, at: 0)
        isRebooting = true
        rebootWhenIdle()
    }

    /// Other commands come to their end first.
    func rebootWhenIdle() {
        guard isRebooting, runs.isEmpty, !isStopping else { return }
        Task {
            do throws(NodePowerError) {
                log.info("a command has the machine restarted")
                try await options.power.reboot()
            } catch {
                rebootFailed(error.reason)
            }
        }
    }

    private func rebootFailed(_ reason: String) {
        log.warning("the machine is not restarted: \(reason)")
        for id in queue { commands[id]?.state.reboot?.failure = reason }
        isRebooting = false
        startQueued()
    }

    func isCancelled(_ id: Identifier) -> Bool { runs[id]?.isCancelled ?? false }

    /// Notes that a step is about to be started.
    /// - Throws: `FileError`; the step must then not be started.
    func began(_ id: Identifier, _ step: CommandStepRun, at start: Timestamp) throws {
        guard var stored = commands[id] else { return }
        stored.state.reboot = nil
        stored.state.current = CommandState.Current(step: step.name, action: step.action, start: start)
        try store.save(stored.state, of: id)
        commands[id] = stored
        send(
            NodeMessage(
                .stepStarted,
                [
                    "CommandId": .string(id.description), "StepName": .string(step.name),
                    "Action": .string(step.action), "Time": .string(start.millisecondDescription),
                ]))
    }

    /// Notes the process of the step that runs.
    func spawned(_ id: Identifier, _ child: ChildProcess) {
        runs[id]?.child = child
        if isCancelled(id) { child.stop() }
    }

    /// Notes steps that are done.
    /// - Parameter isLast: Whether the end of the command is noted at once after it, and this with it.
    func ended(_ id: Identifier, _ reports: [StepReport], isLast: Bool) {
        runs[id]?.child = nil
        closeSpools(id)
        guard var stored = commands[id] else { return }
        stored.state.current = nil
        stored.state.steps += reports
        commands[id] = stored
        if !isLast { save(stored.state, id) }
        for report in reports {
            var body = report.json
            body["CommandId"] = .string(id.description)
            send(NodeMessage(.stepFinished, body))
        }
    }

    /// Notes how the command ended, and reports it.
    func finished(_ id: Identifier, _ outcome: CommandReport.Outcome, _ message: String) {
        runs[id] = nil
        guard var stored = commands[id] else { return }
        let report = CommandReport(command: id, outcome: outcome, message: message, steps: stored.state.steps)
        stored.state.report = report
        stored.state.current = nil
        stored.state.reboot = nil
        commands[id] = stored
        save(stored.state, id)
        self.report(id)
        if isRebooting { rebootWhenIdle() } else { startQueued() }
    }

    // MARK: Forgetting

    func forgetExpired() {
        let now = clock.now
        for stored in commands.values
        where stored.state.isAcknowledged && stored.state.expiresAt + Agent.clockMargin < now {
            do throws(FileError) {
                try store.remove(stored.id)
                commands[stored.id] = nil
            } catch {
                log.warning("the command \(stored.id) cannot be removed: \(error)")
            }
        }
    }
}
