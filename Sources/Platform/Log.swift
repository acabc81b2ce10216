internal import Core
internal import Glibc

/// What the process says about itself, a line an entry, on standard error.
///
/// Work is recorded in the audit log; this is for the operator who watches the process.
public struct Log: Sendable {
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error

        public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int { Level.allCases.firstIndex(of: self) ?? 0 }
    }

    public enum Format: String, Sendable, CaseIterable { case text, json }

    private let component: String
    private let minimum: Level
    private let format: Format
    private let clock: any Clock

    public init(component: String, minimum: Level = .info, format: Format = .text, clock: any Clock = SystemClock()) {
        self.component = component
        self.minimum = minimum
        self.format = format
        self.clock = clock
    }

    /// The same log under another component's name.
    public func named(_ component: String) -> Log {
        Log(component: component, minimum: minimum, format: format, clock: clock)
    }

    public func debug(_ message: @autoclosure () -> String) { write(.debug, message) }
    public func info(_ message: @autoclosure () -> String) { write(.info, message) }
    public func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    public func error(_ message: @autoclosure () -> String) { write(.error, message) }

    private func write(_ level: Level, _ message: () -> String) {
        guard level >= minimum else { return }
        let time = clock.now.millisecondDescription
        var line: [UInt8]
        switch format {
        case .text:
            // Messages quote what clients send.
            line = Array("\(time) \(level.rawValue) \(component): \(printable(message()))".utf8)
        case .json:
            let entry: JSON = [
                "time": .string(time), "level": .string(level.rawValue), "component": .string(component),
                "message": .string(message()),
            ]
            line = entry.bytes
        }
        line.append(UInt8(ascii: "\n"))
        // One write, so that lines of several threads do not mix. Where standard error is gone there is no one to tell.
        _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
