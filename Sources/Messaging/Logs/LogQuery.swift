internal import Core
internal import Storage

/// Which lines of a group to read, in the order of their times or, where they have the same, of their coming.
struct LogQuery: Sendable {
    struct Line: Sendable {
        let id: Int
        let stream: String
        let time: Int
        let message: String
        let ingested: Int
    }

    /// A place between two lines.
    struct Place: Sendable, Hashable {
        var time: Int
        var id: Int

        init(time: Int, id: Int) {
            self.time = time
            self.id = id
        }

        init(_ line: Line) { self.init(time: line.time, id: line.id) }

        /// Reads a `token`; nil for anything else.
        init?(_ token: some StringProtocol) {
            let parts = token.split(separator: "-").compactMap { Int($0) }
            guard parts.count == 2 else { return nil }
            self.init(time: parts[0], id: parts[1])
        }

        var token: String { "\(time)-\(id)" }
    }

    var group: String
    /// Only of these; empty for all.
    var streams: [String] = []
    var streamPrefix = ""
    /// In milliseconds; the end is not included.
    var times = 0..<Int.max
    var pattern: LogFilterPattern?
    var after: Place?
    var before: Place?
    /// Only those that came after the line with this id, in the order of their coming, for following: who has seen all
    /// up to a line goes on behind it.
    var afterID: Int?
    var limit: Int
    var newestFirst = false

    /// Lines looked through in one call where a pattern matches few; the answer's token goes on from there.
    private static let scannedMax = 10_000
    /// Of the lines of one call, as the service counts them; past it, the token goes on too.
    static let bytesMax = 1 << 20

    /// What a line counts for.
    static func bytes(of message: String) -> Int { message.utf8.count + 26 }

    /// - Returns: The lines that match, one at least where there is any, and the last place looked at where more may
    ///   follow.
    func run(_ transaction: borrowing ReadTransaction) throws -> (lines: [Line], reached: Place?) {
        var lines: [Line] = []
        var reached: Place?
        var scanned = 0
        var bytes = 0
        var hasMore = false
        try transaction.forEach(sql, values: values) { row in
            hasMore = lines.count == limit || scanned == LogQuery.scannedMax && afterID == nil
            if hasMore { return false }
            let line = Line(
                id: try row[0], stream: try row[1], time: try row[2], message: try row[3], ingested: try row[4])
            if pattern?.matches(line.message) ?? true {
                bytes += LogQuery.bytes(of: line.message)
                hasMore = bytes > LogQuery.bytesMax && !lines.isEmpty
                if hasMore { return false }
                lines.append(line)
            }
            scanned += 1
            reached = Place(line)
            return true
        }
        return (lines, hasMore ? reached : nil)
    }

    private var sql: String {
        let marks = streams.map { _ in "?" }.joined(separator: ", ")
        let order = newestFirst ? "DESC" : "ASC"
        let time = afterID == nil ? "time \(order), " : ""
        return """
            SELECT id, stream, time, message, ingested FROM log_events
            WHERE log_group = ? AND time >= ? AND time < ? AND id > ? AND (time, id) > (?, ?) AND (time, id) < (?, ?)
                AND substr(stream, 1, ?) = ? \(streams.isEmpty ? "" : "AND stream IN (\(marks))")
            ORDER BY \(time)id \(order)
            """
    }

    private var values: [(any SQLConvertible)?] {
        let fixed: [(any SQLConvertible)?] = [
            group, times.lowerBound, times.upperBound, afterID ?? 0, after?.time ?? -1, after?.id ?? 0,
            before?.time ?? Int.max, before?.id ?? Int.max, streamPrefix.unicodeScalars.count, streamPrefix,
        ]
        return fixed + streams
    }
}
