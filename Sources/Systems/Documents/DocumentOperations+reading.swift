internal import API
internal import Core
internal import Documents
internal import Storage

extension DocumentOperations {
    func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let found: DocumentVersion
        do {
            found = try await version(input)
        } catch let error as ServiceError where error.code == .invalidDocumentVersion {
            // The text is the one that clients know from this operation.
            throw ServiceError(.invalidDocumentVersion, DocumentStore.missing.message)
        }
        let wanted = input["DocumentFormat"]?.string.flatMap(DocumentFormat.init)
        let format = wanted ?? (found.format == .text ? .text : .json)
        guard let content = DocumentText.convert(found.content, from: found.format, to: format) else {
            throw ServiceError(
                .validation,
                "Document \(found.name) is \(found.format.rawValue), which has no form in \(format.rawValue).")
        }
        var output: JSON = [
            "Name": .string(found.name), "CreatedDate": JSON(epoch: found.created),
            "DocumentVersion": .string(String(found.number)), "Status": "Active", "Content": .string(content),
            "DocumentType": .string(found.type), "DocumentFormat": .string(format.rawValue),
        ]
        output["DisplayName"] = found.displayName.map { .string($0) }
        output["VersionName"] = found.versionName.map { .string($0) }
        output["Requires"] = found.requires
        output["ReviewStatus"] = found.reviewStatus.map { .string($0) }
        if !found.attachments.isEmpty {
            output["AttachmentsContent"] = .array(found.attachments.map { attachmentContent($0, context) })
        }
        return output
    }

    /// `AttachmentContent`; with a link for who called over HTTP.
    private func attachmentContent(
        _ attachment: DocumentVersion.Attachment, _ context: OperationContext
    ) -> JSON {
        var json: JSON = [
            "Name": .string(attachment.name), "Size": .integer(attachment.size), "Hash": .string(attachment.hash),
            "HashType": "Sha256",
        ]
        json["Url"] = context.endpoint.map { .string(links.url(of: attachment, at: $0)) }
        return json
    }

    func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        ["Document": try await version(input).description(account: store.account)]
    }

    func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let filter = try DocumentFilter(input)
        let own = try await store.database.read { transaction in
            let shared: [String] = try transaction.query(
                "SELECT name FROM document_shares WHERE lower(account) = 'all'"
            ) { try $0[0] }
            return try DocumentStore.defaults(transaction).map { (version: $0, isPublic: shared.contains($0.name)) }
        }
        let builtIn = BuiltInDocuments.all.values.map { (version: $0, isPublic: true) }
        let all = (own + (filter.isEmpty ? [] : builtIn))
            .filter { filter.matches($0.version, isPublic: $0.isPublic) }.map(\.version)
            .sorted { $0.name < $1.name }
        return try CountedPage(of: all, input).json("DocumentIdentifiers") { $0.identifier(account: store.account) }
    }

    func listVersions(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try store.plainName(input["Name"]?.string ?? "")
        let versions =
            if let builtIn = BuiltInDocuments.all[name] { [builtIn] } else {
                try await store.database.read { try DocumentStore.versions(of: name, $0) }
            }
        guard !versions.isEmpty else { throw DocumentStore.missing }
        return try CountedPage(of: versions.reversed(), input).json("DocumentVersions") { $0.information() }
    }

    private func version(_ input: JSON) async throws -> DocumentVersion {
        try await store.find(
            input["Name"]?.string ?? "", version: input["DocumentVersion"]?.string,
            versionName: input["VersionName"]?.string)
    }
}

/// Which documents a list shows: every key must fit, by any of its values.
struct DocumentFilter {
    private let conditions: [(key: String, values: [String])]

    private static let keys = ["Name", "Owner", "PlatformTypes", "DocumentType", "TargetType", "SearchKeyword"]

    /// - Parameter input: `Filters`, and the older `DocumentFilterList`.
    /// - Throws: `ServiceError` `.invalidFilterKey`.
    init(_ input: JSON) throws(ServiceError) {
        var conditions: [(key: String, values: [String])] = []
        for filter in input["Filters"]?.array ?? [] {
            let key = filter["Key"]?.string ?? ""
            guard Self.keys.contains(key) || key.hasPrefix("tag:") else {
                let known = (Self.keys + ["tag:KEY"]).joined(separator: ", ")
                throw ServiceError(.invalidFilterKey, "The specified key \(key) is not valid; known are: \(known).")
            }
            conditions.append((key, filter["Values"]?.strings ?? []))
        }
        for filter in input["DocumentFilterList"]?.array ?? [] {
            conditions.append((filter["key"]?.string ?? "", [filter["value"]?.string ?? ""]))
        }
        self.conditions = conditions
    }

    /// Whether it names no condition. The list is then of the account's own documents, as the API's model has it.
    var isEmpty: Bool { conditions.isEmpty }

    /// - Parameter isPublic: Whether the document is shared with everyone.
    func matches(_ version: DocumentVersion, isPublic: Bool) -> Bool {
        conditions.allSatisfy { condition in
            condition.values.contains { Self.fits(version, isPublic, condition.key, $0) }
        }
    }

    private static func fits(_ version: DocumentVersion, _ isPublic: Bool, _ key: String, _ value: String) -> Bool {
        switch key {
        case "Name": return version.name.hasPrefix(value)
        case "Owner":
            switch value {
            case "Self": return !version.isBuiltIn
            case "Amazon": return version.isBuiltIn
            case "Public": return isPublic
            case "Private": return !version.isBuiltIn && !isPublic
            case "All": return true
            default: return false
            }
        case "PlatformTypes": return version.platforms.contains(value)
        case "DocumentType": return version.type == value
        case "TargetType": return version.targetType == value
        case "SearchKeyword": return version.name.lowercased().contains(value.lowercased())
        default: return version.tags.contains { "tag:" + $0.key == key && $0.value == value }
        }
    }
}
