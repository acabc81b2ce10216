internal import API
internal import Core
internal import Documents
internal import Storage

extension DocumentOperations {
    private static let reservedPrefixes = ["aws", "amazon", "amzn"]

    // MARK: Creating

    func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if Self.reservedPrefixes.contains(where: name.lowercased().hasPrefix) {
            throw ServiceError(
                .validation,
                "The name \(name) begins with a reserved prefix: \(Self.reservedPrefixes.joined(separator: ", ")).")
        }
        let text = try Self.text(input, type: try Self.type(input["DocumentType"]?.string))
        var version = version(input, name: name, text, context)
        version.requires = input["Requires"]
        version.tags = [ManagedNode.Tag](json: input["Tags"])
        guard version.tags.count <= TagOperations.tagsMax else { throw TagOperations.tooMany }
        let attachments = try await loader.load(input["Attachments"], for: text, version.content, context)
        version.attachments = attachments.map(\.attachment)
        let created = version
        try await store.database.write(context) { transaction in
            try Self.checkRequires(created, store, transaction)
            let count: Int? = try transaction.queryOne("SELECT count(*) FROM documents") { try $0[0] }
            guard (count ?? 0) < Self.documentsMax else {
                throw ServiceError(
                    .documentLimitExceeded, "You can have at most \(Self.documentsMax) documents.")
            }
            guard try DocumentStore.versions(of: name, transaction).isEmpty else {
                throw ServiceError(.documentAlreadyExists, "The specified document already exists.")
            }
            try transaction.execute(
                """
                INSERT INTO documents (name, type, default_version, latest_version, last_number, created)
                VALUES (?, ?, 1, 1, 1, ?)
                """, name, created.type, transaction.now)
            try DocumentStore.insert(created, transaction)
            for tag in created.tags { try TagTable.documents.set(tag, on: name, transaction) }
            for attachment in attachments { try attachment.keep(transaction) }
            try transaction.audit(
                "CreateDocument", on: created.subject, outcome: .success, detail: ["Hash": .string(created.hash)])
        }
        return ["DocumentDescription": try created.description(account: store.account)]
    }

    /// - Throws: `ServiceError`: `.validation` for a type that AWS has no more than we, `.unsupportedOperation` for the
    ///   others that AWS has.
    private static func type(_ text: String?) throws(ServiceError) -> DocumentType? {
        guard let text else { return nil }
        if let type = DocumentType(rawValue: text) { return type }
        let known = DocumentType.allCases.map(\.rawValue)
        let elsewhere = [
            "Automation.ChangeTemplate", "ProblemAnalysis", "ProblemAnalysisTemplate", "CloudFormation",
            "ConformancePackTemplate", "QuickSetup", "ManualApprovalPolicy", "AutoApprovalPolicy",
        ]
        if elsewhere.contains(text) {
            throw ServiceError(
                .unsupportedOperation,
                "Documents of type \(text) are not supported; these are: \(known.joined(separator: ", ")).")
        }
        throw ServiceError(
            .validation,
            "1 validation error detected: Value '\(text)' at 'documentType' failed to satisfy constraint: "
                + "Member must satisfy enum value set: [\((known + elsewhere).joined(separator: ", "))]")
    }

    private static func checkRequires(
        _ version: DocumentVersion, _ store: DocumentStore, _ transaction: borrowing Transaction
    ) throws {
        for required in version.requires?.array ?? [] {
            let name = try store.plainName(required["Name"]?.string ?? "")
            do {
                _ = try DocumentStore.find(
                    name, version: required["Version"]?.string, versionName: required["VersionName"]?.string,
                    transaction)
            } catch let error as ServiceError {
                throw ServiceError(.invalidDocumentContent, "Requires names \(name): \(error.message)")
            }
        }
    }

    // MARK: Updating

    func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        try Self.refuseBuiltIn(name)
        let current = try await store.find(name)
        let text = try Self.text(input, type: DocumentType(rawValue: current.type))
        var proposed = version(input, name: name, text, context)
        proposed.targetType = proposed.targetType ?? current.targetType
        let replaced = input["DocumentVersion"]?.string
        let attachments = try await loader.load(input["Attachments"], for: text, proposed.content, context)
        proposed.attachments = attachments.map(\.attachment)
        let request = proposed
        let updated = try await store.database.write(context) { transaction in
            let next = try Self.next(request, replacing: replaced, transaction)
            try DocumentStore.insert(next, transaction)
            for attachment in attachments { try attachment.keep(transaction) }
            try transaction.execute(
                "UPDATE documents SET latest_version = ?, last_number = ? WHERE name = ?", next.number, next.number,
                name)
            try transaction.audit(
                "UpdateDocument", on: next.subject, outcome: .success,
                detail: ["DocumentVersion": .integer(next.number), "Hash": .string(next.hash)])
            return next
        }
        return ["DocumentDescription": try updated.description(account: store.account)]
    }

    /// The version as it follows the others.
    private static func next(
        _ proposed: DocumentVersion, replacing replaced: String?, _ transaction: borrowing Transaction
    ) throws -> DocumentVersion {
        let versions = try DocumentStore.versions(of: proposed.name, transaction)
        guard let last = versions.last, last.type == proposed.type else { throw DocumentStore.missing }
        if let replaced, replaced != "$LATEST", replaced != String(last.latest) { throw DocumentStore.missingVersion }
        guard !versions.contains(where: { $0.hash == proposed.hash && $0.attachments == proposed.attachments }) else {
            throw ServiceError(
                .duplicateDocumentContent,
                "The content of the association document matches another document. Change the content of the document "
                    + "and try again.")
        }
        if let name = proposed.versionName, versions.contains(where: { $0.versionName == name }) {
            throw ServiceError(.duplicateDocumentVersionName, "The specified version name is a duplicate.")
        }
        guard versions.count < versionsMax else {
            throw ServiceError(
                .documentVersionLimitExceeded,
                "The document has \(versionsMax) versions, which is as many as it may; delete some.")
        }
        let number: Int? = try transaction.queryOne(
            "SELECT last_number + 1 FROM documents WHERE name = ?", proposed.name
        ) { try $0[0] }
        var next = proposed
        next.number = number ?? 1
        next.latest = next.number
        next.defaultNumber = last.defaultNumber
        next.tags = last.tags
        return next
    }

    func setDefault(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let number = input["DocumentVersion"]?.string
        let version = try await store.database.write(context) { transaction in
            _ = try Self.find(own: name, transaction)
            let version = try DocumentStore.find(name, version: number, transaction)
            try transaction.execute("UPDATE documents SET default_version = ? WHERE name = ?", version.number, name)
            try transaction.audit(
                "UpdateDocumentDefaultVersion", on: version.subject, outcome: .success,
                detail: ["DocumentVersion": .integer(version.number)])
            return version
        }
        var description: JSON = ["Name": .string(name), "DefaultVersion": .string(String(version.number))]
        description["DefaultVersionName"] = version.versionName.map { .string($0) }
        return ["Description": description]
    }

    // MARK: Deleting

    func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let (number, versionName) = (input["DocumentVersion"]?.string, input["VersionName"]?.string)
        try await store.database.write(context) { transaction in
            let document = try Self.find(own: name, transaction)
            if document.type == DocumentType.applicationConfigurationSchema.rawValue, input["Force"] != true {
                throw ServiceError(
                    .invalidDocumentOperation, "A document of type \(document.type) is deleted with Force only.")
            }
            var detail: JSON = [:]
            if number == nil && versionName == nil {
                let shares: Int? = try transaction.queryOne(
                    "SELECT count(*) FROM document_shares WHERE name = ?", name
                ) { try $0[0] }
                guard shares == 0 else {
                    throw ServiceError(
                        .invalidDocumentOperation, "Document \(name) is shared; end that before you delete it.")
                }
                try DocumentStore.delete(name, number: nil, transaction)
            } else {
                let version = try Self.version(name, number, versionName, transaction)
                guard !version.isDefault else {
                    throw ServiceError(
                        .invalidDocumentOperation, "Default version of the document can't be deleted.")
                }
                try DocumentStore.delete(name, number: version.number, transaction)
                detail["DocumentVersion"] = .integer(version.number)
            }
            try transaction.audit("DeleteDocument", on: document.subject, outcome: .success, detail: detail)
        }
        return [:]
    }

    /// A version to delete; that there is none is said of the document, since the operation knows no other error.
    private static func version(
        _ name: String, _ number: String?, _ versionName: String?, _ transaction: borrowing Transaction
    ) throws -> DocumentVersion {
        do {
            return try DocumentStore.find(name, version: number, versionName: versionName, transaction)
        } catch let error as ServiceError where error.code == .invalidDocumentVersion {
            throw DocumentStore.missing
        }
    }

    // MARK: Text

    private func version(
        _ input: JSON, name: String, _ text: DocumentText, _ context: OperationContext
    ) -> DocumentVersion {
        let content = input["Content"]?.string ?? ""
        return DocumentVersion(
            name: name, number: 1, versionName: input["VersionName"]?.string,
            displayName: input["DisplayName"]?.string, content: content, format: text.format,
            type: text.type.rawValue, schema: text.schemaVersion, hash: sha256(Array(content.utf8)),
            created: store.now, targetType: input["TargetType"]?.string, cloudProviders: input["CloudProviders"],
            author: context.principal.name, platforms: text.platformTypes.map(\.rawValue))
    }

    /// The content, validated and known to run here.
    private static func text(_ input: JSON, type: DocumentType?) throws(ServiceError) -> DocumentText {
        let content = input["Content"]?.string ?? ""
        guard content.utf8.count <= Limits.documentBytesMax else {
            throw ServiceError(
                .maxDocumentSizeExceeded, "The content is larger than \(Limits.documentBytesMax) bytes.")
        }
        let declared = input["DocumentFormat"]?.string.flatMap(DocumentFormat.init)
        // There is no place to point at where it is no JSON at all.
        if declared == .json, DocumentFormat(of: content) != .json {
            throw ServiceError(.invalidDocumentContent, "The content for the document is not valid.")
        }
        do throws(DocumentError) {
            let text = try DocumentText(
                checking: Array(content.utf8), format: declared ?? DocumentFormat(of: content), type: type)
            try text.document?.checkExecutable()
            return text
        } catch {
            let code: ErrorCode = error.code == .schemaVersion ? .invalidDocumentSchemaVersion : .invalidDocumentContent
            throw ServiceError(code, error.description)
        }
    }
}
