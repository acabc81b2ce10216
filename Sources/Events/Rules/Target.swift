public import API
public import Core

/// Where a rule sends what it matched, and how.
public struct Target: Sendable, Hashable {
    public var id: String
    /// Region and account filled in.
    public var arn: ARN
    public var input: TargetInput
    public var retryPolicy: RetryPolicy
    public var deadLetterQueue: String?
    /// What its kind needs besides the ARN.
    var parameters: TargetParameters
    /// The target as it was given, for `ListTargetsByRule`.
    public var json: JSON

    /// The members of a target, as `PutTargets` and rule files take them.
    public static let fields: [Field] = [
        .required("Id", .name(1...64, .resourceName)),
        .required("Arn", .string(length: 1...1600)),
        .optional("RoleArn", .string(length: 1...1600)),
        .optional("Input", .string(length: 0...Limits.targetInputCharactersMax)),
        .optional("InputPath", .string(length: 0...256)),
        .optional(
            "InputTransformer",
            .structure([
                .optional("InputPathsMap", .map(.string(length: 1...256), count: 0...100)),
                .required("InputTemplate", .string(length: 1...Limits.targetInputCharactersMax)),
            ])),
        .optional(
            "RetryPolicy",
            .structure([
                .optional("MaximumRetryAttempts", .integer(0...Limits.retryAttemptsMax)),
                .optional("MaximumEventAgeInSeconds", .integer(60...Limits.retryAgeSecondsMax)),
            ])),
        .optional("DeadLetterConfig", .structure([.optional("Arn", .string(length: 1...1600))])),
        .optional(
            "RunCommandParameters",
            .structure([
                .required(
                    "RunCommandTargets",
                    .list(
                        .structure([
                            .required("Key", .string(length: 1...128)),
                            .required("Values", .list(.string(length: 1...256), count: 1...50)),
                        ]), count: 1...1))
            ])),
        .optional("SqsParameters", .structure([.optional("MessageGroupId", .string(length: 1...128))])),
        .optional(
            "HttpParameters",
            .structure([
                .optional("PathParameterValues", .list(.string())),
                .optional("HeaderParameters", .map(.string(length: 0...512))),
                .optional("QueryStringParameters", .map(.string(length: 0...512))),
            ])),
        .optional("KinesisParameters", .unsupported("OpsBus calls no Kinesis streams")),
        .optional("EcsParameters", .unsupported("OpsBus calls no ECS tasks")),
        .optional("BatchParameters", .unsupported("OpsBus calls no Batch jobs")),
        .optional("RedshiftDataParameters", .unsupported("OpsBus calls no Redshift clusters")),
        .optional("SageMakerPipelineParameters", .unsupported("OpsBus calls no SageMaker pipelines")),
        .optional("AppSyncParameters", .unsupported("OpsBus calls no AppSync APIs")),
    ]

    /// What is refused whether or not the rule exists.
    /// - Parameters:
    ///   - json: A target as `PutTargets` takes it.
    ///   - path: Where it stands in the input, for messages.
    /// - Throws: `ServiceError` `.validation`.
    static func checkForm(_ json: JSON, at path: String = "") throws(ServiceError) {
        let text = json["Arn"]?.string ?? ""
        let id = json["Id"]?.string ?? ""
        if json["Arn"]?.string != nil, ARN(text) == nil {
            throw ServiceError(
                .validation, "Parameter \(text) is not valid. Reason: Provided Arn is not in correct format.")
        }
        if let arn = ARN(text), arn.service == "sqs", arn.resource.hasSuffix(".fifo"), json["SqsParameters"] == nil {
            throw ServiceError(
                .validation, "Parameter(s) SqsParameters must be specified for target: \(id).")
        }
        try Shape.structure(fields).validate(json, at: path)
    }

    /// Refuses an input for an event bus, which is passed the event as it is.
    /// - Throws: `ServiceError` `.validation`.
    func checkInput() throws(ServiceError) {
        guard case .forward = try TargetAction(self), !input.isEvent else { return }
        throw ServiceError(
            .validation,
            "Input, InputPath and InputTransformer of target \(id) cannot be honoured: an event bus is passed the "
                + "event as it is.")
    }

    /// - Parameter json: Of the shape of `fields`.
    /// - Throws: `ServiceError` `.validation` naming the target and what is wrong with it.
    public init(json: JSON, account: Account) throws(ServiceError) {
        try Target.checkForm(json)
        let id = json["Id"]?.string ?? ""
        guard let arn = ARN(json["Arn"]?.string ?? "") else {
            preconditionFailure("an ARN was checked and is none")
        }
        self.id = id
        self.arn = account.resolve(arn)
        self.json = json
        do throws(TargetInputError) {
            input = try TargetInput(
                input: json["Input"]?.string, inputPath: json["InputPath"]?.string,
                inputTransformer: json["InputTransformer"], targetId: id)
        } catch {
            throw ServiceError(.validation, error.message)
        }
        retryPolicy = RetryPolicy(json: json["RetryPolicy"])
        deadLetterQueue = json["DeadLetterConfig"]?["Arn"]?.string
        if let queue = deadLetterQueue {
            guard let arn = ARN(queue), arn.service == "sqs", !arn.resource.hasSuffix(".fifo") else {
                throw ServiceError(
                    .validation,
                    "Parameter DeadLetterConfig.Arn of target \(id) is not valid. Reason: it must be the ARN of a "
                        + "standard queue.")
            }
        }
        parameters = TargetParameters(
            nodes: json["RunCommandParameters"]?["RunCommandTargets"],
            messageGroup: json["SqsParameters"]?["MessageGroupId"]?.string,
            http: DestinationParameters(json: json["HttpParameters"]))
        _ = try TargetAction(self)
    }
}

/// How long and how often a failed delivery is tried again.
public struct RetryPolicy: Sendable, Hashable {
    public var attemptsMax: Int
    public var ageSecondsMax: Int

    public init(attemptsMax: Int = Limits.retryAttemptsMax, ageSecondsMax: Int = Limits.retryAgeSecondsMax) {
        self.attemptsMax = attemptsMax
        self.ageSecondsMax = ageSecondsMax
    }

    init(json: JSON?) {
        self.init(
            attemptsMax: json?["MaximumRetryAttempts"]?.int ?? Limits.retryAttemptsMax,
            ageSecondsMax: json?["MaximumEventAgeInSeconds"]?.int ?? Limits.retryAgeSecondsMax)
    }
}
