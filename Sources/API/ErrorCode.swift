/// Every error an operation may answer, by its name on the wire. Codes are never renamed or reused.
///
/// - Source: the error shapes of botocore's `events`, `ssm` and `sns` models, and bus protocol OPS1 for our own.
public enum ErrorCode: String, Sendable, CaseIterable {
    // The request itself.
    case malformedRequest = "MalformedRequest"
    case serialization = "SerializationException"
    case unknownOperation = "UnknownOperationException"
    case validation = "ValidationException"
    case requestTooLarge = "RequestEntityTooLarge"
    case unsupportedOperation = "UnsupportedOperationException"
    case accessDenied = "AccessDeniedException"
    case throttling = "ThrottlingException"
    case internalFailure = "InternalFailure"
    case serviceUnavailable = "ServiceUnavailable"

    // Who signs a request.
    case missingAuthenticationToken = "MissingAuthenticationTokenException"
    case incompleteSignature = "IncompleteSignatureException"
    case invalidSignature = "InvalidSignatureException"
    case requestExpired = "RequestExpired"
    case expiredToken = "ExpiredTokenException"
    case unrecognizedClient = "UnrecognizedClientException"

    // Stream.
    case sequenceExpired = "SequenceExpired"
    case epochChanged = "EpochChanged"

    // Events.
    case invalidEventPattern = "InvalidEventPatternException"
    case resourceNotFound = "ResourceNotFoundException"
    case resourceAlreadyExists = "ResourceAlreadyExistsException"
    case limitExceeded = "LimitExceededException"
    case invalidArgument = "InvalidArgument"
    case malformedDetail = "MalformedDetail"
    case notAuthorizedForSource = "NotAuthorizedForSourceException"
    case managedRule = "ManagedRuleException"
    case concurrentModification = "ConcurrentModificationException"
    case policyLengthExceeded = "PolicyLengthExceededException"
    case illegalStatus = "IllegalStatusException"

    // Topics.
    case notFound = "NotFound"
    case invalidParameter = "InvalidParameter"
    case subscriptionLimitExceeded = "SubscriptionLimitExceeded"
    case tagLimitExceeded = "TagLimitExceeded"

    // Queues.
    case queueDoesNotExist = "QueueDoesNotExist"
    case queueNameExists = "QueueNameExists"
    case invalidAttributeName = "InvalidAttributeName"
    case invalidAttributeValue = "InvalidAttributeValue"
    case invalidParameterValue = "InvalidParameterValue"
    case missingParameter = "MissingParameter"
    case invalidMessageContents = "InvalidMessageContents"
    case receiptHandleIsInvalid = "ReceiptHandleIsInvalid"
    case messageNotInflight = "MessageNotInflight"
    case emptyBatchRequest = "EmptyBatchRequest"
    case tooManyEntriesInBatchRequest = "TooManyEntriesInBatchRequest"
    case batchEntryIdsNotDistinct = "BatchEntryIdsNotDistinct"
    case invalidBatchEntryID = "InvalidBatchEntryId"
    case batchRequestTooLong = "BatchRequestTooLong"
    case purgeQueueInProgress = "PurgeQueueInProgress"
    case overLimit = "OverLimit"

    // Functions.
    case invalidRequestContent = "InvalidRequestContentException"

    // Logs.
    case invalidParameterException = "InvalidParameterException"

    // Systems: documents, commands, automation, nodes.
    case invalidDocument = "InvalidDocument"
    case invalidDocumentContent = "InvalidDocumentContent"
    case invalidDocumentSchemaVersion = "InvalidDocumentSchemaVersion"
    case invalidDocumentVersion = "InvalidDocumentVersion"
    case invalidDocumentOperation = "InvalidDocumentOperation"
    case documentAlreadyExists = "DocumentAlreadyExists"
    case duplicateDocumentContent = "DuplicateDocumentContent"
    case duplicateDocumentVersionName = "DuplicateDocumentVersionName"
    case documentLimitExceeded = "DocumentLimitExceeded"
    case documentVersionLimitExceeded = "DocumentVersionLimitExceeded"
    case documentPermissionLimit = "DocumentPermissionLimit"
    case invalidPermissionType = "InvalidPermissionType"
    case maxDocumentSizeExceeded = "MaxDocumentSizeExceeded"
    case invalidParameters = "InvalidParameters"
    case invalidInstanceID = "InvalidInstanceId"
    case duplicateInstanceID = "DuplicateInstanceId"
    case invalidCommandID = "InvalidCommandId"
    case invalidPluginName = "InvalidPluginName"
    case invocationDoesNotExist = "InvocationDoesNotExist"
    case invalidTarget = "InvalidTarget"
    case invalidOutputFolder = "InvalidOutputFolder"
    case invalidNotificationConfig = "InvalidNotificationConfig"
    case invalidFilter = "InvalidFilter"
    case invalidInstanceInformationFilterValue = "InvalidInstanceInformationFilterValue"
    case invalidInstancePropertyFilterValue = "InvalidInstancePropertyFilterValue"
    case invalidFilterKey = "InvalidFilterKey"
    case invalidNextToken = "InvalidNextToken"
    case invalidFilterValue = "InvalidFilterValue"
    case invalidActivation = "InvalidActivation"
    case invalidActivationID = "InvalidActivationId"
    case invalidResourceID = "InvalidResourceId"
    case invalidResourceType = "InvalidResourceType"
    case tooManyTags = "TooManyTagsError"
    case unsupportedPlatformType = "UnsupportedPlatformType"
    case automationDefinitionNotFound = "AutomationDefinitionNotFoundException"
    case automationDefinitionVersionNotFound = "AutomationDefinitionVersionNotFoundException"
    case automationExecutionNotFound = "AutomationExecutionNotFoundException"
    case automationExecutionLimitExceeded = "AutomationExecutionLimitExceededException"
    case invalidAutomationExecutionParameters = "InvalidAutomationExecutionParametersException"
    case invalidAutomationStatusUpdate = "InvalidAutomationStatusUpdateException"
    case idempotentParameterMismatch = "IdempotentParameterMismatch"

    // Parameter Store.
    case parameterNotFound = "ParameterNotFound"
    case parameterVersionNotFound = "ParameterVersionNotFound"
    case parameterAlreadyExists = "ParameterAlreadyExists"
    case parameterLimitExceeded = "ParameterLimitExceeded"
    case parameterMaxVersionLimitExceeded = "ParameterMaxVersionLimitExceeded"
    case parameterVersionLabelLimitExceeded = "ParameterVersionLabelLimitExceeded"
    case parameterPatternMismatch = "ParameterPatternMismatchException"
    case invalidAllowedPattern = "InvalidAllowedPatternException"
    case hierarchyLevelLimitExceeded = "HierarchyLevelLimitExceededException"
    case hierarchyTypeMismatch = "HierarchyTypeMismatchException"
    case invalidKeyID = "InvalidKeyId"
    case invalidFilterOption = "InvalidFilterOption"
    case policiesLimitExceeded = "PoliciesLimitExceededException"
    case invalidPolicyType = "InvalidPolicyTypeException"
    case invalidPolicyAttribute = "InvalidPolicyAttributeException"
    case incompatiblePolicy = "IncompatiblePolicyException"
    case serviceSettingNotFound = "ServiceSettingNotFound"

    /// The HTTP status that carries the code, on every transport.
    public var status: Int {
        switch self {
        case .accessDenied, .overLimit, .subscriptionLimitExceeded: 403
        case .unknownOperation, .notFound: 404
        case .requestTooLarge: 413
        case .throttling: 429
        case .internalFailure: 500
        case .serviceUnavailable: 503
        default: 400
        }
    }

    /// Whether the same request may succeed later without being changed. Retries read this, never the text.
    public var isRetryable: Bool {
        switch self {
        case .throttling, .internalFailure, .serviceUnavailable, .concurrentModification,
            .automationExecutionLimitExceeded:
            true
        default: false
        }
    }
}
