internal import Core
public import Storage

/// The tables of nodes and activations. Static functions are for use within a transaction.
public struct NodeStore: Sendable {
    public static let migrations = [
        Migration(
            module: "nodes", number: 1, name: "nodes and activations",
            sql: """
                CREATE TABLE activations (
                    id TEXT PRIMARY KEY, code_hash TEXT NOT NULL, description TEXT NOT NULL, name TEXT NOT NULL,
                    iam_role TEXT NOT NULL, registration_limit INTEGER NOT NULL, registrations INTEGER NOT NULL,
                    expires_at INTEGER NOT NULL, created_at INTEGER NOT NULL, tags TEXT NOT NULL
                ) STRICT;
                CREATE TABLE nodes (
                    id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, principal TEXT NOT NULL, activation_id TEXT,
                    iam_role TEXT NOT NULL, name TEXT NOT NULL, computer_name TEXT NOT NULL,
                    platform_type TEXT NOT NULL, platform_name TEXT NOT NULL, platform_version TEXT NOT NULL,
                    agent_version TEXT NOT NULL, ip_address TEXT NOT NULL, registered_at INTEGER NOT NULL,
                    last_ping_at INTEGER NOT NULL, ping_status TEXT NOT NULL, is_removed INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX nodes_by_fingerprint ON nodes (fingerprint);
                CREATE TABLE node_tags (
                    node TEXT NOT NULL REFERENCES nodes (id), key TEXT NOT NULL, value TEXT NOT NULL,
                    PRIMARY KEY (node, key)
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    let database: Database

    public init(_ database: Database) { self.database = database }

    // MARK: Nodes

    /// All nodes that are not deregistered, by identifier.
    func nodes() async throws -> [ManagedNode] {
        try await database.read { transaction in
            try NodeStore.nodes(where: "is_removed = 0", [], in: transaction)
        }
    }

    func node(_ id: String) async throws -> ManagedNode? { try await nodes([id]).first }

    /// Those of the nodes named that exist and are not deregistered.
    func nodes(_ ids: [String]) async throws -> [ManagedNode] {
        try await database.read { transaction in
            var found: [ManagedNode] = []
            for id in ids {
                if let node = try NodeStore.node(id, in: transaction), !node.isRemoved { found.append(node) }
            }
            return found
        }
    }

    static func node(_ id: String, in transaction: borrowing some Queryable & ~Copyable) throws -> ManagedNode? {
        try nodes(where: "id = ?", [id], in: transaction).first
    }

    /// With those that are removed.
    static func nodes(
        fingerprint: String, principal: Principal, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [ManagedNode] {
        try nodes(where: "fingerprint = ? AND principal = ?", [fingerprint, principal], in: transaction)
    }

    private static func nodes(
        where condition: String, _ values: [(any SQLConvertible)?],
        in transaction: borrowing some Queryable & ~Copyable
    ) throws -> [ManagedNode] {
        var tags: [String: [ManagedNode.Tag]] = [:]
        let pairs = try transaction.query(
            """
            SELECT node, key, value FROM node_tags
            WHERE node IN (SELECT id FROM nodes WHERE \(condition)) ORDER BY key
            """, values: values
        ) { row in
            let pair: (String, ManagedNode.Tag) = (try row[0], ManagedNode.Tag(key: try row[1], value: try row[2]))
            return pair
        }
        for (node, tag) in pairs { tags[node, default: []].append(tag) }
        return try transaction.query("SELECT \(columns) FROM nodes WHERE \(condition) ORDER BY id", values: values) {
            row in
            let id: String = try row[0]
            return ManagedNode(
                id: id, fingerprint: try row[1], principal: try row[2], activationID: try row[3],
                iamRole: try row[4], name: try row[5], computerName: try row[6], platformType: try row[7],
                platformName: try row[8], platformVersion: try row[9], agentVersion: try row[10],
                ipAddress: try row[11], registeredAt: try row[12], lastPingAt: try row[13],
                pingStatus: try row[14], isRemoved: try row[15], tags: tags[id] ?? [])
        }
    }

    private static let columns = """
        id, fingerprint, principal, activation_id, iam_role, name, computer_name, platform_type, platform_name, \
        platform_version, agent_version, ip_address, registered_at, last_ping_at, ping_status, is_removed
        """

    /// Writes all columns of a node, and its tags where the node is new.
    static func save(_ node: ManagedNode, in transaction: borrowing Transaction) throws {
        let values: [(any SQLConvertible)?] = [
            node.id, node.fingerprint, node.principal, node.activationID, node.iamRole, node.name,
            node.computerName, node.platformType, node.platformName, node.platformVersion, node.agentVersion,
            node.ipAddress, node.registeredAt, node.lastPingAt, node.pingStatus, node.isRemoved,
        ]
        let marks = values.map { _ in "?" }.joined(separator: ", ")
        let updates = columns.split(separator: ", ").dropFirst().map { "\($0) = excluded.\($0)" }
        try transaction.execute(
            """
            INSERT INTO nodes (\(columns)) VALUES (\(marks))
            ON CONFLICT (id) DO UPDATE SET \(updates.joined(separator: ", "))
            """, values: values)
    }

    static func setTags(_ tags: [ManagedNode.Tag], on node: String, in transaction: borrowing Transaction) throws {
        for tag in tags { try TagTable.nodes.set(tag, on: node, transaction) }
    }

    // MARK: Activations

    func activations() async throws -> [Activation] {
        try await database.read { transaction in
            try transaction.query("SELECT \(NodeStore.activationColumns) FROM activations ORDER BY created_at, id") {
                try NodeStore.activation($0)
            }
        }
    }

    private static let activationColumns = """
        id, description, name, iam_role, registration_limit, registrations, expires_at, created_at, tags
        """

    private static func activation(_ row: borrowing Row) throws -> Activation {
        let tags: JSON = try row[8]
        return Activation(
            id: try row[0], description: try row[1], defaultName: try row[2], iamRole: try row[3],
            limit: try row[4], registrations: try row[5], expiresAt: try row[6], createdAt: try row[7],
            tags: [ManagedNode.Tag](json: tags))
    }

    /// The activation that the code opens; nil where either is wrong.
    static func activation(
        _ id: String, code: String, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> Activation? {
        try transaction.queryOne(
            "SELECT \(activationColumns) FROM activations WHERE id = ? AND code_hash = ?", id, hash(of: code)
        ) { try activation($0) }
    }

    static func add(_ activation: Activation, code: String, in transaction: borrowing Transaction) throws {
        try transaction.execute(
            "INSERT INTO activations (\(activationColumns), code_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            activation.id, activation.description, activation.defaultName, activation.iamRole, activation.limit,
            activation.registrations, activation.expiresAt, activation.createdAt, activation.tags.json,
            hash(of: code))
    }

    /// Codes are random and long, so that a plain hash cannot be reversed by trying.
    private static func hash(of code: String) -> String { sha256(Array(code.utf8)) }
}

extension ManagedNode.PingStatus: SQLConvertible {}
