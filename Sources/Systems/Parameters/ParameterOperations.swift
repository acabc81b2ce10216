internal import API
internal import Core
internal import Storage

/// Parameter Store: named values with versions, labels and policies; what is secret is sealed.
/// - Source: SSM API model; user guide, "AWS Systems Manager Parameter Store".
struct ParameterOperations: Sendable {
    let reader: ParameterReader
    let account: Account

    var database: Database { reader.database }

    static let pageMax = 50
    /// Where none is asked for, and by path at most.
    static let shortPage = 10

    private static let name = Shape.string(length: 1...2048)
    private static let names = Shape.list(name, count: 1...10)
    private static let labels = Shape.list(.string(length: 1...100), count: 1...10)
    private static let kind = Shape.string(values: ["SecureString", "StringList", "String"])
    private static let filters = Shape.list(
        .structure([
            .required(
                "Key", .string(length: 1...132, pattern: "^(tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType)$")),
            .optional("Option", .string(length: 1...10)),
            .optional("Values", .list(.string(length: 1...1024), count: 1...50)),
        ]))

    var all: [Operation] { writing + labelling + reading }

    private var writing: [Operation] {
        [
            Operation(
                "ssm:PutParameter", "Make a parameter, or a new version of it", .writes, resource: "Name",
                input: [
                    .required("Name", Self.name), .optional("Description", .string(length: 0...1024)),
                    .required("Value", .string(), sensitive: true), .optional("Type", Self.kind),
                    .optional("KeyId", .string(length: 1...256, pattern: "^([a-zA-Z0-9:/_-]+)$")),
                    .optional("Overwrite", .boolean), .optional("AllowedPattern", .string(length: 0...1024)),
                    .optional("Tags", DocumentShapes.tags),
                    .optional("Tier", .string(values: ["Standard", "Advanced", "Intelligent-Tiering"])),
                    .optional("Policies", .string(length: 1...4096)),
                    .optional("DataType", .string(length: 0...128)),
                ], output: [.optional("Version", .integer()), .optional("Tier", .string())], handler: put),
            Operation(
                "ssm:DeleteParameter", "Delete a parameter with all its versions", .writes, resource: "Name",
                input: [.required("Name", Self.name)], handler: delete),
            Operation(
                "ssm:DeleteParameters", "Delete several parameters with all their versions", .writes,
                resource: "Names", input: [.required("Names", Self.names)],
                output: [
                    .optional("DeletedParameters", .list(.string())), .optional("InvalidParameters", .list(.string())),
                ], handler: deleteSeveral),
        ]
    }

    private var labelling: [Operation] {
        [
            Operation(
                "ssm:LabelParameterVersion", "Give labels to a version of a parameter", .writes, resource: "Name",
                input: [
                    .required("Name", Self.name), .optional("ParameterVersion", .integer()),
                    .required("Labels", Self.labels),
                ],
                output: [
                    .optional("InvalidLabels", .list(.string())), .optional("ParameterVersion", .integer()),
                ], handler: label),
            Operation(
                "ssm:UnlabelParameterVersion", "Take labels from a version of a parameter", .writes, resource: "Name",
                input: [
                    .required("Name", Self.name), .required("ParameterVersion", .integer()),
                    .required("Labels", Self.labels),
                ],
                output: [
                    .optional("RemovedLabels", .list(.string())), .optional("InvalidLabels", .list(.string())),
                ], handler: unlabel),
        ]
    }

    private var reading: [Operation] {
        let page = { (max: Int) -> [Field] in
            [.optional("MaxResults", .integer(1...max)), .optional("NextToken", .string())]
        }
        let decryption = Field.optional("WithDecryption", .boolean)
        let parameters = Field.optional("Parameters", .list(.structure(Self.parameter)))
        let token = Field.optional("NextToken", .string())
        return [
            Operation(
                "ssm:GetParameter", "Show the value of a parameter, or of one of its versions", .reads,
                resource: "Name", input: [.required("Name", Self.name), decryption],
                output: [.optional("Parameter", .structure(Self.parameter))], handler: get),
            Operation(
                "ssm:GetParameters", "Show the values of several parameters", .reads, resource: "Names",
                input: [.required("Names", Self.names), decryption],
                output: [parameters, .optional("InvalidParameters", .list(.string()))], handler: getSeveral),
            Operation(
                "ssm:GetParametersByPath", "Show the values of the parameters below a path", .reads, resource: "Path",
                input: [
                    .required("Path", Self.name), .optional("Recursive", .boolean),
                    .optional("ParameterFilters", Self.filters), decryption,
                ] + page(Self.shortPage), output: [parameters, token], handler: getByPath),
            Operation(
                "ssm:GetParameterHistory", "Show all versions of a parameter", .reads, resource: "Name",
                input: [.required("Name", Self.name), decryption] + page(Self.pageMax),
                output: [.optional("Parameters", .list(.structure(Self.history))), token], handler: history),
            Operation(
                "ssm:DescribeParameters", "List the parameters, without their values", .reads,
                input: [
                    .optional(
                        "Filters",
                        .list(
                            .structure([
                                .required("Key", .string(values: ["Name", "Type", "KeyId"])),
                                .required("Values", .list(.string(length: 1...1024), count: 1...50)),
                            ]))),
                    .optional("ParameterFilters", Self.filters), .optional("Shared", .boolean),
                ] + page(Self.pageMax),
                output: [.optional("Parameters", .list(.structure(Self.metadata))), token], handler: describe),
        ]
    }

    // MARK: Outputs

    private static let parameter: [Field] = [
        .optional("Name", .string()), .optional("Type", .string()), .optional("Value", .string()),
        .optional("Version", .integer()), .optional("Selector", .string()), .optional("LastModifiedDate", .timestamp),
        .optional("ARN", .string()), .optional("DataType", .string()),
    ]

    private static let described: [Field] = [
        .optional("Name", .string()), .optional("Type", .string()), .optional("KeyId", .string()),
        .optional("LastModifiedDate", .timestamp), .optional("LastModifiedUser", .string()),
        .optional("Description", .string()), .optional("AllowedPattern", .string()),
        .optional("Version", .integer()), .optional("Tier", .string()), .optional("DataType", .string()),
        .optional(
            "Policies",
            .list(
                .structure([
                    .optional("PolicyText", .string()), .optional("PolicyType", .string()),
                    .optional("PolicyStatus", .string()),
                ]))),
    ]

    private static let metadata = described + [.optional("ARN", .string())]

    private static let history =
        described + [.optional("Value", .string()), .optional("Labels", .list(.string()))]
}
