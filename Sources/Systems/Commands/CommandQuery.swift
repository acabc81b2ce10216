internal import API
internal import Core
internal import Storage

/// Which commands a list operation asks for, as a condition on the tables.
/// - Source: SSM API model, `CommandFilter`.
struct CommandQuery: Sendable {
    private static let keys = ["InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName"]

    static let fields: [Field] = [
        .optional("CommandId", NodeShapes.commandID), .optional("InstanceId", NodeShapes.id),
        .optional("MaxResults", .integer(1...50)), .optional("NextToken", .string()),
        .optional(
            "Filters",
            .list(
                .structure([.required("key", .string(values: keys)), .required("value", .string(length: 1...128))]),
                count: 1...5)),
    ]

    private(set) var conditions: [String] = ["1 = 1"]
    private(set) var values: [SQLValue] = []
    let limit: Int
    let token: String?

    /// - Parameter isOfInvocations: Whether invocations are listed: the status filter is then theirs.
    /// - Throws: `ServiceError` with `.invalidCommandID`, `.invalidFilterKey` or `.invalidFilterValue`.
    init(_ input: JSON, isOfInvocations: Bool) throws(ServiceError) {
        limit = input["MaxResults"]?.int ?? 50
        token = input["NextToken"]?.string
        if let text = input["CommandId"]?.string {
            guard let id = Identifier(text) else { throw CommandQuery.unknown(text) }
            add("c.id = ?", id)
        }
        if let node = input["InstanceId"]?.string {
            add(
                isOfInvocations
                    ? "i.node = ?" : "EXISTS (SELECT 1 FROM invocations WHERE command = c.id AND node = ?)", node)
        }
        for filter in input["Filters"]?.array ?? [] {
            try add(filter["key"]?.string ?? "", filter["value"]?.string ?? "", isOfInvocations)
        }
    }

    static func unknown(_ id: String) -> ServiceError {
        ServiceError(.invalidCommandID, "There is no command \(id).")
    }

    /// Narrows the query to what comes after an item.
    mutating func add(_ condition: String, _ values: any SQLConvertible...) {
        conditions.append(condition)
        self.values += values.map(\.sqlValue)
    }

    var condition: String { conditions.joined(separator: " AND ") }

    private mutating func add(_ key: String, _ value: String, _ isOfInvocations: Bool) throws(ServiceError) {
        switch key {
        case "InvokedAfter": add("c.requested_at > ?", try CommandQuery.time(key, value))
        case "InvokedBefore": add("c.requested_at < ?", try CommandQuery.time(key, value))
        case "DocumentName": add("c.document_name = ?", value)
        case "Status":
            let column = isOfInvocations ? "i.status" : "c.status"
            if value == "TimedOut" {
                add("\(column) IN ('DeliveryTimedOut', 'ExecutionTimedOut')")
            } else {
                add("\(column) = ?", value)
            }
        case "ExecutionStage" where !isOfInvocations:
            guard value == "Executing" || value == "Complete" else {
                throw ServiceError(.invalidFilterValue, "ExecutionStage is Executing or Complete, not '\(value)'.")
            }
            add("c.is_terminal = ?", value == "Complete")
        case "ExecutionStage":
            throw ServiceError(.invalidFilterKey, "The filter ExecutionStage is for ssm:ListCommands alone.")
        default:
            let near = nearest(to: key, among: CommandQuery.keys).map { " Did you mean \($0)?" } ?? ""
            throw ServiceError(.invalidFilterKey, "There is no filter '\(key)' here.\(near)")
        }
    }

    private static func time(_ key: String, _ value: String) throws(ServiceError) -> Timestamp {
        guard let time = Timestamp(rfc3339: value) else {
            throw ServiceError(.invalidFilterValue, "\(key) is a time such as 2026-01-31T00:00:00Z, not '\(value)'.")
        }
        return time
    }
}

extension CommandStore {
    /// The newest commands that a query asks for.
    func commands(_ query: CommandQuery) async throws -> (commands: [CommandRecord], nextToken: String?) {
        var query = query
        if let token = query.token {
            guard let id = Identifier(token), let last = try await command(id) else { throw CommandStore.invalidToken }
            query.add("(c.requested_at, c.id) < (?, ?)", last.requestedAt, last.id)
        }
        let (condition, values, limit) = (query.condition, query.values, query.limit)
        let found = try await database.read { transaction in
            try CommandStore.commands(
                where: "id IN (SELECT c.id FROM commands c WHERE \(condition) "
                    + "ORDER BY c.requested_at DESC, c.id DESC LIMIT ?)",
                values + [(limit + 1).sqlValue], newestFirst: true, in: transaction)
        }
        return (Array(found.prefix(limit)), found.count > limit ? found[limit - 1].id.description : nil)
    }

    /// The invocations that a query asks for: of the newest commands first, each in the order of dispatch.
    func invocations(
        _ query: CommandQuery
    ) async throws -> (invocations: [(CommandRecord, InvocationRecord)], nextToken: String?) {
        var query = query
        if let token = query.token {
            let parts = token.split(separator: "/").map(String.init)
            guard parts.count == 2, let id = Identifier(parts[0]), let position = Int(parts[1]),
                let last = try await command(id)
            else { throw CommandStore.invalidToken }
            query.add(
                "((c.requested_at, c.id) < (?, ?) OR (c.id = ? AND i.position > ?))", last.requestedAt, last.id,
                last.id, position)
        }
        let (condition, values, limit) = (query.condition, query.values, query.limit)
        return try await database.read { transaction in
            let keys = try transaction.query(
                """
                SELECT i.command, i.node, i.position FROM invocations i JOIN commands c ON c.id = i.command
                WHERE \(condition) ORDER BY c.requested_at DESC, c.id DESC, i.position LIMIT ?
                """, values: values + [(limit + 1).sqlValue]
            ) { row in
                let key: (command: Identifier, node: String, position: Int) = (try row[0], try row[1], try row[2])
                return key
            }
            var found: [(CommandRecord, InvocationRecord)] = []
            for key in keys.prefix(limit) {
                let known = found.last { $0.0.id == key.command }?.0
                let command =
                    try known ?? CommandStore.commands(where: "id = ?", [key.command], in: transaction).first
                guard let command else { continue }
                for invocation in try CommandStore.invocations(of: command, on: key.node, in: transaction) {
                    found.append((command, invocation))
                }
            }
            let last = keys.count > limit ? keys[limit - 1] : nil
            return (found, last.map { "\($0.command)/\($0.position)" })
        }
    }

    private static let invalidToken = ServiceError(
        .invalidNextToken, "The NextToken is not of this list; begin again without one.")
}
