internal import API
internal import Access
internal import Core
internal import Platform

/// Puts objects into S3-compatible storage.
///
/// Buckets are part of the path, which every such storage understands.
final class BucketStore: ObjectStore {
    private let endpoint: String
    private let host: String
    private let basePath: String
    private let region: String
    private let accessKey: String
    private let secret: String
    private let http: any HTTPSender
    private let clock: any Clock

    private static let timeout = Duration.seconds(300)

    /// Nil where no storage is configured.
    /// - Throws: `CommandError` `.configuration`.
    init?(_ configuration: Configuration, http: any HTTPSender, clock: any Clock) throws(CommandError) {
        guard let endpoint = configuration[Settings.s3Endpoint] else { return nil }
        let parts = endpoint.split(separator: "://", maxSplits: 1).map(String.init)
        guard parts.count == 2, ["http", "https"].contains(parts[0]), !parts[1].hasPrefix("/") else {
            throw CommandError(
                .configuration, "--s3-endpoint: '\(endpoint)' is no URL", fix: "give http://HOST:PORT or https://HOST")
        }
        guard let accessKey = configuration[Settings.s3AccessKey], let secret = configuration[Settings.s3SecretKey]
        else {
            throw CommandError(
                .configuration, "--s3-endpoint needs --s3-access-key and OPSBUS_S3_SECRET_KEY", fix: "give both")
        }
        self.endpoint = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        host = String(parts[1].prefix { $0 != "/" })
        let path = parts[1].dropFirst(host.count)
        basePath = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
        region = configuration[Settings.s3Region]
        self.accessKey = accessKey
        self.secret = secret
        self.http = http
        self.clock = clock
    }

    private static func path(_ bucket: String, _ key: String) -> String {
        "/\(bucket)/\(PercentEncoding.encode(key.utf8, keepingSlash: true))"
    }

    func url(bucket: String, key: String, region: String) -> String { endpoint + BucketStore.path(bucket, key) }

    func put(_ content: [UInt8], bucket: String, key: String, region: String) async throws {
        let signer = ObjectSigner(
            accessKey: accessKey, secret: secret, region: region.isEmpty ? self.region : region)
        let path = basePath + BucketStore.path(bucket, key)
        let headers = signer.headers(method: "PUT", host: host, path: path, body: content, at: clock.now)
        let request = HTTPCall(
            method: "PUT", url: url(bucket: bucket, key: key, region: region),
            headers: headers.map { HTTPField($0.name, $0.value) }
                + [HTTPField("content-type", "text/plain; charset=utf-8")],
            body: content, timeout: BucketStore.timeout)
        let object = "\(bucket)/\(key) at \(endpoint)"
        let answer: HTTPAnswer
        do throws(HTTPFailure) {
            answer = try await http.send(request)
        } catch {
            throw ObjectStoreError("\(object) cannot be stored: \(error)", isRetryable: error.code != .invalid)
        }
        guard !(200...299).contains(answer.status) else { return }
        let reason = printable(String(String(decoding: answer.body, as: UTF8.self).prefix(500)))
        // A bucket that is not there may yet be made.
        let isRetryable = answer.status >= 500 || [404, 408, 429].contains(answer.status)
        throw ObjectStoreError(
            "\(object) cannot be stored: status \(answer.status) \(reason)", isRetryable: isRetryable)
    }
}
