internal import API

/// A service as clients address it; which operations it has, the operation table says.
struct WireService: Sendable {
    /// As policies and the operation table spell it, before the colon.
    let name: String
    /// What clients sign for, and the first part of the host they may call.
    let signingName: String
    /// What precedes the operation in `X-Amz-Target`; nil where the service has no JSON protocol.
    let targetPrefix: String?
    /// Of the media type `application/x-amz-json-…`.
    let jsonVersion: String
    /// What `Version` says in the Query protocol; nil where the service does not have that.
    let queryVersion: String?
    /// Of the Query protocol's answers.
    let namespace: String
    /// How errors are called here, where it is not as everywhere.
    let errors: [ErrorCode: WireError]
    /// Precedes the names of errors in JSON.
    let errorNamespace: String
    /// The member of a JSON error that holds its text.
    let messageMember: String
    /// Whether errors in JSON carry, in a header, the code that the Query protocol had: `x-amzn-query-error`.
    let isQueryCompatible: Bool
    /// Those codes, where they are not the names of the errors.
    let queryCodes: [String: String]
    /// What the Query protocol writes in a way of the service's own.
    let flat: FlatNames
    /// The member of the input that the path of a Query request may hold, as a URL.
    let pathMember: String?

    init(
        _ name: String, signingName: String? = nil, target: String? = nil, jsonVersion: String = "1.1",
        query: (version: String, namespace: String)? = nil, errors: [ErrorCode: WireError] = [:],
        errorNamespace: String = "", messageMember: String = "message", queryCodes: [String: String]? = nil,
        flat: FlatNames = .none, pathMember: String? = nil
    ) {
        self.name = name
        self.signingName = signingName ?? name
        targetPrefix = target
        self.jsonVersion = jsonVersion
        queryVersion = query?.version
        namespace = query?.namespace ?? ""
        self.errors = errors
        self.errorNamespace = errorNamespace
        self.messageMember = messageMember
        isQueryCompatible = queryCodes != nil
        self.queryCodes = queryCodes ?? [:]
        self.flat = flat
        self.pathMember = pathMember
    }
}

extension WireService {
    /// Every service. To add one: a line here, and operations named `service:Action` in the table.
    /// - Source: botocore's service models: `metadata` of each.
    static let all = [
        WireService(
            "events", target: "AWSEvents", errors: [.internalFailure: WireError("InternalException", 500)]),
        WireService(
            "ssm", target: "AmazonSSM", errors: [.internalFailure: WireError("InternalServerError", 500)]),
        WireService(
            "logs", target: "Logs_20140328", errors: [.validation: WireError("InvalidParameterException", 400)]),
        WireService(
            "sqs", target: "AmazonSQS", jsonVersion: "1.0",
            query: ("2012-11-05", "http://queue.amazonaws.com/doc/2012-11-05/"),
            errors: [
                .throttling: WireError("RequestThrottled", 400),
                .unsupportedOperation: WireError("UnsupportedOperation", 400), .overLimit: WireError("OverLimit", 403),
            ], errorNamespace: "com.amazonaws.sqs#",
            queryCodes: [
                "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
                "QueueNameExists": "QueueAlreadyExists",
                "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
                "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
                "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
                "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
                "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
                "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
                "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
            ], flat: .queues, pathMember: "QueueUrl"),
        WireService(
            "sns", query: ("2010-03-31", "http://sns.amazonaws.com/doc/2010-03-31/"),
            errors: [
                .accessDenied: WireError("AuthorizationError", 403), .throttling: WireError("Throttled", 429),
                .internalFailure: WireError("InternalError", 500),
                .resourceNotFound: WireError("ResourceNotFound", 404),
                .invalidParameterValue: WireError("ParameterValueInvalid", 400),
            ]),
        WireService("sts", query: ("2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/")),
        WireService(
            "iam", query: ("2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/"),
            errors: [
                .resourceNotFound: WireError("NoSuchEntity", 404),
                .resourceAlreadyExists: WireError("EntityAlreadyExists", 409),
            ]),
        WireService(
            "scheduler", errors: [.internalFailure: WireError("InternalServerException", 500)],
            messageMember: "Message"),
        WireService(
            "resource-groups",
            errors: [
                .validation: WireError("BadRequestException", 400),
                .invalidNextToken: WireError("BadRequestException", 400),
                .resourceNotFound: WireError("NotFoundException", 404),
                .accessDenied: WireError("ForbiddenException", 403),
                .throttling: WireError("TooManyRequestsException", 429),
                .internalFailure: WireError("InternalServerErrorException", 500),
            ], messageMember: "Message"),
        WireService(
            "pipes",
            errors: [
                .internalFailure: WireError("InternalException", 500),
                .resourceNotFound: WireError("NotFoundException", 404),
            ]),
        WireService(
            "lambda",
            errors: [
                .internalFailure: WireError("ServiceException", 500),
                .throttling: WireError("TooManyRequestsException", 429),
                .invalidParameterValue: WireError("InvalidParameterValueException", 400),
                .requestTooLarge: WireError("RequestTooLargeException", 413),
            ], messageMember: "Message"),
        own,
    ]

    /// Every operation by its full name, those without a counterpart at AWS too: `X-Amz-Target: OpsBus.audit:Trace`.
    static let own = WireService("opsbus", target: "OpsBus")
}
