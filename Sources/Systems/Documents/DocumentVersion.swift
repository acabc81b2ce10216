internal import API
internal import Core
internal import Documents

/// One version of a document, as stored.
struct DocumentVersion: Sendable {
    /// A file that belongs to a version.
    struct Attachment: Sendable, Hashable {
        var name: String
        /// SHA-256, hexadecimal.
        var hash: String
        var size: Int
    }

    var name: String
    var number: Int
    var versionName: String?
    var displayName: String?
    /// Empty where a list of versions was asked for.
    var content: String
    var format: DocumentFormat
    var type: String
    var schema: String
    var hash: String
    var created: Timestamp
    var targetType: String?
    /// As in the API: `Requires`, `CloudProviders`.
    var requires: JSON?
    var cloudProviders: JSON?
    /// Who made it.
    var author = ""
    var platforms: [String] = []
    var latest = 1
    var defaultNumber = 1
    /// Of the document.
    var tags: [ManagedNode.Tag] = []
    var attachments: [Attachment] = []
    /// Of its latest review; nil where there was none.
    var reviewStatus: String?

    /// Whose documents come with OpsBus, as clients have it in their filters.
    static let builtInOwner = "Amazon"

    var isBuiltIn: Bool { BuiltInDocuments.all[name] != nil }
    var isDefault: Bool { number == defaultNumber }
    var subject: Subject { Subject(.document, name) }

    /// The text, validated.
    func text() throws(DocumentError) -> DocumentText {
        try DocumentText(checking: Array(content.utf8), format: format, type: DocumentType(rawValue: type))
    }

    // MARK: Shapes of the API

    /// What every description of the version has: `DocumentVersionInfo`.
    private func common() -> JSON {
        var json: JSON = [
            "Name": .string(name), "DocumentVersion": .string(String(number)),
            "DocumentFormat": .string(format.rawValue), "CreatedDate": JSON(epoch: created),
        ]
        json["DisplayName"] = displayName.map { .string($0) }
        json["VersionName"] = versionName.map { .string($0) }
        json["CloudProviders"] = cloudProviders
        json["ReviewStatus"] = reviewStatus.map { .string($0) }
        return json
    }

    /// `DocumentVersionInfo`
    func information() -> JSON {
        var json = common()
        json["IsDefaultVersion"] = .bool(isDefault)
        json["Status"] = "Active"
        return json
    }

    /// `DocumentIdentifier`
    func identifier(account: Account) -> JSON {
        var json = common()
        json["Owner"] = .string(isBuiltIn ? Self.builtInOwner : account.id)
        json["PlatformTypes"] = .array(platforms.map { .string($0) })
        json["DocumentType"] = .string(type)
        if !schema.isEmpty { json["SchemaVersion"] = .string(schema) }
        json["TargetType"] = targetType.map { .string($0) }
        json["Tags"] = tags.json
        json["Requires"] = requires
        if !author.isEmpty { json["Author"] = .string(author) }
        return json
    }

    /// `DocumentDescription`
    func description(account: Account) throws(DocumentError) -> JSON {
        let text = try text()
        var json = identifier(account: account)
        json["Hash"] = .string(hash)
        json["HashType"] = "Sha256"
        json["Status"] = "Active"
        json["DefaultVersion"] = .string(String(defaultNumber))
        json["LatestVersion"] = .string(String(latest))
        json["Description"] = text.description.map { .string($0) }
        json["Parameters"] = .array(text.parameters.map(\.json))
        if !attachments.isEmpty {
            json["AttachmentsInformation"] = .array(attachments.map { ["Name": .string($0.name)] })
        }
        return json
    }
}

extension DocumentParameter {
    /// `DocumentParameter` of the API.
    fileprivate var json: JSON {
        var json: JSON = ["Name": .string(name), "Type": .string(typeName)]
        json["Description"] = description.map { .string($0) }
        json["DefaultValue"] = defaultValue.map { .string($0.shownDefault) }
        return json
    }
}

extension JSON {
    /// A default as the service shows it: booleans in capitals, lists and maps as JSON with spaces.
    fileprivate var shownDefault: String {
        switch self {
        case .string(let text): text
        case .bool(let flag): flag ? "True" : "False"
        default: spacedText
        }
    }

    private var spacedText: String {
        switch self {
        case .array(let elements): "[" + elements.map(\.spacedText).joined(separator: ", ") + "]"
        case .object(let object):
            "{" + object.map { "\(JSON.string($0.key).text): \($0.value.spacedText)" }.joined(separator: ", ") + "}"
        default: text
        }
    }
}
