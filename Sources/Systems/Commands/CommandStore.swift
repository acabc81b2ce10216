internal import API
internal import Core
public import Storage

/// The tables of commands, their invocations and steps.
public struct CommandStore: Sendable {
    public static let migrations = [
        Migration(
            module: "commands", number: 1, name: "commands, invocations and steps",
            sql: """
                CREATE TABLE commands (
                    id TEXT PRIMARY KEY, document_name TEXT NOT NULL, document_version TEXT NOT NULL,
                    document TEXT NOT NULL, steps TEXT NOT NULL, parameters TEXT NOT NULL, comment TEXT NOT NULL,
                    targets TEXT NOT NULL, instance_ids TEXT NOT NULL, timeout_seconds INTEGER NOT NULL,
                    max_concurrency TEXT NOT NULL, max_errors TEXT NOT NULL, streams_output INTEGER NOT NULL,
                    requested_at INTEGER NOT NULL, delivery_expires_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
                    principal TEXT NOT NULL, cause TEXT, hops INTEGER NOT NULL, client_token TEXT,
                    status TEXT NOT NULL, is_cancelled INTEGER NOT NULL, target_count INTEGER NOT NULL,
                    completed_count INTEGER NOT NULL, error_count INTEGER NOT NULL,
                    delivery_timed_out_count INTEGER NOT NULL, is_terminal INTEGER NOT NULL,
                    UNIQUE (principal, client_token)
                ) STRICT;
                CREATE INDEX commands_by_time ON commands (requested_at, id);
                CREATE INDEX commands_active ON commands (id) WHERE is_terminal = 0;
                CREATE TABLE invocations (
                    command TEXT NOT NULL REFERENCES commands (id) ON DELETE CASCADE, position INTEGER NOT NULL,
                    node TEXT NOT NULL, node_name TEXT NOT NULL, status TEXT NOT NULL, stage INTEGER NOT NULL,
                    message TEXT NOT NULL, PRIMARY KEY (command, node)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX invocations_by_node ON invocations (node);
                CREATE TABLE steps (
                    command TEXT NOT NULL, node TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL,
                    status TEXT NOT NULL, code INTEGER NOT NULL, stdout TEXT NOT NULL, stderr TEXT NOT NULL,
                    started_at INTEGER, ended_at INTEGER, PRIMARY KEY (command, node, name),
                    FOREIGN KEY (command, node) REFERENCES invocations (command, node) ON DELETE CASCADE
                ) STRICT, WITHOUT ROWID;
                """),
        OutputStore.migration,
    ]

    let database: Database

    public init(_ database: Database) { self.database = database }

    // MARK: Commands

    private static let columns = """
        id, document_name, document_version, document, steps, parameters, comment, targets, instance_ids, \
        timeout_seconds, max_concurrency, max_errors, streams_output, requested_at, delivery_expires_at, expires_at, \
        principal, cause, hops, client_token, status, is_cancelled, target_count, completed_count, error_count, \
        delivery_timed_out_count, destinations
        """

    private static func record(_ row: borrowing Row) throws -> CommandRecord {
        let steps: JSON = try row[4]
        let instances: JSON = try row[8]
        return CommandRecord(
            id: try row[0], documentName: try row[1], documentVersion: try row[2], document: try row[3],
            steps: (steps.array ?? []).map {
                CommandRecord.Step(name: $0["Name"]?.string ?? "", action: $0["Action"]?.string ?? "")
            },
            parameters: try row[5], comment: try row[6], targets: try row[7], instanceIDs: instances.strings,
            timeoutSeconds: try row[9], maxConcurrency: try row[10], maxErrors: try row[11],
            streamsOutput: try row[12], requestedAt: try row[13], deliveryExpiresAt: try row[14],
            expiresAt: try row[15],
            context: OperationContext(principal: try row[16], cause: try row[17], hops: try row[18]),
            clientToken: try row[19], status: try row[20], isCancelled: try row[21], targetCount: try row[22],
            completedCount: try row[23], errorCount: try row[24], deliveryTimedOutCount: try row[25],
            destinations: OutputDestinations(stored: try row[26]))
    }

    static func add(_ command: CommandRecord, in transaction: borrowing Transaction) throws {
        let steps = command.steps.map { ["Name": .string($0.name), "Action": .string($0.action)] as JSON }
        let values: [(any SQLConvertible)?] = [
            command.id, command.documentName, command.documentVersion, command.document, JSON.array(steps),
            command.parameters, command.comment, command.targets,
            JSON.array(command.instanceIDs.map { .string($0) }), command.timeoutSeconds, command.maxConcurrency,
            command.maxErrors, command.streamsOutput, command.requestedAt, command.deliveryExpiresAt,
            command.expiresAt, command.context.principal, command.context.cause, command.context.hops,
            command.clientToken, command.status, command.isCancelled, command.targetCount, command.completedCount,
            command.errorCount, command.deliveryTimedOutCount, command.destinations.json, command.status.isTerminal,
        ]
        let marks = values.map { _ in "?" }.joined(separator: ", ")
        try transaction.execute(
            "INSERT INTO commands (\(columns), is_terminal) VALUES (\(marks))", values: values)
    }

    /// Writes what of a command changes.
    static func update(_ command: CommandRecord, in transaction: borrowing Transaction) throws {
        try transaction.execute(
            """
            UPDATE commands SET status = ?, is_cancelled = ?, completed_count = ?, error_count = ?,
                delivery_timed_out_count = ?, is_terminal = ? WHERE id = ?
            """, command.status, command.isCancelled, command.completedCount, command.errorCount,
            command.deliveryTimedOutCount, command.status.isTerminal, command.id)
    }

    func command(_ id: Identifier) async throws -> CommandRecord? {
        try await database.read { try CommandStore.commands(where: "id = ?", [id], in: $0).first }
    }

    /// What a principal sent before with the same token.
    static func command(
        clientToken: String, of principal: Principal, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> CommandRecord? {
        try commands(where: "principal = ? AND client_token = ?", [principal, clientToken], in: transaction).first
    }

    static func commands(
        where condition: String, _ values: [(any SQLConvertible)?], newestFirst: Bool = false, limit: Int = .max,
        in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [CommandRecord] {
        let order = newestFirst ? "requested_at DESC, id DESC" : "requested_at, id"
        return try transaction.query(
            "SELECT \(columns) FROM commands WHERE \(condition) ORDER BY \(order) LIMIT ?", values: values + [limit]
        ) { try record($0) }
    }

    /// The commands that are not done, each with its invocations in the order of dispatch.
    func active() async throws -> [(CommandRecord, [CommandMachine.Invocation])] {
        try await database.read { transaction in
            var found: [(CommandRecord, [CommandMachine.Invocation])] = []
            for command in try CommandStore.commands(where: "is_terminal = 0", [], in: transaction) {
                found.append((command, try CommandStore.machineInvocations(of: command.id, in: transaction)))
            }
            return found
        }
    }

    static func machineInvocations(
        of command: Identifier, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [CommandMachine.Invocation] {
        try transaction.query(
            "SELECT node, status, stage FROM invocations WHERE command = ? ORDER BY position", command
        ) { row in
            CommandMachine.Invocation(node: try row[0], status: try row[1], stage: try row[2])
        }
    }

    /// Removes commands that ended and were sent before `time`, at most so many.
    /// - Returns: How many were removed.
    func prune(before time: Timestamp, limit: Int) async throws -> Int {
        try await database.maintain { transaction in
            try transaction.execute(
                """
                DELETE FROM commands WHERE id IN
                    (SELECT id FROM commands WHERE requested_at < ? AND is_terminal = 1 LIMIT ?)
                """, time, limit)
        }
    }

    // MARK: Invocations

    static func add(
        _ invocation: CommandMachine.Invocation, of command: Identifier, position: Int, nodeName: String,
        in transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO invocations (command, position, node, node_name, status, stage, message)
            VALUES (?, ?, ?, ?, ?, ?, '')
            """, command, position, invocation.node, nodeName, invocation.status, invocation.stage)
    }

    static func update(
        _ invocation: CommandMachine.Invocation, of command: Identifier, in transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            "UPDATE invocations SET status = ?, stage = ? WHERE command = ? AND node = ?", invocation.status,
            invocation.stage, command, invocation.node)
    }

    static func setMessage(
        _ message: String, of command: Identifier, on node: String, in transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            "UPDATE invocations SET message = ? WHERE command = ? AND node = ?", message, command, node)
    }

    func invocations(
        of command: CommandRecord, on node: String? = nil
    ) async throws -> [InvocationRecord] {
        try await database.read { transaction in
            try CommandStore.invocations(of: command, on: node, in: transaction)
        }
    }

    static func invocations(
        of command: CommandRecord, on node: String?, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [InvocationRecord] {
        let condition = node == nil ? "command = ?" : "command = ? AND node = ?"
        let values: [(any SQLConvertible)?] = node == nil ? [command.id] : [command.id, node]
        let order = Dictionary(
            command.steps.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        var steps: [String: [StepRecord]] = [:]
        let rows = try transaction.query(
            """
            SELECT node, name, action, status, code, stdout, stderr, started_at, ended_at
            FROM steps WHERE \(condition)
            """, values: values
        ) { row in
            let step: (String, StepRecord) = (
                try row[0],
                StepRecord(
                    name: try row[1], action: try row[2], status: try row[3], code: try row[4],
                    standardOutput: try row[5], standardError: try row[6], start: try row[7], end: try row[8])
            )
            return step
        }
        for (node, step) in rows { steps[node, default: []].append(step) }
        return try transaction.query(
            """
            SELECT node, node_name, status, stage, message FROM invocations WHERE \(condition) ORDER BY position
            """, values: values
        ) { row in
            let node: String = try row[0]
            return InvocationRecord(
                node: node, nodeName: try row[1], status: try row[2], stage: try row[3], message: try row[4],
                steps: (steps[node] ?? []).sorted { order[$0.name] ?? .max < order[$1.name] ?? .max })
        }
    }

    // MARK: Steps

    static func start(
        _ step: StepStart, of command: Identifier, on node: String, in transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO steps (command, node, name, action, status, code, stdout, stderr, started_at)
            VALUES (?, ?, ?, ?, 'InProgress', -1, '', '', ?) ON CONFLICT DO NOTHING
            """, command, node, step.name, step.action, step.time)
    }

    /// - Returns: False where exactly this was known already.
    static func finish(
        _ step: StepReport, of command: Identifier, on node: String, in transaction: borrowing Transaction
    ) throws -> Bool {
        try transaction.execute(
            """
            INSERT INTO steps (command, node, name, action, status, code, stdout, stderr, started_at, ended_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (command, node, name) DO UPDATE SET
                status = excluded.status, code = excluded.code, stdout = excluded.stdout, stderr = excluded.stderr,
                started_at = excluded.started_at, ended_at = excluded.ended_at
            WHERE steps.ended_at IS NULL
            """, command, node, step.name, step.action, step.status.rawValue, step.code, step.standardOutput,
            step.standardError, step.start, step.end) > 0
    }
}

/// The body of `StepStarted`.
struct StepStart: Sendable, Hashable {
    let name: String
    let action: String
    let time: Timestamp

    /// Nil where a member is missing or of another type.
    init?(_ body: JSON) {
        guard let name = body["StepName"]?.string, let action = body["Action"]?.string,
            let time = body["Time"]?.timestamp
        else { return nil }
        self.name = name
        self.action = action
        self.time = time
    }
}

extension CommandStatus: SQLConvertible {}
extension InvocationStatus: SQLConvertible {}
extension CommandMachine.Stage: SQLConvertible {}
