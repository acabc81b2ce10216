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
        let variables = context.downloadEnvironment
        let path = try source.required("path")
        guard let location = S3Location(path, environment: variables) else {
            throw .failure("the path \(path) is neither s3://BUCKET/KEY nor the URL of an object")
        }
        self.location = location
        checksum = try source.text("checksum")
        credentials = location.credentials(environment: variables)
        self.context = context
    }

    func run(to target: DownloadTarget) async throws(StepEnd) {
        if !location.key.isEmpty, !location.key.hasSuffix("/") {
            let keys = try await list(prefix: location.key)
            if keys.contains(location.key) {
                let path = try target.file(named: DownloadTarget.lastPart(of: location.key), context)
                return try await get(location.key, path, checksum: checksum)
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

    private func get(_ key: String, _ path: String, checksum: String? = nil) async throws(StepEnd) {
        try await context.download(transfer(location.url(of: key), path), checksum: checksum)
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
