internal import Core
internal import Platform

extension Command {
    static let serve = Command(
        "serve", "Run the server.",
        discussion: """
            Everything it keeps is in the data directory; a second server on the same one refuses to start. Sockets \
            open beyond this machine only when the bus is encrypted (--curve).
            """,
        examples: [
            Example("opsbus serve --data /var/lib/opsbus --rules /etc/opsbus/rules", "Serve with rules from files"),
            Example("opsbus serve --print-config", "Show every setting, its value and where it came from"),
        ],
        options: Settings.ofServer.map(\.flag) + [printConfiguration]
    ) { arguments, session in
        let configuration = try session.configure()
        guard arguments[printConfiguration] else { return try await Serve.run(configuration) }
        show(configuration, session.output)
        return .success
    }

    static let agent = Command(
        "agent", "Run the agent that makes this machine a managed node.",
        discussion: """
            The first start registers the node: by an activation, or by a key that the server knows (--client-key). \
            Later starts find the node's identity in the state directory. The server's own machine needs no agent.
            """,
        examples: [
            Example(
                "opsbus agent --nodes tcp://bus.example:7403 --activation-id ID --activation-code CODE",
                "Register this machine and work for the server"),
            Example("opsbus agent --agent-state /var/lib/opsbus-agent", "Go on as the node registered before"),
            Example("opsbus agent --nodes tcp://bus.example:7403 --print-unit", "Print a systemd unit for it"),
        ],
        options: Settings.ofAgent.map(\.flag) + [printConfiguration, printUnit]
    ) { arguments, session in
        let configuration = try session.configure()
        if arguments[printUnit] {
            let program = Files.linkTarget(of: "/proc/self/exe") ?? "opsbus"
            session.output.raw(AgentUnit(configuration: configuration, program: program).text)
            return .success
        }
        guard arguments[printConfiguration] else { return try await AgentProcess.run(configuration) }
        show(configuration, session.output)
        return .success
    }

    private static func show(_ configuration: Configuration, _ output: Output) {
        let listing = configuration.listing
        let value = JSON.array(
            listing.map { entry in
                [
                    "Key": .string(entry.name), "Value": .string(entry.text),
                    "Source": .string(entry.source.description),
                ]
            })
        output.result(value) {
            var table = Table(["KEY", "VALUE", "SOURCE"])
            for entry in listing { table.add([entry.name, entry.text, entry.source.description]) }
            output.table(table, empty: "")
        }
    }

    private static let printUnit = Flag(
        "print-unit", "Print a systemd unit that runs the agent with these settings, and do nothing else.")
    private static let printConfiguration = Flag(
        "print-config", "Print every setting, its value and where it came from, and do nothing else.")
}
