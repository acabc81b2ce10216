internal import Core

/// Where an object is.
public struct S3Location: Sendable, Hashable {
    /// `https://host/bucket` or `https://bucket.host`, without a slash at the end.
    let base: String
    public let bucket: String
    /// Of an object or of a prefix, not encoded; empty for all of the bucket.
    public let key: String
    /// Of its server.
    public let region: String

    /// Whether the server is asked without TLS.
    public var isPlainHTTP: Bool { base.hasPrefix("http://") }

    /// - Parameters:
    ///   - path: `s3://BUCKET/KEY`, or a URL in either style of S3.
    ///   - environment: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` name the server of `s3://`, else it is Amazon's;
    ///     `AWS_REGION` or `AWS_DEFAULT_REGION` the region where the host's name does not.
    /// - Returns: Nil for another form.
    public init?(_ path: String, environment: [String: String]) {
        let endpoint = environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"]
        let region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
        if path.hasPrefix("s3://") {
            let (bucket, key) = Self.split(path.dropFirst("s3://".count))
            guard !bucket.isEmpty else { return nil }
            var host = endpoint ?? "https://s3.\(region).amazonaws.com"
            while host.hasSuffix("/") { host.removeLast() }
            (base, self.bucket, self.key, self.region) = ("\(host)/\(bucket)", bucket, key, region)
            return
        }
        guard let scheme = path.firstRange(of: "://"), path.hasPrefix("http") else { return nil }
        let (host, rest) = Self.split(path[scheme.upperBound...])
        let labels = host.split(separator: ".").map(String.init)
        self.region = Self.region(labels) ?? region
        // Amazon's other style has the bucket in the host's name.
        if labels.suffix(2) == ["amazonaws", "com"], let place = labels.firstIndex(where: { $0.hasPrefix("s3") }),
            place > 0
        {
            bucket = labels[..<place].joined(separator: ".")
            base = path[..<scheme.upperBound] + host
            key = Self.decoded(rest)
        } else {
            let (bucket, key) = Self.split(rest[...])
            guard !bucket.isEmpty else { return nil }
            self.bucket = bucket
            self.key = Self.decoded(key)
            base = path[..<scheme.upperBound] + "\(host)/\(bucket)"
        }
    }

    private static func split(_ text: Substring) -> (String, String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
    }

    private static func decoded(_ text: String) -> String { PercentEncoding.decode(text) ?? text }

    /// `s3.eu-west-1.amazonaws.com` and `s3-eu-west-1.amazonaws.com`
    private static func region(_ labels: [String]) -> String? {
        guard labels.suffix(2) == ["amazonaws", "com"], let place = labels.firstIndex(where: { $0.hasPrefix("s3") })
        else { return nil }
        if labels[place].hasPrefix("s3-") { return String(labels[place].dropFirst("s3-".count)) }
        return labels.count - place == 4 ? labels[place + 1] : nil
    }

    /// Who asks: the keys of the environment, `AWS_ACCESS_KEY_ID` and its fellows; no one without them.
    public func credentials(environment: [String: String]) -> WebTransfer.Credentials {
        guard let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"] else {
            return .none
        }
        return .s3(keyID: id, secret: secret, sessionToken: environment["AWS_SESSION_TOKEN"], region: region)
    }

    /// The URL of an object in the same bucket.
    public func url(of key: String) -> String { "\(base)/\(PercentEncoding.encode(key.utf8, keepingSlash: true))" }

    /// The URL that answers the keys with a prefix.
    /// - Parameter token: From the answer before; nil for the first.
    public func listing(prefix: String, token: String?) -> String {
        // Sorted, as the signature has them.
        let continuation = token.map { "continuation-token=\(PercentEncoding.encode($0.utf8))&" } ?? ""
        return "\(base)?\(continuation)list-type=2&prefix=\(PercentEncoding.encode(prefix.utf8))"
    }

    /// The contents of all elements of that name in an XML answer of S3, which nests no such elements.
    public static func texts(of element: String, in xml: String) -> [String] {
        var texts: [String] = []
        var rest = xml[...]
        while let start = rest.firstRange(of: "<\(element)>") {
            rest = rest[start.upperBound...]
            guard let end = rest.firstRange(of: "</\(element)>") else { break }
            texts.append(unescaped(rest[..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return texts
    }

    private static func unescaped(_ text: Substring) -> String {
        var result = String(text)
        for (entity, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&"),
        ] {
            result = result.split(separator: entity, omittingEmptySubsequences: false).joined(separator: character)
        }
        return result
    }
}
