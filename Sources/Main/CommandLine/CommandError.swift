/// How the process ends. The numbers above 1 are those of `sysexits.h`.
enum ExitCode: Int32, Sendable {
    case success = 0
    /// The operation failed, or the answer is no: a test failed, a check found something.
    case failure = 1
    case usage = 64
    case unavailable = 69
    case `internal` = 70
    case accessDenied = 77
    case configuration = 78
    /// Ended by ^C, as shells spell it.
    case interrupted = 130
}

/// Why a command could not do its work: printed as `opsbus: what: fix`.
struct CommandError: Error, Hashable, CustomStringConvertible {
    let exitCode: ExitCode
    /// What is wrong, naming the thing.
    let what: String
    /// What to do about it; empty where there is nothing to say.
    let fix: String

    init(_ exitCode: ExitCode, _ what: String, fix: String = "") {
        self.exitCode = exitCode
        self.what = what
        self.fix = fix
    }

    static func usage(_ what: String, fix: String) -> CommandError { CommandError(.usage, what, fix: fix) }

    static func failure(_ what: String, fix: String = "") -> CommandError { CommandError(.failure, what, fix: fix) }

    var description: String {
        if fix.isEmpty { return what }
        // What services say are sentences.
        return "\(what.hasSuffix(".") ? String(what.dropLast()) : what): \(fix)"
    }
}
