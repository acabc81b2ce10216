internal import Core
internal import Platform

/// The systemd unit that runs an agent with the settings given.
struct AgentUnit {
    let configuration: Configuration
    /// The absolute path of this program.
    let program: String

    /// Where it looks for what is not to stand in a unit, which everybody may read.
    static let environmentFile = "/etc/opsbus/agent.env"

    /// Settings that are secret, or of use at the first start alone, belong into the environment file.
    private static let kept: Set<String> = [Settings.activationID.name, Settings.activationCode.name]

    var text: String {
        """
        # \(AgentUnit.environmentFile) may set OPSBUS_ACTIVATION_ID and OPSBUS_ACTIVATION_CODE for the first start
        # (see 'opsbus nodes activate'); later ones find the node in \(state).
        [Unit]
        Description=OpsBus agent
        Wants=network-online.target
        After=network-online.target

        [Service]
        EnvironmentFile=-\(AgentUnit.environmentFile)
        ExecStart=\(([program, "agent"] + flags).map(AgentUnit.quote).joined(separator: " "))
        Restart=always
        RestartSec=5
        # What runs when the agent is stopped is ended by it, and then by systemd.
        KillMode=mixed
        TimeoutStopSec=30
        # A script that takes too much memory is killed alone.
        OOMPolicy=continue
        StateDirectory=opsbus-agent
        StateDirectoryMode=0711

        [Install]
        WantedBy=multi-user.target

        """
    }

    private var state: String {
        configuration.source(of: Settings.agentState) == .standard
            ? "/var/lib/opsbus-agent" : AgentUnit.absolute(configuration[Settings.agentState])
    }

    private var flags: [String] {
        var flags = ["--agent-state", state]
        let paths = [Settings.clientKey.name, Settings.serverKey.name]
        for setting in Settings.ofAgent + [Settings.clientKey, Settings.serverKey] as [any SettingDeclaration] {
            guard setting.name != Settings.agentState.name, !AgentUnit.kept.contains(setting.name),
                let text = configuration.text(of: setting)
            else { continue }
            let isFile = paths.contains(setting.name) && Files.exists(text)
            flags += ["--\(setting.name)", isFile ? AgentUnit.absolute(text) : text]
        }
        return flags
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(Files.currentDirectory)/\(path)"
    }

    /// One word of a command line as systemd reads it.
    /// - Source: systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting".
    static func quote(_ word: String) -> String {
        let doubled = word.map { $0 == "%" ? "%%" : $0 == "$" ? "$$" : String($0) }.joined()
        guard word.isEmpty || word.contains(where: { " \t\"'\\;".contains($0) }) else { return doubled }
        let escaped = doubled.map { "\"\\".contains($0) ? "\\\($0)" : String($0) }.joined()
        return "\"\(escaped)\""
    }
}
