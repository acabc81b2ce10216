internal import Core

/// A server reached over the bus.
struct BusConnection: Connection {
    private let configuration: Configuration

    init(_ configuration: Configuration) throws { self.configuration = configuration }

    func call(_ operation: String, _ input: JSON) async throws -> JSON {
        throw CommandError(.unavailable, "no server at \(configuration[Settings.requests])", fix: "start 'opsbus serve'")
    }

    func messages(_ prefixes: [String], from start: StreamStart) -> AsyncThrowingStream<Message, any Error> {
        AsyncThrowingStream { $0.finish() }
    }
}
