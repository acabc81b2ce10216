internal import Core

extension Command {
    /// The root: every verb.
    static let opsbus = Command(
        "opsbus", "OpsBus: events in, rules match, targets run, everything is recorded.",
        discussion: """
            Settings come from the file, then the environment (OPSBUS_DATA, OPSBUS_REQUESTS, ...), then flags; \
            'opsbus serve --print-config' shows each value and where it came from.
            Exit codes: 0 done, 1 failed or the answer is no, 64 usage, 69 no server, 70 internal, 77 access denied, \
            78 configuration.
            """,
        examples: [
            Example("opsbus serve --rules Rules", "Start a server with the rules of a directory"),
            Example(
                #"opsbus events put --source my.app --detail-type Started --detail '{"version": 7}'"#, "Put an event"),
            Example("opsbus subscribe event/ command/", "Watch events and commands"),
            Example("opsbus audit trace 6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11", "See all that an event brought about"),
        ],
        subcommands: [
            serve, agent, events, subscribe, rules, archives, replays, schedules, pipes, run, commands, automation,
            documents, parameters, nodes, topics, queues, functions, logs, deadLetters, audit, doctor, patterns, keys,
            accessKeys, call, completions, version,
        ])

    static let completions = Command(
        "completions", "Print the completion script of a shell.",
        examples: [
            Example("source <(opsbus completions bash)", "Complete in this bash"),
            Example("opsbus completions fish | source", "Complete in this fish"),
        ],
        arguments: [shell]
    ) { arguments, session in
        session.output.raw(CompletionScripts.script(for: try arguments.required(shell)))
        return .success
    }

    static let version = Command(
        "version", "Print the version.", examples: [Example("opsbus version", "Print the version")]
    ) { _, session in
        let version: JSON = ["Version": .string(Version.current)]
        session.output.result(version) { session.output.line("opsbus \(Version.current)") }
        return .success
    }

    private static let shell = Argument("SHELL", .choice(CompletionScripts.shells), "bash, zsh or fish.")
}

enum Version {
    static let current = "0.1.0"
}
