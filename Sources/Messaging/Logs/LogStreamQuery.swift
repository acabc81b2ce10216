internal import Storage

/// Which streams of a group to list, in which order, and from where on.
struct LogStreamQuery: Sendable {
    struct Stream: Sendable {
        let name: String
        let created: Int
        let first: Int?
        let last: Int?
        let ingested: Int?
    }

    let group: String
    var prefix = ""
    /// By the time of their last lines, then by name; by name alone where false.
    var ordersByTime = false
    var isDescending = false
    /// The stream that the page before this one ended with; nil for the first page.
    var after: String?
    let limit: Int

    init(group: String, limit: Int) {
        self.group = group
        self.limit = limit
    }

    /// - Returns: A page, and whether it is the last one; empty where the stream that it begins after is gone.
    func run(_ transaction: borrowing ReadTransaction) throws -> (streams: [Stream], isLast: Bool) {
        var afterTime: Int?
        if let after {
            afterTime = try transaction.queryOne(
                "SELECT coalesce(last_time, 0) FROM log_streams WHERE log_group = ? AND name = ?", group, after
            ) { try $0[0] }
            if afterTime == nil { return ([], true) }
        }
        let order = isDescending ? "DESC" : "ASC"
        let comparison = isDescending ? "<" : ">"
        let isAfter =
            ordersByTime ? "(coalesce(last_time, 0), name) \(comparison) (?5, ?4)" : "name \(comparison) ?4"
        let time = ordersByTime ? "coalesce(last_time, 0) \(order)," : ""
        let streams = try transaction.query(
            """
            SELECT name, created, first_time, last_time, ingested FROM log_streams
            WHERE log_group = ?1 AND substr(name, 1, ?2) = ?3 AND (?4 IS NULL OR \(isAfter))
            ORDER BY \(time) name \(order) LIMIT ?6
            """, group, prefix.unicodeScalars.count, prefix, after, afterTime, limit + 1
        ) { row in
            Stream(
                name: try row[0], created: try row[1], first: try row[2], last: try row[3], ingested: try row[4])
        }
        return (Array(streams.prefix(limit)), streams.count <= limit)
    }
}
