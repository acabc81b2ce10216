internal import Core
internal import Documents

/// What one action of command documents does on this node.
protocol Plugin: Sendable {
    /// Does it, to the end.
    /// - Parameter inputs: References resolved; an object.
    /// - Returns: How the step ended.
    /// - Throws: `StepEnd` for an end before the end.
    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding
}

/// Why a step ends early.
enum StepEnd: Error, Hashable {
    /// What is wrong, and what to do about it.
    case failure(String)
    /// The server has no document of that name; what it said.
    case unknownDocument(String)
    /// A program of the step was stopped.
    case stopped(CommandStepEnding)

    /// What the document machine is told.
    var ending: CommandStepEnding {
        switch self {
        case .failure(let message), .unknownDocument(let message): .failed(message: message)
        case .stopped(let ending): ending
        }
    }
}

/// The plugins of this node by their actions.
enum Plugins {
    /// The plugin of that action; one that refuses by name where the node has none.
    static func plugin(for action: String) -> any Plugin {
        switch action {
        case "aws:runShellScript": ScriptPlugin(.shell)
        case "aws:runPowerShellScript": ScriptPlugin(.powerShell)
        case "aws:downloadContent": DownloadContentPlugin()
        case "aws:runDocument": RunDocumentPlugin()
        case "aws:configurePackage": ConfigurePackagePlugin()
        case "aws:softwareInventory": SoftwareInventoryPlugin()
        case "aws:runDockerAction": DockerPlugin()
        case "aws:refreshAssociation":
            RefusedPlugin("\(action) needs State Manager, which OpsBus does not have yet; no association was applied")
        case "aws:updateSsmAgent": UpdateAgentPlugin()
        default: RefusedPlugin("the plugin \(action) does not run on this node")
        }
    }
}

/// `aws:updateSsmAgent`: succeeds where the agent has the wanted version, and else says how it is updated.
struct UpdateAgentPlugin: Plugin {
    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        let version = context.agent.options.agentVersion
        guard try PluginInputs(inputs, of: "aws:updateSsmAgent").text("targetVersion") == version else {
            throw .failure(
                "the agent, of version \(version), is part of the opsbus program: install its new version with the "
                    + "package manager, or put the new file in its place, and restart the service")
        }
        await context.output.write("the agent has the version \(version) already")
        return .exited(code: 0)
    }
}

/// Stands for a plugin that this node does not have.
struct RefusedPlugin: Plugin {
    private let reason: String

    /// - Parameter reason: With what to do instead.
    init(_ reason: String) { self.reason = reason }

    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        throw .failure(reason)
    }
}
