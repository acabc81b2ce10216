internal import Core
internal import Documents

/// One step of a command document, run by its plugin.
///
/// In schema 1.2 a step may have a list of inputs: its plugin runs with each in turn, whatever became of the ones
/// before, and the worst end counts.
struct StepExecution {
    let run: CommandStepRun
    let context: StepContext

    /// Runs the step to its end.
    func execute() async -> CommandStepEnding {
        let plugin = Plugins.plugin(for: run.action)
        var worst = CommandStepEnding.exited(code: 0)
        for inputs in run.inputs.array ?? [run.inputs] {
            let ending: CommandStepEnding
            do throws(StepEnd) {
                ending = try await plugin.run(inputs, in: context)
            } catch {
                ending = error.ending
            }
            if ending.rank > worst.rank { worst = ending }
            // What is cancelled does not go on with the next.
            if ending == .cancelled { break }
        }
        return worst
    }
}

extension CommandStepEnding {
    /// The order in which ends outweigh each other.
    /// - Source: amazon-ssm-agent, `contracts.MergeResultStatus`.
    fileprivate var rank: Int {
        switch self {
        case .exited(code: 0): 0
        // Ends the document as a success.
        case .exited(code: 168): 1
        // Asks for a reboot.
        case .exited(code: 194): 2
        case .exited, .failed: 3
        case .cancelled: 4
        case .timedOut: 5
        }
    }
}
