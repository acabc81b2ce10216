internal import API
internal import Core

/// Why a call of a target failed.
struct TargetFailure: Error, Sendable, Hashable {
    /// As in the `ERROR_CODE` attribute of a dead letter.
    var code: String
    var message: String
    /// Whether the same call may succeed later.
    var isRetryable: Bool

    init(code: String, message: String, isRetryable: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }

    init(_ error: ServiceError) {
        let code =
            switch error.code {
            case .accessDenied: "NO_PERMISSIONS"
            case .throttling: "THROTTLING"
            case .notFound, .resourceNotFound, .invalidDocument, .automationDefinitionNotFound, .invalidInstanceID:
                "NO_RESOURCE"
            case .internalFailure, .serviceUnavailable: "INTERNAL_ERROR"
            default: "SDK_CLIENT_ERROR"
            }
        self.init(code: code, message: error.description, isRetryable: error.code.isRetryable)
    }

    /// What any error of a call means to who called.
    init(any error: any Error) {
        switch error {
        case let error as TargetFailure: self = error
        case let error as ServiceError: self.init(error)
        case let error as TargetInputError: self.init(code: "INVALID_INPUT", message: error.message)
        default: self.init(code: "INTERNAL_ERROR", message: "\(error)", isRetryable: true)
        }
    }
}
