/// The server process.
enum Serve {
    /// Runs until the process is told to end.
    static func run(_ configuration: Configuration) async throws -> ExitCode {
        throw CommandError(.internal, "this build has no server")
    }
}

/// The agent process of a managed node.
enum AgentProcess {
    /// Runs until the process is told to end.
    static func run(_ configuration: Configuration) async throws -> ExitCode {
        throw CommandError(.internal, "this build has no agent")
    }
}
