public import API
internal import Core
internal import Documents
internal import Storage

/// The operations on documents, as in the SSM API.
public struct DocumentOperations: Sendable {
    private let store: DocumentStore

    public init(store: DocumentStore) { self.store = store }

    private static let nameCharacters = CharacterRule(pattern: #"[a-zA-Z0-9_\-.]{3,128}"#, lettersDigitsAnd: "_-.")
    private static let reservedPrefixes = ["aws", "amazon", "amzn"]
    private static let types = ["Command", "Automation"]
    private static let formats = ["JSON", "YAML"]
    private static let documentsMax = 500

    public var all: [Operation] {
        let name = Field.required("Name", .string(length: 3...1000))
        let version = Field.optional("DocumentVersion", .string(length: 1...20))
        let content = Field.required("Content", .string(length: 1...Limits.documentBytesMax))
        let format = Field.optional("DocumentFormat", .string(values: DocumentOperations.formats))
        let versionName = Field.optional("VersionName", .name(1...128, DocumentOperations.nameCharacters))
        return [
            Operation(
                "ssm:CreateDocument", "Creates a command document or a runbook.", .writes,
                input: [
                    .required("Name", .name(3...128, DocumentOperations.nameCharacters)), content, format, versionName,
                    .optional("DocumentType", .string(values: DocumentOperations.types)),
                ], handler: create),
            Operation(
                "ssm:UpdateDocument", "Adds a version to a document; the default version stays.", .writes,
                input: [name, content, format, versionName, version], handler: update),
            Operation(
                "ssm:UpdateDocumentDefaultVersion", "Says which version runs when none is named.", .writes,
                input: [name, .required("DocumentVersion", .string(length: 1...20))], handler: setDefault),
            Operation(
                "ssm:GetDocument", "Answers the text of a document.", .reads, input: [name, version], handler: get),
            Operation(
                "ssm:DescribeDocument", "Answers what is known of a document, with its parameters.", .reads,
                input: [name, version], handler: describe),
            Operation(
                "ssm:ListDocuments", "Lists documents by name.", .reads,
                input: [
                    .optional("MaxResults", .integer(1...50)), .optional("NextToken", .string(length: 1...256)),
                ], handler: list),
            Operation(
                "ssm:ListDocumentVersions", "Lists the versions of a document, the newest first.", .reads,
                input: [name], handler: listVersions),
            Operation(
                "ssm:DeleteDocument", "Deletes a document with all its versions.", .writes, input: [name],
                handler: delete),
        ]
    }

    // MARK: Changing

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if DocumentOperations.reservedPrefixes.contains(where: name.lowercased().hasPrefix) {
            throw ServiceError(
                .validation,
                "The name \(name) begins with a reserved prefix: "
                    + DocumentOperations.reservedPrefixes.joined(separator: ", ") + ".")
        }
        var version = try self.version(input, name: name)
        let document = try DocumentOperations.parse(version)
        version.type = document.runbook == nil ? "Command" : "Automation"
        version.schema = document.schema.rawValue
        if let type = input["DocumentType"]?.string, type != version.type {
            throw ServiceError(
                .invalidDocumentContent,
                "The content is of type \(version.type) (schema \(version.schema)), DocumentType says \(type).")
        }
        let created = version
        try await store.database.write(context) { transaction in
            let count: Int? = try transaction.queryOne("SELECT count(*) FROM documents") { try $0[0] }
            guard (count ?? 0) < DocumentOperations.documentsMax else {
                throw ServiceError(
                    .limitExceeded, "You can have at most \(DocumentOperations.documentsMax) documents.")
            }
            guard try DocumentStore.versions(of: name, transaction.reading).isEmpty else {
                throw ServiceError(.documentAlreadyExists, "Document with name \(name) already exists.")
            }
            try transaction.execute(
                "INSERT INTO documents (name, type, default_version, latest_version, created) VALUES (?, ?, 1, 1, ?)",
                name, created.type, transaction.now)
            try DocumentStore.insert(created, transaction)
            try transaction.audit(
                "CreateDocument", on: created.subject, outcome: .success, detail: ["Hash": .string(created.hash)])
        }
        return ["DocumentDescription": version.description(document)]
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try store.plainName(input["Name"]?.string ?? "")
        try DocumentOperations.refuseBuiltIn(name)
        let proposed = try version(input, name: name)
        let document = try DocumentOperations.parse(proposed)
        let replaced = input["DocumentVersion"]?.string
        let updated = try await store.database.write(context) { transaction in
            let versions = try DocumentStore.versions(of: name, transaction.reading)
            guard let last = versions.last else { throw DocumentStore.missing(name) }
            if let replaced, replaced != "$LATEST", replaced != String(last.latest) {
                throw ServiceError(
                    .invalidDocumentVersion,
                    "Only the latest version, \(last.latest), can be updated; DocumentVersion says \(replaced).")
            }
            guard !versions.contains(where: { $0.hash == proposed.hash }) else {
                throw ServiceError(
                    .duplicateDocumentContent, "A version of document \(name) has this content already.")
            }
            guard (last.type == "Automation") == (document.runbook != nil) else {
                throw ServiceError(.invalidDocumentContent, "Document \(name) is of type \(last.type) and stays so.")
            }
            var next = proposed
            next.number = last.latest + 1
            next.schema = document.schema.rawValue
            next.latest = next.number
            next.type = last.type
            next.defaultNumber = last.defaultNumber
            try DocumentStore.insert(next, transaction)
            try transaction.execute("UPDATE documents SET latest_version = ? WHERE name = ?", next.number, name)
            try transaction.audit(
                "UpdateDocument", on: next.subject, outcome: .success,
                detail: ["DocumentVersion": .integer(next.number), "Hash": .string(next.hash)])
            return next
        }
        return ["DocumentDescription": updated.description(document)]
    }

    private func setDefault(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try store.plainName(input["Name"]?.string ?? "")
        try DocumentOperations.refuseBuiltIn(name)
        let text = input["DocumentVersion"]?.string ?? ""
        try await store.database.write(context) { transaction in
            let version = try DocumentStore.find(name, version: text, transaction.reading)
            try transaction.execute("UPDATE documents SET default_version = ? WHERE name = ?", version.number, name)
            try transaction.audit(
                "UpdateDocumentDefaultVersion", on: version.subject, outcome: .success,
                detail: ["DocumentVersion": .integer(version.number)])
        }
        return ["Description": ["Name": .string(name), "DefaultVersion": .string(text)]]
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try store.plainName(input["Name"]?.string ?? "")
        try DocumentOperations.refuseBuiltIn(name)
        try await store.database.write(context) { transaction in
            try transaction.execute("DELETE FROM document_versions WHERE name = ?", name)
            guard try transaction.execute("DELETE FROM documents WHERE name = ?", name) == 1 else {
                throw DocumentStore.missing(name)
            }
            try transaction.audit("DeleteDocument", on: Subject(.document, name), outcome: .success)
        }
        return [:]
    }

    // MARK: Reading

    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let found = try await store.find(input["Name"]?.string ?? "", version: input["DocumentVersion"]?.string)
        return [
            "Name": .string(found.name), "DocumentVersion": .string(String(found.number)), "Status": "Active",
            "Content": .string(found.content), "DocumentType": .string(found.type),
            "DocumentFormat": .string(found.format),
        ]
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let found = try await store.find(name, version: input["DocumentVersion"]?.string)
        let document = try await store.resolve(found.name, version: String(found.number)).document
        return ["Document": found.description(document)]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let after = input["NextToken"]?.string ?? ""
        let limit = input["MaxResults"]?.int ?? 50
        let own = try await store.database.read { transaction in
            let names: [String] = try transaction.query("SELECT name FROM documents ORDER BY name") { try $0[0] }
            return try names.map { try DocumentStore.find($0, version: nil, transaction) }
        }
        let all = (own + BuiltInDocuments.all.values).sorted { $0.name < $1.name }.filter { $0.name > after }
        let page = all.prefix(limit)
        var output: JSON = ["DocumentIdentifiers": .array(page.map { $0.description(nil) })]
        if all.count > limit, let last = page.last { output["NextToken"] = .string(last.name) }
        return output
    }

    private func listVersions(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try store.plainName(input["Name"]?.string ?? "")
        let versions = try await store.database.read { try DocumentStore.versions(of: name, $0) }
        guard !versions.isEmpty else { throw DocumentStore.missing(name) }
        return [
            "DocumentVersions": .array(
                versions.reversed().map { version in
                    var json = version.description(nil)
                    json["IsDefaultVersion"] = .bool(version.isDefault)
                    return json
                })
        ]
    }

    // MARK: Shared

    private static func refuseBuiltIn(_ name: String) throws(ServiceError) {
        guard BuiltInDocuments.all[name] != nil else { return }
        throw ServiceError(.invalidDocumentOperation, "\(name) is part of OpsBus and cannot be changed.")
    }

    private func version(_ input: JSON, name: String) throws(ServiceError) -> DocumentStore.Version {
        let content = input["Content"]?.string ?? ""
        guard content.utf8.count <= Limits.documentBytesMax else {
            throw ServiceError(
                .maxDocumentSizeExceeded, "The content is larger than \(Limits.documentBytesMax) bytes.")
        }
        let format = input["DocumentFormat"]?.string ?? (content.first { !$0.isWhitespace } == "{" ? "JSON" : "YAML")
        return DocumentStore.Version(
            name: name, number: 1, versionName: input["VersionName"]?.string, content: content, format: format,
            type: "", schema: "", hash: sha256(Array(content.utf8)), created: store.now, isDefault: true, latest: 1,
            defaultNumber: 1)
    }

    /// The content, validated and known to run here.
    private static func parse(_ version: DocumentStore.Version) throws(ServiceError) -> Document {
        do throws(DocumentError) {
            let document = try Document(parsing: Array(version.content.utf8), fileName: version.fileName)
            try document.checkExecutable()
            return document
        } catch {
            let code: ErrorCode = error.code == .schemaVersion ? .invalidDocumentSchemaVersion : .invalidDocumentContent
            throw ServiceError(code, error.description)
        }
    }
}
