internal import API
internal import Core
internal import Platform

/// Finds out, when an agent starts, what became of a command that an earlier agent had.
struct Recovery {
    let store: AgentStore
    let clock: any Clock

    /// Turns a command that was being run into a report. Its processes were killed when that agent ended.
    /// - Returns: The command as it stands now, on the disk as well.
    /// - Throws: `FileError`
    func recover(_ stored: StoredCommand) throws(FileError) -> StoredCommand {
        var stored = stored
        if stored.state.report != nil || stored.state.isAcknowledged || stored.state.isWaiting { return stored }
        if stored.state.reboot != nil, stored.state.current == nil { return stored }
        if let current = stored.state.current {
            let message = """
                The agent stopped while the step "\(current.step)" ran, which had begun at \
                \(current.start.millisecondDescription); how it would have ended cannot be known. \
                Its processes were killed with the agent. No later step was started.
                """
            stored.state.steps.append(
                StepReport(
                    name: current.step, action: current.action, status: .failed, code: -1, standardError: message,
                    start: current.start, end: clock.now))
            stored.state.report = CommandReport(
                command: stored.id, outcome: .failed, message: message, steps: stored.state.steps)
        } else {
            let last = stored.state.steps.last?.name ?? ""
            stored.state.report = CommandReport(
                command: stored.id, outcome: .failed,
                message: "The agent stopped after the step \"\(last)\"; no later step was started.",
                steps: stored.state.steps)
        }
        stored.state.current = nil
        try store.save(stored.state, of: stored.id)
        return stored
    }
}

extension CommandState {
    /// Whether the command is accepted and no step of it has been started.
    var isWaiting: Bool { current == nil && reboot == nil && steps.isEmpty && report == nil && !isAcknowledged }
}
