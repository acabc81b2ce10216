internal import Core
internal import Documents
internal import Platform

/// `aws:runDockerAction`: one action of the program `docker`.
/// - Source: Systems Manager user guide, "aws:runDockerAction"; amazon-ssm-agent, `dockercontainer`.
struct DockerPlugin: Plugin {
    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        let arguments = try Self.arguments(PluginInputs(inputs, of: "aws:runDockerAction"))
        let docker = try context.require("docker", for: "aws:runDockerAction")
        return try await context.run(context.request(docker, arguments))
    }

    /// The arguments of the program for an action and its inputs.
    /// - Throws: `StepEnd` for an action there is none of, and an input that it cannot do without.
    static func arguments(_ inputs: PluginInputs) throws(StepEnd) -> [String] {
        let action = try inputs.required("action")
        switch action.lowercased() {
        case "create", "run":
            var arguments = [action.lowercased()]
            if action.lowercased() == "run" { arguments.append("-d") }
            for (option, key) in [
                ("--name", "container"), ("--memory", "memory"), ("--cpu-shares", "cpuShares"), ("--user", "user"),
                ("--publish", "publish"),
            ] {
                if let value = try inputs.text(key) { arguments += [option, value] }
            }
            for volume in try inputs.list("volume") where !volume.isEmpty { arguments += ["--volume", volume] }
            for variable in try inputs.list("env") where !variable.isEmpty { arguments += ["--env", variable] }
            return arguments + [try name(inputs, "image")] + words(try inputs.text("cmd"))
        case "start", "stop", "rm", "inspect", "logs":
            return [action.lowercased(), try name(inputs, "container")]
        case "stats": return ["stats", "--no-stream"] + [try inputs.text("container")].compactMap { $0 }
        case "exec":
            var arguments = ["exec"]
            if let user = try inputs.text("user") { arguments += ["--user", user] }
            guard let command = try inputs.text("cmd") else { throw .failure("the action Exec needs the input cmd") }
            return arguments + [try name(inputs, "container")] + words(command)
        case "pull": return ["pull", try name(inputs, "image")]
        case "rmi": return ["rmi", try name(inputs, "image")]
        case "images": return ["images"]
        case "ps": return ["ps", "--all"]
        default:
            throw .failure(
                "the action must be Create, Run, Start, Stop, Rm, Exec, Inspect, Logs, Ps, Stats, Pull, Images or Rmi, "
                    + "not \(action)")
        }
    }

    /// A name that the program cannot take for an option.
    private static func name(_ inputs: PluginInputs, _ key: String) throws(StepEnd) -> String {
        let name = try inputs.required(key)
        guard !name.hasPrefix("-") else { throw .failure("the \(key) \(name) begins with a dash") }
        return name
    }

    private static func words(_ command: String?) -> [String] {
        (command ?? "").split(separator: " ").map(String.init)
    }
}
