/// How much a pipe or an event bus tells its log group: what is told at one level is told at those after it, too.
enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case off = "OFF"
    case error = "ERROR"
    case info = "INFO"
    case trace = "TRACE"

    static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
    private var rank: Int { LogLevel.allCases.firstIndex(of: self) ?? 0 }
}
