internal import API

/// How an error is called on the wire, and the HTTP status it travels with.
struct WireError: Sendable, Hashable {
    let name: String
    let status: Int

    init(_ name: String, _ status: Int) {
        self.name = name
        self.status = status
    }

    /// Whether the client is at fault.
    var isSender: Bool { status < 500 }
}

extension ErrorCode {
    /// The error in a JSON protocol: 400 unless the server is at fault.
    func json(in service: WireService) -> WireError {
        if let special = service.errors[self] { return special }
        switch self {
        case .requestTooLarge: return WireError(rawValue, status)
        case .requestExpired: return WireError(ErrorCode.invalidSignature.rawValue, 400)
        default: return WireError(rawValue, status >= 500 ? status : 400)
        }
    }

    /// The error in the Query protocol, whose names are older.
    func query(in service: WireService) -> WireError {
        if let special = service.errors[self] { return special }
        if let code = service.queryCodes[rawValue] { return WireError(code, 400) }
        switch self {
        case .missingAuthenticationToken: return WireError("MissingAuthenticationToken", 403)
        case .unrecognizedClient: return WireError("InvalidClientTokenId", 403)
        case .invalidSignature, .requestExpired: return WireError("SignatureDoesNotMatch", 403)
        case .incompleteSignature: return WireError("IncompleteSignature", 400)
        case .expiredToken: return WireError("ExpiredToken", 403)
        case .accessDenied: return WireError("AccessDenied", 403)
        case .unknownOperation: return WireError("InvalidAction", 400)
        case .validation: return WireError("ValidationError", 400)
        case .throttling: return WireError("Throttling", 400)
        case .serialization: return WireError("MalformedInput", 400)
        default: return WireError(service.queryCodes[rawValue] ?? rawValue, status)
        }
    }

    /// The error of a REST service, whose statuses mean something.
    func rest(in service: WireService) -> WireError {
        if let special = service.errors[self] { return special }
        switch self {
        case .missingAuthenticationToken, .unrecognizedClient, .invalidSignature, .incompleteSignature, .expiredToken:
            return WireError(rawValue, 403)
        case .requestExpired: return WireError(ErrorCode.invalidSignature.rawValue, 403)
        case .resourceNotFound: return WireError(rawValue, 404)
        case .resourceAlreadyExists, .concurrentModification: return WireError("ConflictException", 409)
        case .limitExceeded: return WireError("ServiceQuotaExceededException", 402)
        default: return WireError(rawValue, status)
        }
    }
}
