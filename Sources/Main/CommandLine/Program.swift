internal import API
internal import Bus
internal import Core
internal import Platform
internal import Storage

/// The whole command line: reads the words, runs the command, explains what went wrong.
struct Program: Sendable {
    var root = Command.opsbus
    let terminal: any Terminal
    var clock: any Clock = SystemClock()
    var environment: @Sendable (String) -> String?
    var standardPaths = Configuration.standardPaths
    var connect: @Sendable (Configuration) throws -> any Connection
    var openStandardInput: @Sendable () throws -> PieceReader
    var untilInterrupted: @Sendable (@escaping @Sendable () async throws -> ExitCode) async throws -> ExitCode = {
        try await Interruption.cancelling($0)
    }

    private var parser: ArgumentParser { ArgumentParser(root: root, globals: GlobalOptions.all) }

    /// The hidden verb that shells call.
    static let completionVerb = "__complete"

    /// - Parameter words: Without the program's name.
    func run(_ words: [String]) async -> ExitCode {
        if words.first == Program.completionVerb { return await complete(words.dropFirst()) }
        do {
            let result = try parser.parse(words)
            let session = session(result.arguments)
            guard !result.wantsHelp, let run = result.path[result.path.count - 1].run else {
                terminal.write(help(result.path, session.output))
                return .success
            }
            return try await run(result.arguments, session)
        } catch {
            return report(error)
        }
    }

    private func session(_ arguments: Arguments) -> Session {
        let isColored =
            switch arguments[GlobalOptions.color] {
            case "always": true
            case "never": false
            default: terminal.isInteractive && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
            }
        let format = arguments[GlobalOptions.output].flatMap(Output.Format.init(rawValue:)) ?? .table
        return Session(
            output: Output(terminal: terminal, format: format, isColored: isColored),
            clock: clock,
            configure: { () throws(CommandError) in
                try Configuration(arguments, environment: environment, standardPaths: standardPaths)
            },
            connectTo: connect,
            openStandardInput: openStandardInput,
            untilInterrupted: untilInterrupted)
    }

    private func help(_ path: [Command], _ output: Output) -> String {
        let width = terminal.isInteractive ? min(terminal.width, 100) : 100
        return Help(path: path, globals: GlobalOptions.all, style: output.style, width: width).text
    }

    /// Says on standard error what went wrong, and answers the exit code that means it.
    private func report(_ error: any Error) -> ExitCode {
        let error = CommandError(any: error)
        if error.exitCode != .interrupted {
            terminal.writeError("opsbus: \(printableLines(error.description))\n")
        }
        return error.exitCode
    }

    /// Error texts may have several lines; each is made safe to show.
    private func printableLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
            .joined(separator: "\n")
    }

    private func complete(_ words: ArraySlice<String>) async -> ExitCode {
        let words = words.first == "--" ? Array(words.dropFirst()) : Array(words)
        var candidates: [String] = []
        switch Completer(parser: parser).answer(words) {
        case .candidates(let found): candidates = found
        case .files: break
        case .live(let name):
            // Whatever is wrong with the configuration, completion only has nothing to offer.
            let configuration = try? Configuration(environment: environment, standardPaths: standardPaths)
            if let connection = try? connect(configuration ?? Configuration()) {
                candidates = await Completer.names(name, beginningWith: words.last ?? "", connection)
            }
        }
        terminal.write(candidates.map { $0 + "\n" }.joined())
        return .success
    }
}

extension CommandError {
    /// Any error as one that the command line can show and answer by an exit code.
    init(any error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as ServiceError:
            switch error.code {
            case .accessDenied:
                self.init(.accessDenied, error.description, fix: "ask for a key that is allowed this operation")
            case .internalFailure: self.init(.internal, error.description, fix: "see the server's log")
            case .unknownOperation:
                self.init(.failure, error.description, fix: "list them with 'opsbus call opsbus:ListOperations'")
            default: self.init(.failure, error.description)
            }
        case is CancellationError: self.init(.interrupted, "interrupted")
        case let error as FileError: self.init(.failure, error.description)
        case let error as BusError:
            switch error.code {
            case .timedOut, .connectionLost, .closed: self.init(.unavailable, error.description)
            case .keyRefused:
                self.init(.accessDenied, error.description, fix: "name the keys with --client-key and --server-key")
            case .securityRequired, .invalidKey, .invalidEndpoint: self.init(.configuration, error.description)
            case .addressInUse:
                self.init(.failure, error.description, fix: "stop the other server, or choose another endpoint")
            case .socket, .overloaded, .malformedReply: self.init(.internal, error.description)
            }
        case let error as StorageError: self.init(.failure, error.description)
        default: self.init(.internal, "\(error)")
        }
    }
}
