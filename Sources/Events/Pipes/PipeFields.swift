internal import API
internal import Core

/// The shapes of the EventBridge Pipes API.
/// - Source: botocore's model of `pipes`, 2015-10-07.
enum PipeFields {
    static let name = Field.required("Name", .name(1...64, .resourceName))
    static let state = Shape.string(values: ["RUNNING", "STOPPED"])
    private static let region = #"([a-z]{2,4}((-gov)|(-de)|(-iso([a-z]?)))?-[a-z]+(-\d{1})?)"#
    private static let arn = #"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-]+):"# + region + #"?:(\d{12})?:(.+)"#
    private static let jsonPath = #"(\$(\.[\w/_-]+(\[(\d+|\*)\])*)*)"#
    static let tags = Shape.map(.string(length: 0...256), count: 1...50)
    private static let arnPattern = TextPattern(stringLiteral: arn)
    private static let sourcePattern = TextPattern(stringLiteral: "smk://.+|\(arn)")
    private static let optionalPattern = TextPattern(stringLiteral: "$|\(arn)")
    private static let resourcePattern = TextPattern(stringLiteral: "\(arn)|\(jsonPath)")
    private static let eventSourcePattern = TextPattern(
        stringLiteral: #".*(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|"# + jsonPath + ".*")
    private static let logGroupPattern = TextPattern(
        stringLiteral: #"(^arn:aws([a-z]|\-)*:logs:"# + region
            + #":(\d{12}):log-group:[\.\-_/#A-Za-z0-9]{1,512}(:\*)?)"#)
    private static let template = Field.optional(
        "InputTemplate", .string(length: 0...Limits.targetInputCharactersMax), sensitive: true)

    static let resource = Field.required(
        "resourceArn",
        .string(length: 1...1600, pattern: #"arn:aws([a-z]|\-)*:([a-zA-Z0-9\-]+):([a-z]|\d|\-)*:([0-9]{12})?:(.+)"#))
    static let source = Field.required("Source", .string(length: 1...1600, pattern: sourcePattern))
    static let target = Shape.string(length: 1...1600, pattern: arnPattern)
    static let role = Field.required(
        "RoleArn",
        .string(length: 1...1600, pattern: #"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z0-9+=,.@\-_/]+"#))

    /// What `CreatePipe` and `UpdatePipe` both take.
    static let shared: [Field] = [
        .optional("Description", .string(length: 0...512)), .optional("DesiredState", state),
        .optional("SourceParameters", .structure(sourceParameters)),
        .optional("Enrichment", .string(length: 0...1600, pattern: optionalPattern)),
        .optional(
            "EnrichmentParameters", .structure([template, .optional("HttpParameters", .structure(httpParameters))])),
        .optional("TargetParameters", .structure(targetParameters)),
        .optional("LogConfiguration", .structure(logConfiguration)),
        .optional("KmsKeyIdentifier", .string(length: 0...2048, pattern: #"[a-zA-Z0-9_\-/:]*"#)),
    ]

    private static let sourceParameters: [Field] =
        [
            .optional(
                "FilterCriteria",
                .structure([
                    .optional(
                        "Filters",
                        .list(
                            .structure([
                                .optional(
                                    "Pattern", .string(length: 0...Limits.eventPatternBytesMax), sensitive: true)
                            ]), count: 0...5))
                ])),
            .optional(
                "SqsQueueParameters",
                .structure([
                    .optional("BatchSize", .integer(1...10_000)),
                    .optional("MaximumBatchingWindowInSeconds", .integer(0...300)),
                ])),
        ]
        + foreign([
            "KinesisStreamParameters", "DynamoDBStreamParameters", "ActiveMQBrokerParameters",
            "RabbitMQBrokerParameters", "ManagedStreamingKafkaParameters", "SelfManagedKafkaParameters",
        ])

    private static let httpParameters: [Field] = [
        .optional(
            "PathParameterValues",
            .list(.string(pattern: TextPattern(stringLiteral: #"(?!\s*$).+|"# + jsonPath))), sensitive: true),
        .optional(
            "HeaderParameters",
            .map(
                .string(
                    length: 0...512,
                    pattern: TextPattern(
                        stringLiteral: #"[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*|"# + jsonPath))),
            sensitive: true),
        .optional(
            "QueryStringParameters",
            .map(
                .string(
                    length: 0...512,
                    pattern: TextPattern(stringLiteral: #"[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+|"# + jsonPath))),
            sensitive: true),
    ]

    private static let headerName = Shape.string(
        length: 0...512, pattern: TextPattern(stringLiteral: #"[!#$%&'*+-.^_`|~0-9a-zA-Z]+|"# + jsonPath))
    private static let queryName = Shape.string(
        length: 0...512, pattern: TextPattern(stringLiteral: #"[^\x00-\x1F\x7F]+|"# + jsonPath))

    /// Checks the names of headers and of parameters in the query, which a shape says nothing about.
    /// - Parameter place: Whose `HttpParameters` they are.
    /// - Throws: `ServiceError` `.validation`.
    static func checkNames(_ http: JSON?, at place: String) throws(ServiceError) {
        for (member, shape) in [("HeaderParameters", headerName), ("QueryStringParameters", queryName)] {
            for name in http?[member]?.object?.keys ?? [] {
                try shape.validate(.string(name), at: "\(place).HttpParameters.\(member)")
            }
        }
    }

    private static let targetParameters: [Field] =
        [
            template, .optional("HttpParameters", .structure(httpParameters)),
            .optional(
                "LambdaFunctionParameters",
                .structure([
                    .optional("InvocationType", .string(values: ["REQUEST_RESPONSE", "FIRE_AND_FORGET"]))
                ])),
            .optional(
                "SqsQueueParameters",
                .structure([
                    .optional("MessageGroupId", .string(length: 0...100), sensitive: true),
                    .optional("MessageDeduplicationId", .string(length: 0...100), sensitive: true),
                ])),
            .optional(
                "EventBridgeEventBusParameters",
                .structure([
                    .optional(
                        "EndpointId", .string(length: 1...50, pattern: #"[A-Za-z0-9\-]+[\.][A-Za-z0-9\-]+"#),
                        sensitive: true),
                    .optional("DetailType", .string(length: 1...128), sensitive: true),
                    .optional("Source", .string(length: 1...256, pattern: eventSourcePattern), sensitive: true),
                    .optional("Resources", .list(.string(length: 1...1600, pattern: resourcePattern), count: 0...10)),
                    .optional("Time", path),
                ])),
            .optional(
                "CloudWatchLogsParameters",
                .structure([.optional("LogStreamName", .string(length: 1...256)), .optional("Timestamp", path)])),
        ]
        + foreign([
            "StepFunctionStateMachineParameters", "KinesisStreamParameters", "EcsTaskParameters", "BatchJobParameters",
            "RedshiftDataParameters", "SageMakerPipelineParameters", "TimestreamParameters",
        ])

    private static let path = Shape.string(length: 1...256, pattern: TextPattern(stringLiteral: jsonPath))

    private static let logConfiguration: [Field] =
        [
            .required("Level", .string(values: LogLevel.allCases.map(\.rawValue))),
            .optional("IncludeExecutionData", .list(.string(values: ["ALL"]))),
            .optional(
                "CloudwatchLogsLogDestination",
                .structure([.required("LogGroupArn", .string(length: 1...1600, pattern: logGroupPattern))])),
        ] + foreign(["S3LogDestination", "FirehoseLogDestination"])

    /// Members that are refused by name: they belong to services that OpsBus has not.
    private static func foreign(_ names: [String]) -> [Field] { names.map { .optional($0, .any) } }

    /// What every change of a pipe answers.
    static let times: [Field] = [
        .optional("CreationTime", .timestamp), .optional("LastModifiedTime", .timestamp),
    ]
}
