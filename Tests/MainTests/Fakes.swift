import API
import Core
import Platform
import Synchronization

@testable import Main

/// Keeps what was written.
final class RecordingTerminal: Terminal {
    private let texts = Mutex((output: "", errors: ""))
    let isInteractive: Bool
    let width: Int

    init(isInteractive: Bool = false, width: Int = 80) {
        self.isInteractive = isInteractive
        self.width = width
    }

    var output: String { texts.withLock { $0.output } }
    var errors: String { texts.withLock { $0.errors } }

    func write(_ text: String) { texts.withLock { $0.output += text } }
    func writeError(_ text: String) { texts.withLock { $0.errors += text } }
}

/// A server that answers what a test says, and keeps what it was asked.
final class FakeConnection: Connection {
    struct Call: Equatable {
        let operation: String
        let input: JSON
    }

    private struct State {
        var calls: [Call] = []
        var subscriptions: [(prefixes: [String], start: StreamStart)] = []
        /// The answers still to give to each operation; the last is given again and again.
        var answers: [String: [Result<JSON, any Error>]]
    }

    private let state: Mutex<State>
    private let messages: [Message]
    /// Whether the stream ends after its messages, instead of waiting for more.
    private let streamEnds: Bool

    init(_ answers: [String: [JSON]] = [:], messages: [Message] = [], streamEnds: Bool = false) {
        state = Mutex(State(answers: answers.mapValues { $0.map { .success($0) } }))
        self.messages = messages
        self.streamEnds = streamEnds
    }

    /// A server that refuses one operation.
    init(failing operation: String, _ error: any Error) {
        state = Mutex(State(answers: [operation: [.failure(error)]]))
        messages = []
        streamEnds = false
    }

    /// Refuses the next call of an operation.
    func failOnce(_ operation: String, _ error: any Error) {
        state.withLock { $0.answers[operation, default: []].insert(.failure(error), at: 0) }
    }

    var calls: [Call] { state.withLock { $0.calls } }

    /// The inputs of one operation's calls.
    func inputs(_ operation: String) -> [JSON] { calls.filter { $0.operation == operation }.map(\.input) }

    var subscriptions: [(prefixes: [String], start: StreamStart)] { state.withLock { $0.subscriptions } }

    func call(_ operation: String, _ input: JSON) async throws -> JSON {
        let answer = state.withLock { state -> Result<JSON, any Error>? in
            state.calls.append(Call(operation: operation, input: input))
            guard var answers = state.answers[operation], let answer = answers.first else { return nil }
            if answers.count > 1 { answers.removeFirst() }
            state.answers[operation] = answers
            return answer
        }
        guard let answer else { throw ServiceError(.unknownOperation, "There is no operation \(operation).") }
        return try answer.get()
    }

    func follow(
        _ prefixes: [String], from start: StreamStart, _ receive: (Message) async throws -> Bool
    ) async throws {
        state.withLock { $0.subscriptions.append((prefixes, start)) }
        for message in messages where try await !receive(message) { return }
        if !streamEnds { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// What a run of the program left behind.
struct Outcome {
    let exitCode: ExitCode
    let output: String
    let errors: String

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
}

/// Runs the program on some words.
/// - Parameters:
///   - connection: Nil where the test expects that the server is not asked.
///   - interrupted: Whether ^C arrives as soon as a command waits for it.
func opsbus(
    _ words: [String], _ connection: FakeConnection? = nil, terminal: RecordingTerminal = RecordingTerminal(),
    environment: [String: String] = [:], input: String = "", root: Command = .opsbus, interrupted: Bool = false
) async -> Outcome {
    let program = Program(
        root: root,
        terminal: terminal,
        clock: SystemClock(),
        environment: { environment[$0] },
        standardPaths: [],
        connect: { _ in
            guard let connection else { throw CommandError(.unavailable, "this test has no server") }
            return connection
        },
        openStandardInput: {
            var rest = Array(input.utf8)
            return {
                defer { rest = [] }
                return rest
            }
        },
        untilInterrupted: { body in
            let task = Task { try await body() }
            if interrupted { task.cancel() }
            return try await task.value
        })
    let exitCode = await program.run(words)
    return Outcome(exitCode: exitCode, output: terminal.output, errors: terminal.errors)
}
