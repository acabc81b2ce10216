internal import API
internal import Core
internal import Documents

/// The shapes of documents in the operations' inputs and outputs.
/// - Source: SSM API model.
enum DocumentShapes {
    static let newName = Shape.string(pattern: #"^[a-zA-Z0-9_\-.]{3,128}$"#)
    /// A name, or the ARN of a document.
    static let name = Shape.string(pattern: #"^[a-zA-Z0-9_\-.:/]{3,128}$"#)
    static let version = Shape.string(pattern: #"([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)"#)
    static let versionNumber = Shape.string(pattern: "(^[1-9][0-9]*$)")
    static let versionName = Shape.string(pattern: #"^[a-zA-Z0-9_\-.]{1,128}$"#)
    static let displayName = Shape.string(length: 0...1024, pattern: #"^[\w\.\-\:\/ ]*$"#)
    static let targetType = Shape.string(length: 0...200, pattern: #"^\/[\w\.\-\:\/]*$"#)
    static let format = Shape.string(values: DocumentFormat.allCases.map(\.rawValue).sorted())
    static let accounts = Shape.list(.string(pattern: "(?i)all|[0-9]{12}"), count: 0...20)
    static let tagKey = Shape.string(length: 1...128, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#)
    static let tags = Shape.list(
        .structure([
            .required("Key", tagKey),
            .required("Value", .string(length: 0...256, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#)),
        ]), count: 0...1000)
    static let requires = Shape.list(
        .structure([
            .required("Name", name), .optional("Version", version),
            .optional("RequireType", .string(length: 0...128, pattern: #"^[a-zA-Z0-9_\-.]{1,128}$"#)),
            .optional("VersionName", versionName),
        ]), count: 1...Int.max)
    static let attachments = Shape.list(
        .structure([
            .optional("Key", .string(values: ["SourceUrl", "S3FileUrl", "AttachmentReference"])),
            .optional("Values", .list(.string(length: 1...1024), count: 1...1)),
            .optional("Name", attachmentName),
        ]), count: 0...20)
    static let attachmentName = Shape.string(pattern: #"^[a-zA-Z0-9_\-.]{3,128}$"#)
    static let cloudProviders = Shape.list(.string(values: ["AWS", "Azure", "GCP"]), count: 1...10)
    static let reviewComment = Shape.list(
        .structure([
            .optional("Type", .string(values: ["Comment"])),
            .optional("Content", .string(length: 1...1024, pattern: #"^(?!\s*$).+"#)),
        ]), count: 0...1)
    static let page: [Field] = [
        .optional("MaxResults", .integer(1...50)), .optional("NextToken", .string()),
    ]

    // MARK: Outputs

    private static let texts = Shape.list(.string())

    static let information: [Field] = [
        .optional("Name", .string()), .optional("DisplayName", .string()), .optional("DocumentVersion", .string()),
        .optional("VersionName", .string()), .optional("CreatedDate", .timestamp),
        .optional("IsDefaultVersion", .boolean), .optional("DocumentFormat", .string()),
        .optional("Status", .string()), .optional("StatusInformation", .string()),
        .optional("ReviewStatus", .string()), .optional("CloudProviders", texts),
    ]

    static let identifier: [Field] = [
        .optional("Name", .string()), .optional("CreatedDate", .timestamp), .optional("DisplayName", .string()),
        .optional("Owner", .string()), .optional("VersionName", .string()), .optional("PlatformTypes", texts),
        .optional("DocumentVersion", .string()), .optional("DocumentType", .string()),
        .optional("SchemaVersion", .string()), .optional("DocumentFormat", .string()),
        .optional("TargetType", .string()), .optional("Tags", tags), .optional("Requires", requires),
        .optional("ReviewStatus", .string()), .optional("Author", .string()), .optional("CloudProviders", texts),
    ]

    static let description: [Field] =
        identifier + [
            .optional("Hash", .string()), .optional("HashType", .string()), .optional("Status", .string()),
            .optional("Description", .string()), .optional("LatestVersion", .string()),
            .optional("DefaultVersion", .string()),
            .optional(
                "Parameters",
                .list(
                    .structure([
                        .optional("Name", .string()), .optional("Type", .string()),
                        .optional("Description", .string()), .optional("DefaultValue", .string()),
                    ]))),
            .optional("AttachmentsInformation", .list(.structure([.optional("Name", .string())]))),
        ]

    static let content: [Field] = [
        .optional("Name", .string()), .optional("CreatedDate", .timestamp), .optional("DisplayName", .string()),
        .optional("VersionName", .string()), .optional("DocumentVersion", .string()), .optional("Status", .string()),
        .optional("Content", .string()), .optional("DocumentType", .string()), .optional("DocumentFormat", .string()),
        .optional("Requires", requires), .optional("ReviewStatus", .string()),
        .optional(
            "AttachmentsContent",
            .list(
                .structure([
                    .optional("Name", .string()), .optional("Size", .integer()), .optional("Hash", .string()),
                    .optional("HashType", .string()), .optional("Url", .string()),
                ]))),
    ]
}
