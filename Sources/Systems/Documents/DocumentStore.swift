internal import API
public import Core
internal import Documents
public import Platform
public import Storage

/// The documents of the account and their versions.
public struct DocumentStore: Sendable {
    let database: Database
    let account: Account
    private let clock: any Clock

    var now: Timestamp { clock.now }

    public init(database: Database, account: Account, clock: any Clock) {
        self.database = database
        self.account = account
        self.clock = clock
    }

    /// What `documents` and `document_versions` lack, and the tables beside them.
    public static let migrations = [
        Migration(
            module: "documents", number: 1, name: "tags, shares, attachments, reviews",
            sql: """
                -- Numbers are not given twice, also after the latest version was deleted.
                ALTER TABLE documents ADD COLUMN last_number INTEGER NOT NULL DEFAULT 0;
                UPDATE documents SET last_number = latest_version;
                ALTER TABLE document_versions ADD COLUMN display_name TEXT;
                ALTER TABLE document_versions ADD COLUMN target_type TEXT;
                ALTER TABLE document_versions ADD COLUMN requires TEXT;
                ALTER TABLE document_versions ADD COLUMN cloud_providers TEXT;
                ALTER TABLE document_versions ADD COLUMN author TEXT NOT NULL DEFAULT '';
                -- Names with commas between them.
                ALTER TABLE document_versions ADD COLUMN platforms TEXT NOT NULL DEFAULT 'Linux';
                CREATE TABLE document_tags (
                    name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE document_shares (
                    id INTEGER PRIMARY KEY, name TEXT NOT NULL, account TEXT NOT NULL, version TEXT NOT NULL,
                    UNIQUE (name, account)
                ) STRICT;
                CREATE TABLE document_attachments (
                    name TEXT NOT NULL, version INTEGER NOT NULL, attachment TEXT NOT NULL, hash TEXT NOT NULL,
                    size INTEGER NOT NULL, PRIMARY KEY (name, version, attachment)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX document_attachments_hash ON document_attachments (hash);
                -- The bytes of attachments by their SHA-256.
                CREATE TABLE document_contents (hash TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
                CREATE TABLE document_reviews (
                    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, reviewer TEXT NOT NULL,
                    status TEXT NOT NULL, comment TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX document_reviews_version ON document_reviews (name, version);
                """)
    ]

    // MARK: Errors

    static let missing = ServiceError(.invalidDocument, "The specified document does not exist.")
    static let missingVersion = ServiceError(
        .invalidDocumentVersion, "The document version is not valid or does not exist.")

    // MARK: Finding

    /// - Throws: `ServiceError` `.invalidDocument` or `.invalidDocumentVersion`.
    func find(_ name: String, version: String? = nil, versionName: String? = nil) async throws -> DocumentVersion {
        let name = try plainName(name)
        return try await database.read {
            try DocumentStore.find(name, version: version, versionName: versionName, $0)
        }
    }

    /// The name in a document's ARN; a plain name as it is.
    func plainName(_ text: String) throws(ServiceError) -> String {
        guard text.hasPrefix("arn:") else { return text }
        guard let arn = ARN(text).map(account.resolve),
            let name = arn.name(ofType: "document") ?? arn.name(ofType: "automation-definition")
        else { throw DocumentStore.missing }
        let plain = String(name.prefix { $0 != ":" })
        // Built-in documents belong to no account.
        guard arn.account == account.id || BuiltInDocuments.all[plain] != nil else { throw DocumentStore.missing }
        return plain
    }

    /// - Parameters:
    ///   - version: A number, `$DEFAULT` or `$LATEST`.
    ///   - versionName: Where both are given, both must fit. Where none is, it is the default version.
    static func find(
        _ name: String, version: String?, versionName: String? = nil,
        _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> DocumentVersion {
        if let reason = BuiltInDocuments.refused[name] {
            throw ServiceError(.unsupportedOperation, "\(name) \(reason)")
        }
        if let builtIn = BuiltInDocuments.all[name] {
            guard version == nil || ["$DEFAULT", "$LATEST", "1"].contains(version), versionName == nil else {
                throw missingVersion
            }
            return builtIn
        }
        let head: (Int, Int)? = try transaction.queryOne(
            "SELECT default_version, latest_version FROM documents WHERE name = ?", name
        ) { row in (try row[0], try row[1]) }
        guard let (defaultNumber, latest) = head else { throw missing }
        var number: Int?
        switch version {
        case nil: number = versionName == nil ? defaultNumber : nil
        case "$DEFAULT"?: number = defaultNumber
        case "$LATEST"?: number = latest
        case let text?:
            number = Int(text)
            if number == nil { throw missingVersion }
        }
        let condition = "v.name = ?1 AND (?2 IS NULL OR v.version = ?2) AND (?3 IS NULL OR v.version_name = ?3)"
        guard
            let found = try versions(
                where: condition, values: [name, number, versionName], withContent: true, transaction
            ).first
        else { throw missingVersion }
        return found
    }

    /// Versions of a document, the oldest first.
    static func versions(
        of name: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> [DocumentVersion] {
        try versions(where: "v.name = ?1", values: [name], withContent: false, transaction)
    }

    /// The default version of each document of the account.
    static func defaults(_ transaction: borrowing some Queryable & ~Copyable) throws -> [DocumentVersion] {
        try versions(where: "v.version = d.default_version", values: [], withContent: false, transaction)
    }

    private static func versions(
        where condition: String, values: [(any SQLConvertible)?], withContent: Bool,
        _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> [DocumentVersion] {
        let found = try transaction.query(
            """
            SELECT v.name, v.version, v.version_name, v.display_name, \(withContent ? "v.content" : "''"), v.format,
                d.type, v.schema, v.hash, v.created, v.target_type, v.requires, v.cloud_providers, v.author,
                v.platforms, d.latest_version, d.default_version,
                (SELECT r.status FROM document_reviews r WHERE r.name = v.name AND r.version = v.version
                 ORDER BY r.id DESC LIMIT 1)
            FROM document_versions v JOIN documents d ON d.name = v.name WHERE \(condition)
            ORDER BY v.version
            """, values: values, row: version)
        return try found.map { version in
            var version = version
            version.tags = try TagTable.documents.tags(of: version.name, transaction)
            version.attachments = try attachments(of: version, transaction)
            return version
        }
    }

    private static func version(_ row: borrowing Row) throws -> DocumentVersion {
        let format: String = try row[5]
        let requires: String? = try row[11]
        let providers: String? = try row[12]
        let platforms: String = try row[14]
        return DocumentVersion(
            name: try row[0], number: try row[1], versionName: try row[2], displayName: try row[3],
            content: try row[4], format: DocumentFormat(rawValue: format) ?? .json, type: try row[6],
            schema: try row[7], hash: try row[8], created: try row[9], targetType: try row[10],
            requires: try requires.map { try JSON(parsing: $0) },
            cloudProviders: try providers.map { try JSON(parsing: $0) }, author: try row[13],
            platforms: platforms.split(separator: ",").map(String.init), latest: try row[15],
            defaultNumber: try row[16], reviewStatus: try row[17])
    }

    private static func attachments(
        of version: DocumentVersion, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> [DocumentVersion.Attachment] {
        try transaction.query(
            """
            SELECT attachment, hash, size FROM document_attachments WHERE name = ? AND version = ?
            ORDER BY attachment
            """, version.name, version.number
        ) { row in DocumentVersion.Attachment(name: try row[0], hash: try row[1], size: try row[2]) }
    }

    // MARK: Changing

    static func insert(_ version: DocumentVersion, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO document_versions (name, version, version_name, display_name, content, format, schema, hash,
                created, target_type, requires, cloud_providers, author, platforms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, version.name, version.number, version.versionName, version.displayName, version.content,
            version.format.rawValue, version.schema, version.hash, version.created, version.targetType,
            version.requires?.text, version.cloudProviders?.text, version.author,
            version.platforms.joined(separator: ","))
        for attachment in version.attachments {
            try transaction.execute(
                "INSERT INTO document_attachments (name, version, attachment, hash, size) VALUES (?, ?, ?, ?, ?)",
                version.name, version.number, attachment.name, attachment.hash, attachment.size)
        }
    }

    /// Removes one version, or the document with all it has where `number` is nil.
    static func delete(_ name: String, number: Int?, _ transaction: borrowing Transaction) throws {
        var tables = ["document_versions", "document_attachments", "document_reviews"]
        if let number {
            for table in tables {
                try transaction.execute("DELETE FROM \(table) WHERE name = ? AND version = ?", name, number)
            }
            try transaction.execute(
                """
                UPDATE documents SET latest_version =
                    (SELECT max(version) FROM document_versions v WHERE v.name = documents.name) WHERE name = ?
                """, name)
        } else {
            tables += ["document_tags", "document_shares", "documents"]
            for table in tables { try transaction.execute("DELETE FROM \(table) WHERE name = ?", name) }
        }
        try transaction.execute(
            "DELETE FROM document_contents WHERE hash NOT IN (SELECT hash FROM document_attachments)")
    }
}
