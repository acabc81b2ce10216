internal import Core
internal import Platform

/// The download of one object, or of all objects under a prefix, from S3 or a server that speaks like it.
///
/// Keys come from the agent's environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; without
/// them the request is anonymous. `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` name the server for paths of the form
/// `s3://BUCKET/KEY`, and allow plain HTTP where they have it.
struct S3Download {
    private let location: S3Location
    private let checksum: String?
    private let credentials: WebTransfer.Credentials
    private let context: StepContext

    /// Objects under one prefix at most.
    private static let objectsMax = 10_000
    private static let listingBytesMax = 4 << 20

    /// - Parameter source: `path`: a URL, in either style of S3, or `s3://BUCKET/KEY`.
    init(_ source: PluginInputs, _ context: StepContext) throws(StepEnd) {
        let variables = context.environment
        let endpoint = variables["AWS_ENDPOINT_URL_S3"] ?? variables["AWS_ENDPOINT_URL"]
        let region = variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"] ?? "us-east-1"
        let path = try source.required("path")
        guard let location = S3Location(path, endpoint: endpoint, region: region) else {
            throw .failure("the path \(path) is neither s3://BUCKET/KEY nor the URL of an object")
        }
        self.location = location
        checksum = try source.text("checksum")
        if let id = variables["AWS_ACCESS_KEY_ID"], let secret = variables["AWS_SECRET_ACCESS_KEY"] {
            credentials = .s3(
                keyID: id, secret: secret, sessionToken: variables["AWS_SESSION_TOKEN"],
                region: location.region ?? region)
        } else {
            credentials = .none
        }
        self.context = context
    }

    func run(to target: DownloadTarget) async throws(StepEnd) {
        if !location.key.isEmpty, !location.key.hasSuffix("/") {
            let keys = try await list(prefix: location.key)
            if keys.contains(location.key) {
                let path = try target.file(named: DownloadTarget.lastPart(of: location.key), context)
                try await get(location.key, path)
                try context.verify(path, checksum)
                return
            }
        }
        let prefix = location.key.isEmpty || location.key.hasSuffix("/") ? location.key : location.key + "/"
        let keys = try await list(prefix: prefix).filter { !$0.hasSuffix("/") }
        guard !keys.isEmpty else {
            throw .failure("there is no object \(location.key) in \(location.bucket), and none under \(prefix)")
        }
        let directory = try target.directory(context)
        for key in keys {
            let name = String(key.dropFirst(prefix.count))
            guard !name.split(separator: "/").contains("..") else {
                throw .failure("the key \(key) would lead out of \(directory)")
            }
            let path = directory + "/" + name
            try context.files { () throws(FileError) in try Files.createDirectory(Files.parent(of: path)) }
            try await get(key, path)
        }
    }

    private func get(_ key: String, _ path: String) async throws(StepEnd) {
        try await context.transfer(transfer(location.url(of: key), path))
        await context.output.write("Content downloaded to \(path)")
    }

    private func transfer(_ url: String, _ path: String) -> WebTransfer {
        WebTransfer(url, to: path, credentials: credentials, allowsPlainHTTP: location.isPlainHTTP)
    }

    /// The keys that begin so, in order.
    private func list(prefix: String) async throws(StepEnd) -> [String] {
        var keys: [String] = []
        var token: String?
        repeat {
            let path = context.directory + "/listing.xml"
            try context.files { () throws(FileError) in try Files.createDirectory(context.directory, mode: 0o700) }
            var listing = transfer(location.listing(prefix: prefix, token: token), path)
            listing.bytesMax = Self.listingBytesMax
            try await context.transfer(listing)
            let text = try context.files { () throws(FileError) in
                let bytes = try Files.read(path, bytesMax: Self.listingBytesMax)
                try Files.remove(path)
                return String(decoding: bytes, as: UTF8.self)
            }
            keys += S3Location.texts(of: "Key", in: text)
            token = S3Location.texts(of: "NextContinuationToken", in: text).first
            guard keys.count <= Self.objectsMax else {
                throw .failure("there are more than \(Self.objectsMax) objects under \(prefix)")
            }
        } while token != nil
        return keys
    }
}

/// Where an object is.
struct S3Location: Hashable {
    /// `https://host/bucket` or `https://bucket.host`, without a slash at the end.
    let base: String
    let bucket: String
    /// Of an object or of a prefix, not encoded; empty for all of the bucket.
    let key: String
    /// As the host's name tells it; nil where it does not.
    let region: String?

    var isPlainHTTP: Bool { base.hasPrefix("http://") }

    /// - Parameters:
    ///   - endpoint: For `s3://`; nil for Amazon's.
    ///   - region: For `s3://` at Amazon's.
    init?(_ path: String, endpoint: String?, region: String) {
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
        self.region = Self.region(labels)
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

    func url(of key: String) -> String { "\(base)/\(PercentEncoding.encode(key.utf8, keepingSlash: true))" }

    /// The URL that answers the keys with a prefix.
    /// - Parameter token: From the answer before; nil for the first.
    func listing(prefix: String, token: String?) -> String {
        // Sorted, as the signature has them.
        let continuation = token.map { "continuation-token=\(PercentEncoding.encode($0.utf8))&" } ?? ""
        return "\(base)?\(continuation)list-type=2&prefix=\(PercentEncoding.encode(prefix.utf8))"
    }

    /// The contents of all elements of that name in an XML answer of S3, which nests no such elements.
    static func texts(of element: String, in xml: String) -> [String] {
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
