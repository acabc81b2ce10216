internal import Core
internal import Platform

/// The server process.
enum Serve {
    /// Runs until the process is told to end.
    static func run(_ configuration: Configuration) async throws -> ExitCode {
        Interruption.outliveClosedPipes()
        let clock = SystemClock()
        let began = clock.monotonic
        let log = Log(
            component: "server", minimum: configuration[Settings.logLevel], format: configuration[Settings.logFormat])
        return try await Interruption.cancelling {
            let server = try Server(configuration, clock: clock)
            try await server.start()
            let milliseconds = (clock.monotonic - began).microseconds / 1000
            log.info("ready in \(milliseconds) ms; requests at \(configuration[Settings.requests])")
            try? await clock.sleep(until: Timestamp(microseconds: .max))
            log.info("stopping")
            await server.stop()
            return .success
        }
    }
}
