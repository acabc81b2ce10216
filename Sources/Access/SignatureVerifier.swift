public import Core

/// Finds out who signed a request: AWS Signature Version 4, in the header or presigned.
///
/// The signature must cover the host and every `x-amz-` header of the request, so that none can be added or changed.
/// The body is covered by its hash. Neither clock nor network is touched here: the time is a parameter.
public struct SignatureVerifier: Sendable {
    /// How far a signer's clock may be off.
    static let clockSkewMax = Duration.seconds(300)

    /// Who signed, and for which region and service.
    public struct Signer: Sendable, Hashable {
        public let principal: Principal
        public let scope: RequestSignature.Scope
    }

    private let credentials: any CredentialSource

    public init(_ credentials: any CredentialSource) { self.credentials = credentials }

    /// - Throws: `SignatureError`.
    public func verify(_ request: SignedRequest, at now: Timestamp) throws(SignatureError) -> Signer {
        let signature = try RequestSignature(request)
        try SignatureVerifier.checkCoverage(signature, of: request)
        try SignatureVerifier.checkTime(signature, now)
        guard let credential = credentials.credential(forAccessKey: signature.scope.accessKey) else {
            throw SignatureError(.unknownKey, "The security token included in the request is invalid.")
        }
        let expected = try SignatureVerifier.signature(of: request, signature, secret: credential.secret)
        guard isEqualInConstantTime(expected, signature.signature) else {
            throw SignatureError(
                .mismatch,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                    + "Access Key and signing method. Consult the service documentation for details.")
        }
        let token = Array((signature.sessionToken ?? "").utf8)
        guard isEqualInConstantTime(token, Array((credential.sessionToken ?? "").utf8)) else {
            throw SignatureError(.unknownKey, "The security token included in the request is invalid.")
        }
        if let expiry = credential.expiry, expiry <= now {
            throw SignatureError(.expiredToken, "The security token included in the request is expired.")
        }
        return Signer(principal: credential.principal, scope: signature.scope)
    }

    private static func checkCoverage(_ signature: RequestSignature, of request: SignedRequest) throws(SignatureError) {
        guard signature.signedHeaders.contains("host") else {
            throw SignatureError(
                .mismatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        }
        for header in request.headers where header.name.hasPrefix("x-amz-") {
            guard signature.signedHeaders.contains(header.name) else {
                throw SignatureError(
                    .mismatch, "'\(header.name)' must be a 'SignedHeader' in the AWS Authorization.")
            }
        }
    }

    private static func checkTime(_ signature: RequestSignature, _ now: Timestamp) throws(SignatureError) {
        let latest = now + clockSkewMax
        if signature.time > latest {
            throw SignatureError(
                .expired,
                "Signature not yet current: \(signature.timeText) is still later than \(latest.basicISO8601) "
                    + "(\(now.basicISO8601) + 5 min.)")
        }
        let lifetime = signature.lifetime ?? clockSkewMax
        let earliest = now - lifetime
        if signature.time < earliest {
            let (minutes, rest) = lifetime.components.seconds.quotientAndRemainder(dividingBy: 60)
            throw SignatureError(
                .expired,
                "Signature expired: \(signature.timeText) is now earlier than \(earliest.basicISO8601) "
                    + "(\(now.basicISO8601) - \(rest == 0 ? "\(minutes) min" : "\(lifetime.components.seconds) s").)")
        }
    }

    /// The signature as the secret's owner would make it.
    private static func signature(
        of request: SignedRequest, _ signature: RequestSignature, secret: String
    ) throws(SignatureError) -> [UInt8] {
        let canonical = try CanonicalRequest(request, signedHeaders: signature.signedHeaders)
        let scope = signature.scope
        let stringToSign = [
            RequestSignature.algorithm, signature.timeText, scope.text, sha256(Array(canonical.text.utf8)),
        ].joined(separator: "\n")
        var key = Array("AWS4\(secret)".utf8)
        for part in [scope.date, scope.region, scope.service, "aws4_request"] {
            key = hmacSHA256(Array(part.utf8), key: key)
        }
        return hmacSHA256(Array(stringToSign.utf8), key: key)
    }
}
