internal import API
internal import Access
internal import Core
internal import Platform

/// Decides who a request is from.
struct Authentication: Sendable {
    let mode: AuthenticationMode
    let verifier: SignatureVerifier
    let clock: any Clock

    /// - Parameter service: The signing name of the service called.
    /// - Throws: `ServiceError` with the codes of section "Who signs a request", or `.accessDenied`.
    func principal(of request: HTTPRequest, for service: String) throws(ServiceError) -> Principal {
        if mode == .development {
            try Authentication.refuseBrowsers(request)
            return .local
        }
        do throws(SignatureError) {
            let signer = try verifier.verify(request.signed, at: clock.now)
            guard signer.scope.service == service else {
                throw SignatureError.wrongService(service)
            }
            return signer.principal
        } catch {
            throw ServiceError(error.code.errorCode, error.message)
        }
    }

    /// Whether signatures are wanted and the request has none.
    func isAnonymous(_ request: HTTPRequest) -> Bool {
        mode == .required && RequestSignature.scope(of: request.signed) == nil
            && request.header("authorization") == nil && !request.query.contains("Signature")
    }

    /// Without signatures, a page in a browser on this machine could call operations in its user's name: by a request
    /// to another origin, which the browser marks, or by a name of its own that it has resolved to this machine.
    private static func refuseBrowsers(_ request: HTTPRequest) throws(ServiceError) {
        let site = request.header("sec-fetch-site")
        guard request.header("origin") == nil, site == nil || site == "none" else {
            throw ServiceError(.accessDenied, "Pages in a browser may not call operations in development mode.")
        }
        let host = request.header("host").map(hostName) ?? ""
        guard host.isEmpty || host == "localhost" || host.hasSuffix(".localhost") || isNumeric(host) else {
            throw ServiceError(
                .accessDenied,
                "In development mode the host must be an address or end in localhost, not '\(host)'; use "
                    + "--http-auth required for others.")
        }
    }

    private static func hostName(_ header: String) -> String {
        if header.hasPrefix("[") { return String(header.dropFirst().prefix { $0 != "]" }) }
        return header.prefix { $0 != ":" }.lowercased()
    }

    private static func isNumeric(_ host: String) -> Bool {
        host.contains(":") || host.split(separator: ".").allSatisfy { UInt8($0) != nil }
    }
}

extension SignatureError {
    fileprivate static func wrongService(_ service: String) -> SignatureError {
        SignatureError(.mismatch, "Credential should be scoped to correct service: '\(service)'.")
    }
}

extension SignatureError.Code {
    fileprivate var errorCode: ErrorCode {
        switch self {
        case .missing: .missingAuthenticationToken
        case .malformed: .incompleteSignature
        case .unknownKey: .unrecognizedClient
        case .expiredToken: .expiredToken
        case .expired: .requestExpired
        case .mismatch: .invalidSignature
        }
    }
}
