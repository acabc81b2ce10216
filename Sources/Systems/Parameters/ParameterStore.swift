internal import API
internal import Core
internal import Storage

/// The tables of parameters and of the service's settings.
enum ParameterStore {
    static let migrations = [
        Migration(
            module: "parameters", number: 1, name: "parameters, versions, tags, settings",
            sql: """
                -- The key is the name with a slash at its beginning; the name is as it was first written.
                CREATE TABLE parameters (
                    key TEXT PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE parameter_versions (
                    key TEXT NOT NULL, version INTEGER NOT NULL, kind TEXT NOT NULL,
                    -- One of the two: in clear, or sealed.
                    value TEXT, sealed BLOB,
                    description TEXT, allowed_pattern TEXT, key_id TEXT, data_type TEXT NOT NULL, tier TEXT NOT NULL,
                    policies TEXT, labels TEXT, modified INTEGER NOT NULL, modified_by TEXT NOT NULL,
                    PRIMARY KEY (key, version)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX parameter_versions_policies ON parameter_versions (key) WHERE policies IS NOT NULL;
                CREATE TABLE parameter_tags (
                    parameter TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (parameter, key)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE service_settings (
                    id TEXT PRIMARY KEY, value TEXT NOT NULL, modified INTEGER NOT NULL, modified_by TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    private static let columns = """
        p.name, v.version, v.kind, v.value, v.sealed, v.description, v.allowed_pattern, v.key_id, v.data_type, v.tier,
        v.policies, v.labels, v.modified, v.modified_by
        """
    private static let latest = """
        SELECT \(columns) FROM parameters p JOIN parameter_versions v ON v.key = p.key AND v.version = p.version
        """

    private static func version(_ row: borrowing Row) throws -> ParameterVersion {
        let text: String? = try row[3]
        let sealed: [UInt8]? = try row[4]
        let policies: JSON? = try row[10]
        let labels: JSON? = try row[11]
        return ParameterVersion(
            name: try row[0], kind: try row[2], version: try row[1],
            value: sealed.map { .sealed($0) } ?? .plain(text ?? ""), description: try row[5],
            allowedPattern: try row[6], keyID: try row[7], dataType: try row[8], tier: try row[9],
            policies: policies.map(ParameterPolicies.init(kept:)) ?? .none, labels: labels?.strings ?? [],
            modified: try row[12], modifiedBy: try row[13])
    }

    // MARK: Finding

    static func latest(
        _ key: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> ParameterVersion? {
        try transaction.queryOne("\(latest) WHERE p.key = ?", key, row: version)
    }

    /// The latest version of each parameter whose key begins so, in the order of keys, until `body` answers false.
    /// - Parameter last: Begin after this key.
    static func forEachLatest(
        below prefix: String, after last: String, _ transaction: borrowing some Queryable & ~Copyable,
        _ body: (ParameterVersion) throws -> Bool
    ) throws {
        // The byte after a slash is a zero: all keys that begin with the prefix lie before it.
        let end = prefix.dropLast() + "0"
        try transaction.forEach(
            "\(latest) WHERE p.key > ? AND p.key > ? AND p.key < ? ORDER BY p.key", values: [prefix, last, String(end)]
        ) { row in try body(try version(row)) }
    }

    /// All versions, the oldest first.
    static func versions(
        _ key: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> [ParameterVersion] {
        try transaction.query(
            """
            SELECT \(columns) FROM parameters p JOIN parameter_versions v ON v.key = p.key WHERE p.key = ?
            ORDER BY v.version
            """, key, row: version)
    }

    /// - Throws: `ServiceError` `.parameterNotFound`, or `.parameterVersionNotFound` where there is the parameter.
    static func find(
        _ selection: ParameterSelection, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> ParameterVersion {
        guard let latest = try latest(selection.key, transaction) else {
            throw ServiceError(.parameterNotFound, "Parameter \(selection.text) not found.")
        }
        let found: ParameterVersion?
        let what: String
        switch selection.version {
        case .latest: return latest
        case .number(let number):
            found = try versions(selection.key, transaction).first { $0.version == number }
            what = "version \(number)"
        case .label(let label):
            found = try versions(selection.key, transaction).first { $0.labels.contains(label) }
            what = "label \(label)"
        }
        guard let found else {
            throw ServiceError(
                .parameterVersionNotFound,
                "Systems Manager could not find \(what) of \(selection.name). Verify the version and try again.")
        }
        return found
    }

    static func count(_ transaction: borrowing Transaction) throws -> Int {
        try transaction.queryOne("SELECT count(*) FROM parameters") { try $0[0] } ?? 0
    }

    /// Parameters whose latest version has policies.
    static func withPolicies(_ transaction: borrowing some Queryable & ~Copyable) throws -> [ParameterVersion] {
        try transaction.query("\(latest) WHERE v.policies IS NOT NULL ORDER BY p.key", row: version)
    }

    // MARK: Changing

    /// Adds a version, which is then the latest.
    static func add(_ version: ParameterVersion, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO parameters (key, name, version) VALUES (?, ?, ?)
            ON CONFLICT (key) DO UPDATE SET version = excluded.version
            """, version.key, version.name, version.version)
        var text: String?
        var sealed: [UInt8]?
        switch version.value {
        case .plain(let value): text = value
        case .sealed(let bytes): sealed = bytes
        }
        try transaction.execute(
            """
            INSERT INTO parameter_versions (key, version, kind, value, sealed, description, allowed_pattern, key_id,
                data_type, tier, policies, labels, modified, modified_by)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, version.key, version.version, version.kind, text, sealed, version.description,
            version.allowedPattern, version.keyID, version.dataType, version.tier, kept(version.policies),
            kept(version.labels), version.modified, version.modifiedBy)
    }

    private static func kept(_ policies: ParameterPolicies) -> JSON? { policies.isEmpty ? nil : policies.json }

    private static func kept(_ labels: [String]) -> JSON? {
        labels.isEmpty ? nil : .array(labels.map { .string($0) })
    }

    /// Writes down the labels and the policies of a version.
    static func update(_ version: ParameterVersion, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "UPDATE parameter_versions SET labels = ?, policies = ? WHERE key = ? AND version = ?",
            kept(version.labels), kept(version.policies), version.key, version.version)
    }

    static func remove(version: Int, of key: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM parameter_versions WHERE key = ? AND version = ?", key, version)
    }

    /// Removes a parameter with its versions and tags.
    static func remove(_ key: String, _ transaction: borrowing Transaction) throws(StorageError) {
        for (table, column) in [("parameters", "key"), ("parameter_versions", "key"), ("parameter_tags", "parameter")] {
            try transaction.execute("DELETE FROM \(table) WHERE \(column) = ?", key)
        }
    }
}
