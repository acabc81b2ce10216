import Foundation
import Platform

/// A program that a test has started. What it writes goes into files, so that it never waits for a reader.
final class ChildProcess {
    let name: String
    private let process = Process()
    private let outputFile: URL
    private let errorFile: URL
    private let ended = DispatchSemaphore(value: 0)
    private var endSeen = false

    /// Starts the program.
    /// - Parameters:
    ///   - files: Directory for its outputs.
    ///   - name: Of the output files; unique there.
    init(
        _ executable: String, _ arguments: [String], name: String, files: URL, directory: URL,
        environment: [String: String], input: String? = nil
    ) throws {
        self.name = name
        outputFile = files.appendingPathComponent("\(name).out")
        errorFile = files.appendingPathComponent("\(name).err")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.environment = environment
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        if let input {
            let file = files.appendingPathComponent("\(name).in")
            try Data(input.utf8).write(to: file)
            process.standardInput = try FileHandle(forReadingFrom: file)
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        process.terminationHandler = { [ended] _ in ended.signal() }
        // Threads of the pool block signals, and a child inherits that of the one that starts it.
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
    }

    var processIdentifier: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// What it has written so far.
    var output: String { text(outputFile) }
    var errorOutput: String { text(errorFile) }

    func send(_ signal: Int32) { Foundation.kill(process.processIdentifier, signal) }

    /// Waits for the end.
    /// - Returns: The exit code, or 128 and the signal's number, as shells count.
    /// - Throws: `ScenarioError` where it goes on past the deadline; it is killed then.
    @discardableResult
    func wait(within seconds: Double = 30) throws -> Int32 {
        if !endSeen {
            guard ended.wait(timeout: .now() + seconds) == .success else {
                kill()
                throw ScenarioError("\(name) had not ended after \(seconds) s; it said:\n\(errorOutput.suffix(2000))")
            }
            endSeen = true
        }
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// Ends it as a power failure would, if it has not ended by itself.
    func kill() {
        guard !endSeen else { return }
        send(SIGKILL)
        ended.wait()
        endSeen = true
    }

    private func text(_ file: URL) -> String {
        // A file that is gone has nothing to say. One that grows while it is read makes Foundation read too far.
        String(decoding: (try? Files.read(file.path)) ?? [], as: UTF8.self)
    }
}

/// Why a scenario cannot go on.
struct ScenarioError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Looks until the condition gives a value.
/// - Throws: `ScenarioError` naming what did not happen in time.
func eventually<Value>(_ what: String, within seconds: Double = 20, _ look: () throws -> Value?) throws -> Value {
    let deadline = Date().addingTimeInterval(seconds)
    while true {
        if let value = try look() { return value }
        guard Date() < deadline else { throw ScenarioError("after \(seconds) s still not: \(what)") }
        usleep(20_000)
    }
}

/// Looks until the condition holds.
func eventually(_ what: String, within seconds: Double = 20, holds: () throws -> Bool) throws {
    let _: Bool = try eventually(what, within: seconds) { try holds() ? true : nil }
}
