internal import Core
internal import Platform

/// Answers the next bytes of an input, after waiting for some; none at its end.
typealias PieceReader = () throws -> [UInt8]

/// What a command runs with. Everything outside the process comes through here, so that tests can give their own.
struct Session: Sendable {
    let output: Output
    let clock: any Clock
    /// Reads the configuration; done when a command needs it, so that a broken file does not stop the others.
    let configure: @Sendable () throws(CommandError) -> Configuration
    let connectTo: @Sendable (Configuration) throws -> any Connection
    let openStandardInput: @Sendable () throws -> PieceReader
    /// Runs the body; ^C cancels it.
    let untilInterrupted: @Sendable (_ body: @escaping @Sendable () async throws -> ExitCode) async throws -> ExitCode

    func connect() throws -> any Connection { try connectTo(try configure()) }

    /// The content of a file, or of standard input for `-`, as it comes.
    func open(_ path: String) throws -> PieceReader {
        if path == "-" { return try openStandardInput() }
        let reader = try FileReader(path)
        return { try reader.next() }
    }

    /// The whole content of a file, or of standard input for `-`.
    func read(_ path: String) throws -> [UInt8] {
        let next = try open(path)
        var content: [UInt8] = []
        while case let piece = try next(), !piece.isEmpty { content += piece }
        return content
    }

    /// Bytes from the command line: the text itself, `@FILE`, or `-` for standard input.
    func text(_ text: String) throws -> [UInt8] {
        if text == "-" { return try read(text) }
        return text.hasPrefix("@") ? try read(String(text.dropFirst())) : Array(text.utf8)
    }

    /// A JSON value from the command line: the text itself, `@FILE`, or `-` for standard input.
    /// - Throws: `CommandError` `.usage` naming the place of a mistake.
    func json(_ text: String, for what: String) throws -> JSON {
        let content = try self.text(text)
        do {
            return try JSON(parsing: content)
        } catch {
            let name = text.hasPrefix("@") ? String(text.dropFirst()) : text == "-" ? "standard input" : what
            throw CommandError.usage("\(name): \(error)", fix: "give JSON, @FILE or - for standard input")
        }
    }
}
