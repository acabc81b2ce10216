internal import Core
internal import Storage

/// What is remembered of a bus, an archive, a schedule or a group that a file holds or has held.
struct FileResource: Sendable, Hashable {
    let key: TemplateResource.Key
    let file: String
    /// As it was loaded last.
    let input: JSON
    let policy: TemplateResource.DeletionPolicy?
    /// Whether a file made it: it was not there before.
    let isOwn: Bool
    /// As it was right after it was loaded.
    var state = JSON.null

    init(_ resource: TemplateResource, isOwn: Bool) {
        key = resource.key
        file = resource.file
        input = resource.input
        policy = resource.deletionPolicy
        self.isOwn = isOwn
    }

    static let migrations = [
        Migration(
            module: "rule-files", number: 1, name: "what templates hold besides rules",
            sql: """
                CREATE TABLE file_resources (
                    kind TEXT NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL, input TEXT NOT NULL, policy TEXT,
                    is_own INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (kind, name)
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    static func all(_ transaction: borrowing ReadTransaction) throws -> [FileResource] {
        try transaction.query("SELECT kind, name, file, input, policy, is_own, state FROM file_resources") { row in
            try FileResource(row)
        }
    }

    private init(_ row: borrowing Row) throws {
        let kind: String = try row[0]
        guard let known = TemplateResource.Kind(rawValue: kind) else {
            throw StorageError(.corrupt, "file_resources has a row of the unknown kind \(kind)")
        }
        key = TemplateResource.Key(kind: known, name: try row[1])
        file = try row[2]
        input = try row[3]
        let policy: String? = try row[4]
        self.policy = policy.flatMap(TemplateResource.DeletionPolicy.init)
        isOwn = try row[5]
        state = try row[6]
    }

    func put(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT OR REPLACE INTO file_resources (kind, name, file, input, policy, is_own, state)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, key.kind.rawValue, key.name, file, input, policy?.rawValue, isOwn, state)
    }

    func delete(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "DELETE FROM file_resources WHERE kind = ? AND name = ?", key.kind.rawValue, key.name)
    }

    /// The files of what is of a kind, by its name.
    static func files(
        of kind: TemplateResource.Kind, _ transaction: borrowing ReadTransaction
    ) throws -> [String: String] {
        let rows = try transaction.query("SELECT name, file FROM file_resources WHERE kind = ?", kind.rawValue) { row in
            (name: try row[0] as String, file: try row[1] as String)
        }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.file) })
    }
}
