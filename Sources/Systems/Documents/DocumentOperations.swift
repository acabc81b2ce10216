public import API
internal import Core
internal import Documents
internal import Storage

/// The operations on documents, as in the SSM API.
public struct DocumentOperations: Sendable {
    let store: DocumentStore
    let loader: AttachmentLoader
    let links: AttachmentLinks

    /// - Parameters:
    ///   - loader: Brings attachments to the server.
    ///   - links: By which clients read them.
    init(store: DocumentStore, loader: AttachmentLoader, links: AttachmentLinks) {
        self.store = store
        self.loader = loader
        self.links = links
    }

    static let documentsMax = 500
    static let versionsMax = 1000
    static let attachmentsMax = 20

    public var all: [Operation] { changing + reading + sharing + reviewing }

    private var changing: [Operation] {
        let settings: [Field] = [
            .required("Content", .string(length: 1...Int.max)), .optional("DocumentFormat", DocumentShapes.format),
            .optional("VersionName", DocumentShapes.versionName),
            .optional("DisplayName", DocumentShapes.displayName),
            .optional("TargetType", DocumentShapes.targetType),
            .optional("Attachments", DocumentShapes.attachments),
            .optional("CloudProviders", DocumentShapes.cloudProviders),
        ]
        let output = [Field.optional("DocumentDescription", .structure(DocumentShapes.description))]
        return [
            Operation(
                "ssm:CreateDocument", "Creates a document: commands, a runbook, a package and more.", .writes,
                input: [
                    .required("Name", DocumentShapes.newName), .optional("Requires", DocumentShapes.requires),
                    .optional("DocumentType", .string()), .optional("Tags", DocumentShapes.tags),
                ] + settings, output: output, handler: create),
            Operation(
                "ssm:UpdateDocument", "Adds a version to a document; the default version stays.", .writes,
                input: [
                    .required("Name", DocumentShapes.newName), .optional("DocumentVersion", DocumentShapes.version),
                ] + settings, output: output, handler: update),
            Operation(
                "ssm:UpdateDocumentDefaultVersion", "Says which version runs when none is named.", .writes,
                input: [
                    .required("Name", DocumentShapes.newName),
                    .required("DocumentVersion", DocumentShapes.versionNumber),
                ],
                output: [
                    .optional(
                        "Description",
                        .structure([
                            .optional("Name", .string()), .optional("DefaultVersion", .string()),
                            .optional("DefaultVersionName", .string()),
                        ]))
                ], handler: setDefault),
            Operation(
                "ssm:DeleteDocument", "Deletes a document with all its versions, or one version of it.", .writes,
                input: [
                    .required("Name", DocumentShapes.newName), .optional("DocumentVersion", DocumentShapes.version),
                    .optional("VersionName", DocumentShapes.versionName), .optional("Force", .boolean),
                ], handler: delete),
        ]
    }

    private var reading: [Operation] {
        let selection: [Field] = [
            .required("Name", DocumentShapes.name), .optional("DocumentVersion", DocumentShapes.version),
            .optional("VersionName", DocumentShapes.versionName),
        ]
        return [
            Operation(
                "ssm:GetDocument", "Answers the text of a document, as JSON unless asked otherwise.", .reads,
                input: selection + [.optional("DocumentFormat", DocumentShapes.format)],
                output: DocumentShapes.content, handler: get),
            Operation(
                "ssm:DescribeDocument", "Answers what is known of a document, with its parameters.", .reads,
                input: selection, output: [.optional("Document", .structure(DocumentShapes.description))],
                handler: describe),
            Operation(
                "ssm:ListDocuments", "Lists documents; with a filter also those that come with OpsBus.", .reads,
                input: [
                    .optional(
                        "DocumentFilterList",
                        .list(
                            .structure([
                                .required(
                                    "key", .string(values: ["Name", "Owner", "PlatformTypes", "DocumentType"])),
                                .required("value", .string(length: 1...Int.max)),
                            ]), count: 1...Int.max)),
                    .optional(
                        "Filters",
                        .list(
                            .structure([
                                .optional("Key", .string(length: 1...128)),
                                .optional("Values", .list(.string(length: 1...256))),
                            ]), count: 0...6)),
                ] + DocumentShapes.page,
                output: [
                    .optional("DocumentIdentifiers", .list(.structure(DocumentShapes.identifier))),
                    .optional("NextToken", .string()),
                ], handler: list),
            Operation(
                "ssm:ListDocumentVersions", "Lists the versions of a document, the newest first.", .reads,
                input: [.required("Name", DocumentShapes.name)] + DocumentShapes.page,
                output: [
                    .optional("DocumentVersions", .list(.structure(DocumentShapes.information))),
                    .optional("NextToken", .string()),
                ], handler: listVersions),
        ]
    }

    // MARK: Shared

    static func refuseBuiltIn(_ name: String) throws(ServiceError) {
        guard BuiltInDocuments.all[name] != nil else { return }
        throw ServiceError(.invalidDocumentOperation, "\(name) is part of OpsBus and cannot be changed.")
    }

    /// A document that is there and may be changed.
    static func find(
        own name: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> DocumentVersion {
        try refuseBuiltIn(name)
        return try DocumentStore.find(name, version: nil, transaction)
    }
}

/// One answer of a list that is longer than one answer may be; its token counts what was answered before.
struct CountedPage<Item> {
    let items: [Item]
    /// Empty at the end.
    let nextToken: String

    /// - Parameter input: `MaxResults`, `NextToken`.
    /// - Throws: `ServiceError` `.invalidNextToken`
    init(of all: [Item], _ input: JSON, countMax: Int = 50) throws(ServiceError) {
        let text = input["NextToken"]?.string ?? ""
        guard let start = text.isEmpty ? 0 : Int(text), (0...all.count).contains(start) else {
            throw ServiceError(.invalidNextToken, "The specified token is not valid.")
        }
        let count = input["MaxResults"]?.int ?? countMax
        items = Array(all[start...].prefix(count))
        let end = start + items.count
        nextToken = end < all.count ? String(end) : ""
    }

    /// `{member: [items…], NextToken}`
    func json(_ member: String, _ item: (Item) throws -> JSON) rethrows -> JSON {
        var body: JSON = [:]
        body[member] = .array(try items.map(item))
        body["NextToken"] = .string(nextToken)
        return body
    }
}
