internal import API
internal import Core
internal import Documents
internal import Platform
internal import Storage

/// Brings the attachments of a new version to the server, by the addresses that the request names.
///
/// `https://`, `http://` and `s3://` are read by the program `curl`. `file://` is of the server's own machine, and
/// read for its own principal only: others could else read what they have no business with.
struct AttachmentLoader: Sendable {
    /// An attachment and, where it is new, its bytes.
    struct Loaded: Sendable {
        let attachment: DocumentVersion.Attachment
        /// Nil where another version has the same.
        let bytes: [UInt8]?

        /// Makes sure that the bytes are kept.
        func keep(_ transaction: borrowing Transaction) throws {
            if let bytes {
                try transaction.execute(
                    "INSERT OR IGNORE INTO document_contents (hash, content) VALUES (?, ?)", attachment.hash, bytes)
                return
            }
            let count: Int? = try transaction.queryOne(
                "SELECT count(*) FROM document_contents WHERE hash = ?", attachment.hash
            ) { try $0[0] }
            guard count == 1 else { throw refusal("The attachment \(attachment.name) was deleted meanwhile.") }
        }
    }

    let store: DocumentStore
    let processes: ProcessLoop
    /// For files on their way.
    let directory: String
    /// Of `curl`, and the keys for S3.
    let environment: [String: String]

    private static let timeout = Duration.seconds(60)

    /// - Parameters:
    ///   - sources: `Attachments` of the request.
    ///   - content: The document's own text: a package lists its files there, with their hashes.
    /// - Throws: `ServiceError` `.invalidDocumentContent` where an attachment cannot be read, is too large, or is not
    ///   what a package's text says.
    func load(
        _ sources: JSON?, for text: DocumentText, _ content: String, _ context: OperationContext
    ) async throws -> [Loaded] {
        let package = text.type == .package ? try Self.package(content, text.format) : nil
        var loaded: [Loaded] = []
        for source in sources?.array ?? [] {
            let value = source["Values"]?[0]?.string ?? ""
            switch source["Key"]?.string {
            case "SourceUrl":
                let names = try Self.names(source, package)
                for name in names { loaded.append(try await fetch("\(Self.directory(value))/\(name)", name, context)) }
            case "S3FileUrl":
                let name = source["Name"]?.string ?? value.split(separator: "/").last.map(String.init) ?? ""
                loaded.append(try await fetch(value, name, context))
            case "AttachmentReference":
                loaded.append(try await reference(value, name: source["Name"]?.string))
            default: throw refusal("An attachment needs a Key.")
            }
        }
        let names = loaded.map(\.attachment.name)
        guard Set(names).count == names.count else { throw refusal("Two attachments have the same name.") }
        guard names.count <= DocumentOperations.attachmentsMax else {
            throw refusal("A version may have \(DocumentOperations.attachmentsMax) attachments.")
        }
        try Self.check(loaded, package)
        return loaded
    }

    private static func package(_ content: String, _ format: DocumentFormat) throws(ServiceError) -> PackageManifest {
        do throws(DocumentError) {
            return try PackageManifest(parsing: Array(content.utf8), format: format)
        } catch {
            throw refusal(error.description)
        }
    }

    /// The files of a package by their hashes.
    private static func check(_ loaded: [Loaded], _ package: PackageManifest?) throws(ServiceError) {
        for file in (package?.files.values.sorted { $0.name < $1.name }) ?? [] {
            guard let found = loaded.first(where: { $0.attachment.name == file.name }) else {
                throw refusal("The package lists the file \(file.name), which is not attached.")
            }
            guard found.attachment.hash == file.sha256 else {
                throw refusal(
                    "The SHA-256 of \(file.name) is \(found.attachment.hash); the package says \(file.sha256).")
            }
        }
    }

    private static func names(_ source: JSON, _ package: PackageManifest?) throws(ServiceError) -> [String] {
        if let name = source["Name"]?.string { return [name] }
        guard let package else { throw refusal("An attachment by SourceUrl needs a Name.") }
        return package.files.keys.sorted()
    }

    private static func directory(_ url: String) -> String {
        url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    // MARK: Reading

    private func fetch(_ url: String, _ name: String, _ context: OperationContext) async throws -> Loaded {
        try DocumentShapes.attachmentName.validate(.string(name), at: "attachments.name")
        let bytes = try await bytes(of: url, context)
        return Loaded(
            attachment: DocumentVersion.Attachment(name: name, hash: sha256(bytes), size: bytes.count), bytes: bytes)
    }

    private func bytes(of url: String, _ context: OperationContext) async throws -> [UInt8] {
        if url.hasPrefix("file://") {
            guard context.principal == .local else {
                throw ServiceError(.accessDenied, "Attachments by file:// are for the server's own principal only.")
            }
            return try Self.read(String(url.dropFirst("file://".count)), url)
        }
        var transfer = WebTransfer(url, to: "", bytesMax: Limits.attachmentBytesMax, timeout: Self.timeout)
        transfer.allowsPlainHTTP = true
        if url.hasPrefix("s3://") || url.contains(".amazonaws.com/") {
            guard let location = S3Location(url, environment: environment) else {
                throw refusal("\(url) is no object.")
            }
            transfer.url = location.url(of: location.key)
            transfer.credentials = location.credentials(environment: environment)
        }
        var generator = SystemRandomNumberGenerator()
        transfer.path = "\(directory)/attachment-\(Identifier(using: &generator))"
        defer { if Files.exists(transfer.path) { try? Files.remove(transfer.path) } }
        try await run(transfer, url)
        return Files.exists(transfer.path) ? try Self.read(transfer.path, url) : []
    }

    private func run(_ transfer: WebTransfer, _ url: String) async throws {
        let places = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        guard let curl = places.map({ "\($0)/curl" }).first(where: Files.isExecutable) else {
            throw ServiceError(.unsupportedOperation, "The server needs the program curl to read \(url); install it.")
        }
        let output: CollectedOutput
        do {
            output = try await processes.start(transfer.request(curl: curl, environment: environment)).collect()
        } catch {
            throw refusal("\(url) cannot be read: \(error)")
        }
        let code =
            switch output.outcome.status {
            case .exited(let code): Int(code)
            case .signalled(let signal): 128 + Int(signal)
            }
        guard let problem = output.outcome.stopped == nil ? transfer.problem(exitCode: code) : "it took too long" else {
            return
        }
        throw refusal("\(url) cannot be read: \(problem).")
    }

    private static func read(_ path: String, _ url: String) throws(ServiceError) -> [UInt8] {
        do throws(FileError) {
            return try Files.read(path, bytesMax: Limits.attachmentBytesMax)
        } catch {
            throw refusal("\(url) cannot be read: \(error)")
        }
    }

    /// - Parameter value: `DOCUMENT:VERSION/ATTACHMENT`
    private func reference(_ value: String, name: String?) async throws -> Loaded {
        guard let slash = value.lastIndex(of: "/"), let colon = value[..<slash].lastIndex(of: ":") else {
            throw refusal("An AttachmentReference has the form DOCUMENT:VERSION/ATTACHMENT, not \(value).")
        }
        let wanted = String(value[value.index(after: slash)...])
        let version = try await store.find(
            String(value[..<colon]), version: String(value[value.index(after: colon)..<slash]))
        guard var attachment = version.attachments.first(where: { $0.name == wanted }) else {
            throw refusal("\(version.name) version \(version.number) has no attachment \(wanted).")
        }
        attachment.name = name ?? wanted
        return Loaded(attachment: attachment, bytes: nil)
    }
}

private func refusal(_ message: String) -> ServiceError { ServiceError(.invalidDocumentContent, message) }
