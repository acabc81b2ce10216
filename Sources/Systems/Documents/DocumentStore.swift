internal import API
public import Core
internal import Documents
public import Platform
public import Storage

/// The documents of the account and their versions.
public struct DocumentStore: DocumentResolver {
    let database: Database
    let account: Account
    private let clock: any Clock

    var now: Timestamp { clock.now }

    /// One version as stored.
    struct Version: Sendable {
        var name: String
        var number: Int
        var versionName: String?
        var content: String
        var format: String
        var type: String
        var schema: String
        var hash: String
        var created: Timestamp
        var isDefault: Bool
        var latest: Int
        var defaultNumber: Int
    }

    public init(database: Database, account: Account, clock: any Clock) {
        self.database = database
        self.account = account
        self.clock = clock
    }

    public func resolve(_ name: String, version: String?) async throws -> ResolvedDocument {
        let found = try await find(name, version: version)
        do {
            let document = try Document(parsing: Array(found.content.utf8), fileName: found.fileName)
            return ResolvedDocument(
                name: found.name, version: String(found.number), content: found.content, document: document)
        } catch {
            throw ServiceError(.invalidDocument, "Document \(found.name) cannot be read: \(error)")
        }
    }

    /// - Throws: `ServiceError` `.invalidDocument` or `.invalidDocumentVersion`.
    func find(_ name: String, version: String?) async throws -> Version {
        let name = try plainName(name)
        return try await database.read { try DocumentStore.find(name, version: version, $0) }
    }

    /// The name in a document's ARN; a plain name as it is.
    func plainName(_ text: String) throws(ServiceError) -> String {
        guard text.hasPrefix("arn:") else { return text }
        guard let arn = ARN(text).map(account.resolve), arn.account == account.id,
            let name = arn.name(ofType: "document") ?? arn.name(ofType: "automation-definition")
        else { throw DocumentStore.missing(text) }
        return String(name.prefix { $0 != ":" })
    }

    static func missing(_ name: String) -> ServiceError {
        ServiceError(.invalidDocument, "Document with name \(name) does not exist.")
    }

    static func find(
        _ name: String, version: String?, _ transaction: borrowing ReadTransaction
    ) throws -> Version {
        if let builtIn = BuiltInDocuments.all[name] {
            guard version == nil || ["$DEFAULT", "$LATEST", "1"].contains(version) else {
                throw ServiceError(.invalidDocumentVersion, "Document \(name) has no version \(version ?? "").")
            }
            return builtIn
        }
        let versions = try versions(of: name, transaction)
        guard let first = versions.first else { throw missing(name) }
        let number: Int?
        switch version {
        case nil, "$DEFAULT": number = first.defaultNumber
        case "$LATEST": number = first.latest
        case let text?: number = Int(text)
        }
        guard let found = versions.first(where: { $0.number == number }) else {
            throw ServiceError(.invalidDocumentVersion, "Document \(name) has no version \(version ?? "").")
        }
        return found
    }

    /// All versions of a document, the oldest first; empty where there is none.
    static func versions(of name: String, _ transaction: borrowing ReadTransaction) throws -> [Version] {
        try transaction.query(
            """
            SELECT v.name, v.version, v.version_name, v.content, v.format, d.type, v.schema, v.hash, v.created,
                d.default_version, d.latest_version
            FROM document_versions v JOIN documents d ON d.name = v.name WHERE v.name = ? ORDER BY v.version
            """, name
        ) { row in
            let number: Int = try row[1]
            let defaultNumber: Int = try row[9]
            return Version(
                name: try row[0], number: number, versionName: try row[2], content: try row[3], format: try row[4],
                type: try row[5], schema: try row[6], hash: try row[7], created: try row[8],
                isDefault: number == defaultNumber, latest: try row[10], defaultNumber: defaultNumber)
        }
    }

    static func insert(_ version: Version, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO document_versions (name, version, version_name, content, format, schema, hash, created)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """, version.name, version.number, version.versionName, version.content, version.format, version.schema,
            version.hash, version.created)
    }
}

extension DocumentStore.Version {
    /// What tells the parser the format.
    var fileName: String { format == "JSON" ? "document.json" : "document.yaml" }

    var subject: Subject { Subject(.document, name) }

    /// `DocumentDescription` of the API.
    func description(_ document: Document?) -> JSON {
        var json: JSON = [
            "Name": .string(name), "DocumentVersion": .string(String(number)), "DocumentType": .string(type),
            "DocumentFormat": .string(format), "SchemaVersion": .string(schema), "Hash": .string(hash),
            "HashType": "Sha256", "Status": "Active", "CreatedDate": .string(created.millisecondDescription),
            "DefaultVersion": .string(String(defaultNumber)), "LatestVersion": .string(String(latest)),
            "PlatformTypes": ["Linux"], "Owner": .string(BuiltInDocuments.all[name] == nil ? "Self" : "OpsBus"),
        ]
        json["VersionName"] = versionName.map { .string($0) }
        guard let document else { return json }
        json["Description"] = document.description.map { .string($0) }
        json["Parameters"] = .array(
            document.parameters.map { parameter in
                var json: JSON = ["Name": .string(parameter.name), "Type": .string(parameter.type.rawValue)]
                json["Description"] = parameter.description.map { .string($0) }
                json["DefaultValue"] = parameter.defaultValue.map { .string($0.string ?? $0.text) }
                return json
            })
        return json
    }
}
