internal import API
internal import Core
internal import Storage
internal import Synchronization

/// Log groups as targets of rules: lines kept in the database. Members are spelled as in the CloudWatch Logs API.
struct LogOperations: Sendable {
    let database: Database
    private let growth = LogGrowth()

    init(database: Database) { self.database = database }

    /// Lines kept in a group; the oldest go first.
    private static let eventsPerGroupMax = 100_000
    private static let groupName = CharacterRule(pattern: #"[\.\-_/#A-Za-z0-9]+"#, lettersDigitsAnd: ".-_/#")

    var all: [Operation] {
        [
            Operation(
                "logs:PutLogEvents", "Appends lines to a log group; a new group needs no creation.", .writes,
                input: [
                    .required("logGroupName", .name(1...512, LogOperations.groupName)),
                    .required("logStreamName", .string(length: 1...512)),
                    .required(
                        "logEvents",
                        .list(
                            .structure([
                                .required("timestamp", .integer(0...Int.max)),
                                .required("message", .string(length: 1...(256 << 10))),
                            ]), count: 1...10_000)),
                    .optional("clientToken", .string(length: 1...64)),
                ], handler: put),
            Operation(
                "logs:FilterLogEvents", "Lists the newest lines of a log group, oldest first.", .reads,
                input: [
                    .required("logGroupName", .name(1...512, LogOperations.groupName)),
                    .optional("limit", .integer(1...10_000)),
                ], handler: filter),
        ]
    }

    /// The same `clientToken` appends once.
    private func put(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = input["logGroupName"]?.string ?? ""
        let stream = input["logStreamName"]?.string ?? ""
        let token = input["clientToken"]?.string
        let growth = growth
        try await database.write(context) { transaction in
            for (index, event) in (input["logEvents"]?.array ?? []).enumerated() {
                try transaction.execute(
                    """
                    INSERT INTO log_events (log_group, stream, time, message, token) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT DO NOTHING
                    """, group, stream, event["timestamp"]?.int, event["message"]?.string,
                    token.map { "\($0)/\(index)" })
            }
            if growth.mustTrim(group, added: input["logEvents"]?.array?.count ?? 0) {
                try transaction.execute(
                    """
                    DELETE FROM log_events WHERE log_group = ?1 AND id <= (SELECT id FROM log_events
                        WHERE log_group = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
                    """, group, LogOperations.eventsPerGroupMax)
            }
            try transaction.audit("PutLogEvents", on: Subject(.log, group), outcome: .success)
        }
        return [:]
    }

    private func filter(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = input["logGroupName"]?.string ?? ""
        let limit = input["limit"]?.int ?? 100
        let events = try await database.read { transaction in
            try transaction.query(
                "SELECT id, stream, time, message FROM log_events WHERE log_group = ? ORDER BY id DESC LIMIT ?", group,
                limit
            ) { row -> JSON in
                let identifier: Int = try row[0]
                let stream: String = try row[1]
                let time: Int = try row[2]
                let message: String = try row[3]
                return [
                    "eventId": .string(String(identifier)), "logStreamName": .string(stream),
                    "timestamp": .integer(time), "message": .string(message),
                ]
            }
        }
        return ["events": .array(events.reversed())]
    }
}

/// How many lines each group has got since its oldest were removed, so that they are looked for now and then only.
private final class LogGrowth: Sendable {
    private let lines = Mutex<[String: Int]>([:])
    private static let linesUntrimmedMax = 1000

    /// Counts lines added to a group, and says whether it is time to remove its oldest.
    func mustTrim(_ group: String, added count: Int) -> Bool {
        lines.withLock { lines in
            let sum = lines[group, default: 0] + count
            lines[group] = sum < LogGrowth.linesUntrimmedMax ? sum : nil
            return sum >= LogGrowth.linesUntrimmedMax
        }
    }
}
