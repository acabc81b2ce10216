internal import Core
internal import Platform

/// What a command runs with. Everything outside the process comes through here, so that tests can give their own.
struct Session: Sendable {
    let output: Output
    let clock: any Clock
    /// Reads the configuration; done when a command needs it, so that a broken file does not stop the others.
    let configure: @Sendable () throws(CommandError) -> Configuration
    let connectTo: @Sendable (Configuration) throws -> any Connection
    let readStandardInput: @Sendable () throws -> [UInt8]
    /// Runs the body; ^C cancels it.
    let untilInterrupted: @Sendable (_ body: @escaping @Sendable () async throws -> ExitCode) async throws -> ExitCode

    func connect() throws -> any Connection { try connectTo(try configure()) }

    /// The content of a file, or of standard input for `-`.
    func read(_ path: String) throws -> [UInt8] { path == "-" ? try readStandardInput() : try Files.read(path) }

    /// Bytes from the command line: the text itself, `@FILE`, or `-` for standard input.
    func text(_ text: String) throws -> [UInt8] {
        if text == "-" { return try readStandardInput() }
        return text.hasPrefix("@") ? try Files.read(String(text.dropFirst())) : Array(text.utf8)
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
