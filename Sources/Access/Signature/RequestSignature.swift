internal import Core

/// What a request says of its signature, in the `Authorization` header or, presigned, in its query.
/// - Source: AWS General Reference, "Signature Version 4 signing process".
public struct RequestSignature: Sendable, Hashable {
    /// The only algorithm taken.
    static let algorithm = "AWS4-HMAC-SHA256"
    /// Longest life of a presigned request: seven days.
    static let lifetimeSecondsMax = 604_800

    /// What the key is derived for, and the name of the secret it is derived from.
    public struct Scope: Sendable, Hashable {
        public let accessKey: String
        /// `yyyymmdd`
        public let date: String
        public let region: String
        public let service: String

        /// Reads `ACCESSKEY/DATE/REGION/SERVICE/aws4_request`; an access key may itself hold slashes.
        init?(_ text: String) {
            var parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            guard parts.count >= 5, parts.removeLast() == "aws4_request" else { return nil }
            service = parts.removeLast()
            region = parts.removeLast()
            date = parts.removeLast()
            accessKey = parts.joined(separator: "/")
            guard !accessKey.isEmpty, !region.isEmpty, !service.isEmpty, date.utf8.count == 8 else { return nil }
        }

        var text: String { "\(date)/\(region)/\(service)/aws4_request" }
    }

    public let scope: Scope
    /// In lower case and in the order in which they were signed.
    let signedHeaders: [String]
    /// 32 bytes.
    let signature: [UInt8]
    /// As it was signed: `yyyymmddThhmmssZ`.
    let timeText: String
    let time: Timestamp
    let sessionToken: String?
    /// How long a presigned request is good; nil for one that is signed in its header.
    let lifetime: Duration?

    /// - Throws: `SignatureError` `.missing`, `.malformed`.
    public init(_ request: SignedRequest) throws(SignatureError) {
        if let header = request.header("authorization") {
            try self.init(header: header, of: request)
        } else if request.query.contains("X-Amz-Algorithm=") {
            try self.init(presigned: request)
        } else {
            throw SignatureError(.missing, "Missing Authentication Token")
        }
    }

    /// What a request names as its scope, whether or not the rest of its signature is sound; nil where it names none.
    public static func scope(of request: SignedRequest) -> Scope? {
        guard let header = request.header("authorization") else { return (try? RequestSignature(request))?.scope }
        let fields = header.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ",") }
        let name = "Credential=".utf8
        return fields.first { $0.starts(with: name) }.flatMap { Scope(String(Substring($0.dropFirst(name.count)))) }
    }

    private init(header: String, of request: SignedRequest) throws(SignatureError) {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0] == RequestSignature.algorithm else {
            throw SignatureError(
                .malformed, "Authorization header requires the algorithm \(RequestSignature.algorithm).")
        }
        var fields: [String: String] = [:]
        for field in parts[1].split(separator: ",") {
            let pair = field.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else {
                throw SignatureError(.malformed, "'\(field)' is not a key=value pair in the Authorization header.")
            }
            fields[String(pair[0]).trimmed] = String(pair[1]).trimmed
        }
        try self.init(
            credential: fields["Credential"], headers: fields["SignedHeaders"], signature: fields["Signature"],
            time: request.header("x-amz-date"), token: request.header("x-amz-security-token"), lifetime: nil)
    }

    private init(presigned request: SignedRequest) throws(SignatureError) {
        guard let parameters = request.queryParameters else {
            throw SignatureError(.malformed, "The query string is not valid percent-encoding.")
        }
        func value(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
        guard value("X-Amz-Algorithm") == RequestSignature.algorithm else {
            throw SignatureError(.malformed, "X-Amz-Algorithm must be \(RequestSignature.algorithm).")
        }
        guard let seconds = value("X-Amz-Expires").flatMap(Int.init),
            (1...RequestSignature.lifetimeSecondsMax).contains(seconds)
        else {
            throw SignatureError(
                .malformed, "X-Amz-Expires must be from 1 to \(RequestSignature.lifetimeSecondsMax) seconds.")
        }
        try self.init(
            credential: value("X-Amz-Credential"), headers: value("X-Amz-SignedHeaders"),
            signature: value("X-Amz-Signature"), time: value("X-Amz-Date"), token: value("X-Amz-Security-Token"),
            lifetime: .seconds(seconds))
    }

    private init(
        credential: String?, headers: String?, signature: String?, time: String?, token: String?, lifetime: Duration?
    ) throws(SignatureError) {
        func required(_ value: String?, _ name: String) throws(SignatureError) -> String {
            guard let value, !value.isEmpty else {
                throw SignatureError(.malformed, "The signature requires '\(name)'.")
            }
            return value
        }
        guard let scope = Scope(try required(credential, "Credential")) else {
            throw SignatureError(
                .malformed, "Credential must have 5 parts: KEY/yyyymmdd/REGION/SERVICE/aws4_request.")
        }
        self.scope = scope
        signedHeaders = try required(headers, "SignedHeaders").split(separator: ";").map(String.init)
        guard let bytes = bytes(hexadecimal: try required(signature, "Signature")), bytes.count == 32 else {
            throw SignatureError(.malformed, "The signature must be 64 hexadecimal digits.")
        }
        self.signature = bytes
        timeText = try required(time, "X-Amz-Date")
        guard let time = Timestamp(basicISO8601: timeText) else {
            throw SignatureError(.malformed, "Date must be in ISO-8601 'basic format'. Got '\(timeText)'.")
        }
        self.time = time
        guard timeText.hasPrefix(scope.date) else {
            throw SignatureError(
                .malformed, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.")
        }
        sessionToken = token
        self.lifetime = lifetime
    }
}

extension String {
    /// Without spaces and tabs around it.
    var trimmed: String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        let rest = drop(while: isBlank)
        guard let last = rest.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(rest[...last])
    }
}

extension Timestamp {
    /// Reads `yyyymmddThhmmssZ`; nil for another form.
    init?(basicISO8601 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16 else { return nil }
        func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        self.init(
            rfc3339: "\(part(0..<4))-\(part(4..<6))-\(part(6..<11)):\(part(11..<13)):\(part(13..<16))")
    }
}
