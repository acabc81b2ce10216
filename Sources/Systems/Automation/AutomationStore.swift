internal import Core
internal import Documents
public import Storage

/// The tables of documents and automation executions.
public enum AutomationStore {
    public static let migrations = [
        Migration(
            module: "automation", number: 1, name: "documents and executions",
            sql: """
                CREATE TABLE documents (
                    name TEXT PRIMARY KEY, type TEXT NOT NULL, default_version INTEGER NOT NULL,
                    latest_version INTEGER NOT NULL, created INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE document_versions (
                    name TEXT NOT NULL, version INTEGER NOT NULL, version_name TEXT, content TEXT NOT NULL,
                    format TEXT NOT NULL, schema TEXT NOT NULL, hash TEXT NOT NULL, created INTEGER NOT NULL,
                    PRIMARY KEY (name, version)
                ) STRICT, WITHOUT ROWID;
                -- `content` is the runbook as it was when the execution began; `state` the machine's.
                CREATE TABLE automation_executions (
                    id TEXT PRIMARY KEY, document TEXT NOT NULL, version TEXT NOT NULL, content TEXT NOT NULL,
                    status TEXT NOT NULL, state TEXT NOT NULL, principal TEXT NOT NULL, cause TEXT,
                    hops INTEGER NOT NULL, client_token TEXT UNIQUE, request TEXT NOT NULL, started INTEGER NOT NULL,
                    ended INTEGER
                ) STRICT;
                CREATE INDEX automation_executions_started ON automation_executions (started);
                CREATE INDEX automation_executions_active ON automation_executions (status)
                    WHERE status NOT IN ('Success', 'TimedOut', 'Cancelled', 'Failed');
                """)
    ]

    private static let columns = """
        id, document, version, content, status, state, principal, cause, hops, request, started, ended
        """

    static func insert(
        _ execution: AutomationExecution, clientToken: String?, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO automation_executions (\(columns), client_token)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, execution.id, execution.documentName, execution.documentVersion, execution.content,
            execution.machine.status.rawValue, execution.machine.json, execution.context.principal.name,
            execution.context.cause, execution.context.hops, execution.request, execution.startedAt,
            execution.endedAt, clientToken)
    }

    static func update(_ execution: AutomationExecution, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "UPDATE automation_executions SET status = ?, state = ?, ended = ? WHERE id = ?",
            execution.machine.status.rawValue, execution.machine.json, execution.endedAt, execution.id)
    }

    static func execution(
        _ id: Identifier, _ transaction: borrowing ReadTransaction
    ) throws -> AutomationExecution? {
        try transaction.query("SELECT \(columns) FROM automation_executions WHERE id = ?", id, row: read).first ?? nil
    }

    static func execution(
        clientToken: String, _ transaction: borrowing ReadTransaction
    ) throws -> AutomationExecution? {
        try transaction.query(
            "SELECT \(columns) FROM automation_executions WHERE client_token = ?", clientToken, row: read
        ).first ?? nil
    }

    /// Executions that have not ended, the oldest first.
    static func active(_ transaction: borrowing ReadTransaction) throws -> [AutomationExecution] {
        try transaction.query(
            """
            SELECT \(columns) FROM automation_executions
            WHERE status NOT IN ('Success', 'TimedOut', 'Cancelled', 'Failed') ORDER BY started
            """, row: read
        ).compactMap { $0 }
    }

    /// A place in the list of executions; several may have started at the same time.
    struct Place {
        let started: Timestamp
        let id: Identifier

        init(_ execution: AutomationExecution) {
            started = execution.startedAt
            id = execution.id
        }

        /// Reads a `token`; nil for anything else.
        init?(_ token: String) {
            let parts = token.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let microseconds = Int64(parts[0]), let id = Identifier(String(parts[1])) else {
                return nil
            }
            started = Timestamp(microseconds: microseconds)
            self.id = id
        }

        var token: String { "\(started.microseconds)/\(id)" }
    }

    /// The newest executions first, those after the place given.
    static func list(
        before place: Place?, limit: Int, _ transaction: borrowing ReadTransaction
    ) throws -> [AutomationExecution] {
        let start = place?.started ?? Timestamp(microseconds: .max)
        return try transaction.query(
            """
            SELECT \(columns) FROM automation_executions WHERE started < ?1 OR (started = ?1 AND id < ?2)
            ORDER BY started DESC, id DESC LIMIT ?3
            """, start, place?.id, limit, row: read
        ).compactMap { $0 }
    }

    /// Nil where the row does not hold an execution that this version understands.
    private static func read(_ row: borrowing Row) throws -> AutomationExecution? {
        let content: String = try row[3]
        let state: JSON = try row[5]
        let principal: String = try row[6]
        let cause: String? = try row[7]
        guard let document = try? Document(parsing: Array(content.utf8)),
            let machine = RunbookMachine(resuming: state, document: document)
        else { return nil }
        return AutomationExecution(
            id: try row[0], documentName: try row[1], documentVersion: try row[2], content: content, machine: machine,
            context: OperationContext(
                principal: Principal(principal), cause: cause.flatMap(Subject.init), hops: try row[8]),
            request: try row[9], startedAt: try row[10], endedAt: try row[11])
    }
}
