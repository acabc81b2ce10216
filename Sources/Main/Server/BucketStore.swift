internal import API
internal import Access
internal import Core
internal import Platform

/// Puts objects into S3-compatible storage, with the program `curl`.
///
/// Buckets are part of the path, which every such storage understands.
final class BucketStore: ObjectStore {
    private let endpoint: String
    private let host: String
    private let basePath: String
    private let region: String
    private let accessKey: String
    private let secret: String
    private let curl: String
    /// For files that live as long as a call.
    private let directory: String
    private let environment: [String: String]
    private let processes: ProcessLoop
    private let clock: any Clock

    private static let timeout = Duration.seconds(300)
    private static let answerBytesMax = 4096
    private static let directories = ["/usr/local/bin", "/usr/bin", "/bin"]
    private static let statusMark = "\nstatus "

    /// - Throws: `CommandError` `.configuration`.
    init?(
        _ configuration: Configuration, directory: String, processes: ProcessLoop, clock: any Clock
    ) throws(CommandError) {
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
        guard let curl = BucketStore.directories.map({ $0 + "/curl" }).first(where: Files.exists) else {
            throw CommandError(
                .configuration, "--s3-endpoint needs the program curl, which is not on this machine", fix: "install it")
        }
        self.endpoint = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        host = String(parts[1].prefix { $0 != "/" })
        let path = parts[1].dropFirst(host.count)
        basePath = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
        region = configuration[Settings.s3Region]
        self.accessKey = accessKey
        self.secret = secret
        self.curl = curl
        self.directory = directory
        environment = AgentEnvironment.proxies
        self.processes = processes
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
        // Both would do on the command line, where others on this machine would see them.
        try Files.createDirectory(directory, mode: 0o700)
        let file = "\(directory)/put-\(String(UInt64.random(in: 0 ... .max), radix: 16)).conf"
        try Files.write(
            Array(configuration(headers, url(bucket: bucket, key: key, region: region)).utf8), to: file, mode: 0o600,
            isDurable: false)
        defer { try? Files.remove(file) }
        let child = try await processes.start(
            ProcessRequest(
                curl, ["-q", "--config", file], environment: environment, input: content,
                timeout: BucketStore.timeout))
        let result = await child.collect(bytesMax: BucketStore.answerBytesMax)
        try Task.checkCancellation()
        try BucketStore.check(result, of: "\(bucket)/\(key) at \(endpoint)")
    }

    /// - Source: curl(1), `--config`.
    private func configuration(_ headers: [(name: String, value: String)], _ url: String) -> String {
        let lines = headers.map { "header = \"\($0.name): \($0.value)\"" } + [
            "header = \"expect:\"", "header = \"content-type: text/plain; charset=utf-8\"", "silent", "show-error",
            "globoff", "path-as-is", "proto = \"=http,https\"", "connect-timeout = 30",
            "max-time = \(BucketStore.timeout.components.seconds - 5)", "url = \"\(url)\"", "upload-file = \"-\"",
            "write-out = \"\(BucketStore.statusMark.replacing("\n", with: "\\n"))%{http_code}\"",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Throws: `ObjectStoreError`
    private static func check(_ result: CollectedOutput, of object: String) throws(ObjectStoreError) {
        let text = String(decoding: result.standardOutput, as: UTF8.self)
        let parts = text.split(separator: statusMark, omittingEmptySubsequences: false)
        guard result.outcome.status == .exited(code: 0), let status = parts.last.flatMap({ Int($0) }), status > 0 else {
            let reason = String(decoding: result.standardError, as: UTF8.self)
            throw ObjectStoreError("\(object) cannot be stored: \(printable(reason))", isRetryable: true)
        }
        guard !(200...299).contains(status) else { return }
        // A bucket that is not there may yet be made.
        let isRetryable = status >= 500 || [404, 408, 429].contains(status)
        throw ObjectStoreError(
            "\(object) cannot be stored: status \(status) \(printable(String(parts[0].prefix(500))))",
            isRetryable: isRetryable)
    }
}
