public import Core

/// Signs requests to S3-compatible storage: AWS Signature Version 4 in the header.
///
/// Unlike elsewhere, the path is signed as it is sent, and the hash of the body is a header.
/// - Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header".
public struct ObjectSigner: Sendable {
    private let accessKey: String
    private let secret: String
    private let region: String

    public init(accessKey: String, secret: String, region: String) {
        self.accessKey = accessKey
        self.secret = secret
        self.region = region
    }

    /// The headers to be sent beside `Host`.
    /// - Parameters:
    ///   - method: In capitals.
    ///   - host: As sent, with a port that is not the scheme's own.
    ///   - path: Percent-encoded, as sent.
    public func headers(
        method: String, host: String, path: String, body: [UInt8], at time: Timestamp
    ) -> [(name: String, value: String)] {
        let hash = sha256(body)
        let stamp = time.basicISO8601
        let date = String(stamp.prefix(8))
        let signed = "host;x-amz-content-sha256;x-amz-date"
        let canonical = [
            method, path, "", "host:\(host)", "x-amz-content-sha256:\(hash)", "x-amz-date:\(stamp)", "", signed, hash,
        ].joined(separator: "\n")
        let scope = "\(date)/\(region)/s3/aws4_request"
        let text = [RequestSignature.algorithm, stamp, scope, sha256(Array(canonical.utf8))].joined(separator: "\n")
        var key = Array("AWS4\(secret)".utf8)
        for part in [date, region, "s3", "aws4_request"] { key = hmacSHA256(Array(part.utf8), key: key) }
        let signature = hmacSHA256(Array(text.utf8), key: key).hexadecimal
        return [
            ("x-amz-content-sha256", hash), ("x-amz-date", stamp),
            (
                "authorization",
                "\(RequestSignature.algorithm) Credential=\(accessKey)/\(scope), SignedHeaders=\(signed), "
                    + "Signature=\(signature)"
            ),
        ]
    }
}
