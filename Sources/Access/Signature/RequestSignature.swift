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
        let header = request.header("authorization")
        let isPresigned = request.query.contains("X-Amz-Algorithm=")
        if isPresigned, header != nil {
            throw SignatureError(
                .mismatch, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
        }
        if isPresigned {
            try self.init(presigned: request)
        } else if let header, header.hasPrefix("AWS4-") {
            try self.init(header: header, of: request)
        } else {
            throw SignatureError(.missing, "Request is missing Authentication Token")
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
        guard parts.first == RequestSignature.algorithm[...] else {
            throw SignatureError(
                .malformed, "Unsupported AWS 'algorithm': '\(parts.first ?? "")'; use \(RequestSignature.algorithm).")
        }
        var fields: [String: String] = [:]
        for field in (parts.count == 2 ? parts[1] : "").split(separator: ",") {
            let pair = field.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else {
                throw SignatureError(.malformed, "'\(field)' is not a key=value pair in the Authorization header.")
            }
            fields[String(pair[0]).trimmed] = String(pair[1]).trimmed
        }
        let time = request.header("x-amz-date")
        var missing = ["Credential", "Signature", "SignedHeaders"].filter { (fields[$0] ?? "").isEmpty }
            .map { "Authorization header requires '\($0)' parameter. " }
        if time == nil { missing.append("Authorization header requires existence of a 'X-Amz-Date' header. ") }
        if !missing.isEmpty {
            throw SignatureError(.malformed, missing.joined(separator: "") + "Authorization=\(parts[0])")
        }
        try self.init(
            credential: fields["Credential"], headers: fields["SignedHeaders"], signature: fields["Signature"],
            time: time, token: request.header("x-amz-security-token"), lifetime: nil)
    }

    private init(presigned request: SignedRequest) throws(SignatureError) {
        guard let parameters = request.queryParameters else {
            throw SignatureError(.malformed, "The query string is not valid percent-encoding.")
        }
        func value(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
        guard value("X-Amz-Algorithm") == RequestSignature.algorithm else {
            throw SignatureError(.malformed, "X-Amz-Algorithm must be \(RequestSignature.algorithm).")
        }
        let missing = ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]
            .filter { (value($0) ?? "").isEmpty }.map { "AWS query-string parameters must include '\($0)'. " }
        if !missing.isEmpty {
            throw SignatureError(.malformed, missing.joined(separator: "") + "Re-examine the query-string parameters.")
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
        guard let scope = Scope(credential ?? "") else {
            throw SignatureError(
                .malformed,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                    + "'\(credential ?? "")'")
        }
        self.scope = scope
        signedHeaders = (headers ?? "").split(separator: ";").map(String.init)
        guard let bytes = bytes(hexadecimal: signature ?? ""), bytes.count == 32 else {
            throw SignatureError(.malformed, "The signature must be 64 hexadecimal digits.")
        }
        self.signature = bytes
        timeText = time ?? ""
        guard let time = Timestamp(basicISO8601: timeText) else {
            throw SignatureError(
                .malformed,
                "Date must be in ISO-8601 'basic format'. Got '\(timeText)'. "
                    + "See http://en.wikipedia.org/wiki/ISO_8601")
        }
        self.time = time
        guard timeText.hasPrefix(scope.date) else {
            throw SignatureError(
                .mismatch,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(scope.date)' != '\(timeText.prefix(8))', from '\(timeText)'.")
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
    /// `yyyymmddThhmmssZ`; fractions of seconds are left out.
    var basicISO8601: String {
        "\(Timestamp(seconds: microseconds / 1_000_000))".filter { $0 != "-" && $0 != ":" }
    }

    /// Reads `yyyymmddThhmmssZ`; nil for another form.
    init?(basicISO8601 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16 else { return nil }
        func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        self.init(
            rfc3339: "\(part(0..<4))-\(part(4..<6))-\(part(6..<11)):\(part(11..<13)):\(part(13..<16))")
    }
}
