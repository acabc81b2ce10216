internal import API
internal import Core

/// Why a call of a target failed.
struct TargetFailure: Error, Sendable, Hashable {
    /// As in the `ERROR_CODE` attribute of a dead letter.
    var code: String
    var message: String
    /// Whether the same call may succeed later.
    var isRetryable: Bool
    /// How long the target asks to be left alone; nil where it does not say.
    var retryAfter: Duration?
    /// The HTTP status of who refused; nil where there is none.
    var status: Int?

    init(code: String, message: String, isRetryable: Bool = false, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
    }

    /// The call was cut short. It is nobody's attempt: it is made again at the next start.
    static let stopping = TargetFailure(
        code: "INTERNAL_ERROR", message: "The server is stopping.", isRetryable: true)

    /// Whether the target is to blame, rather than what it was sent or how often.
    var isOfTarget: Bool { isRetryable && code != "THROTTLING" }

    init(_ error: ServiceError) {
        let code =
            switch error.code {
            case .accessDenied: "NO_PERMISSIONS"
            case .throttling: "THROTTLING"
            case .notFound, .resourceNotFound, .queueDoesNotExist, .invalidDocument, .invalidDocumentVersion,
                .automationDefinitionNotFound, .automationDefinitionVersionNotFound, .invalidInstanceID:
                "NO_RESOURCE"
            case .internalFailure, .serviceUnavailable: "INTERNAL_ERROR"
            default: "SDK_CLIENT_ERROR"
            }
        self.init(code: code, message: error.description, isRetryable: error.code.isRetryable)
        status = error.code.status
    }

    /// What any error of a call means to who called.
    init(any error: any Error) {
        switch error {
        case let error as TargetFailure: self = error
        case let error as ServiceError: self.init(error)
        case let error as TargetInputError:
            self.init(code: error.code == .notJSON ? "INVALID_JSON" : "INVALID_PARAMETER", message: error.message)
        default: self.init(code: "INTERNAL_ERROR", message: "\(error)", isRetryable: true)
        }
    }
}
