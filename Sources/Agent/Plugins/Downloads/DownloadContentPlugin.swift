internal import API
internal import Core
internal import Documents
internal import Platform

/// `aws:downloadContent`: brings files from elsewhere to the node.
///
/// Beside the sources of Systems Manager it knows `LocalPath`, and a `checksum` (SHA-256) of what is one file.
/// - Source: Systems Manager user guide, "aws:downloadContent".
struct DownloadContentPlugin: Plugin {
    private static let sources = ["GitHub", "Git", "HTTP", "S3", "SSMDocument", "LocalPath"]

    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        let inputs = PluginInputs(inputs, of: "aws:downloadContent")
        let source = PluginInputs(
            try await Self.withCredentials(try inputs.map("sourceInfo"), context), of: "sourceInfo")
        let target = try DownloadTarget(try inputs.text("destinationPath") ?? "", context)
        switch try inputs.required("sourceType") {
        case "GitHub": try await GitDownload(gitHub: source, context).run(to: target)
        case "Git": try await GitDownload(git: source, context).run(to: target)
        case "HTTP": try await Self.http(source, target, context)
        case "S3": try await S3Download(source, context).run(to: target)
        case "SSMDocument": try await Self.document(source, target, context)
        case "LocalPath": try await Self.local(source, target, context)
        case let other:
            throw .failure("sourceType must be \(Self.sources.joined(separator: ", ")), not \(other)")
        }
        return .exited(code: 0)
    }

    /// The inputs that may refer to SecureStrings of Parameter Store.
    private static let credentials = ["tokenInfo", "privateSSHKey", "username", "password"]

    private static func withCredentials(_ source: JSON, _ context: StepContext) async throws(StepEnd) -> JSON {
        var source = source
        for key in credentials {
            let names = StoredParameters.names(in: source[key] ?? .null, space: .secret)
            guard !names.isEmpty, let value = source[key] else { continue }
            let stored = try await StoredParameters(
                names, space: .secret, in: context.command.id, agent: context.agent, clock: context.clock)
            do throws(DocumentError) {
                source[key] = try stored.resolve(value)
            } catch {
                throw .failure("\(error)")
            }
        }
        return source
    }

    private static func http(
        _ source: PluginInputs, _ target: DownloadTarget, _ context: StepContext
    ) async throws(StepEnd) {
        let url = try source.required("url")
        let user = try source.text("username") ?? ""
        let password = try source.text("password") ?? ""
        let credentials: WebTransfer.Credentials
        switch try source.text("authMethod") ?? "None" {
        case "None": credentials = .none
        case "Basic": credentials = .basic(user: user, password: password)
        case "Digest": credentials = .digest(user: user, password: password)
        case let other: throw .failure("authMethod must be None, Basic or Digest, not \(other)")
        }
        let path = try target.file(named: DownloadTarget.lastPart(ofURL: url), context)
        let allowsPlainHTTP = try source.flag("allowInsecureDownload")
        if url.lowercased().hasPrefix("http://"), !allowsPlainHTTP {
            throw .failure("\(url) is not HTTPS; set allowInsecureDownload to true if that will do")
        }
        try await context.download(
            WebTransfer(url, to: path, credentials: credentials, allowsPlainHTTP: allowsPlainHTTP),
            checksum: try source.text("checksum"))
    }

    private static func document(
        _ source: PluginInputs, _ target: DownloadTarget, _ context: StepContext
    ) async throws(StepEnd) {
        let reference = DocumentReference(try source.required("name"))
        let (piece, text) = try await context.document(reference)
        let ending = piece.format == "TEXT" ? "txt" : piece.format.lowercased()
        let path = try target.file(named: "\(piece.name).\(ending)", context)
        try context.files { () throws(FileError) in try Files.write(text, to: path, mode: 0o644) }
        await context.output.write("Content downloaded to \(path)")
        // Apart from the document, which whoever runs it may look for by its directory.
        let directory = Files.parent(of: path) + "/attachments"
        for name in piece.attachments {
            try context.files { () throws(FileError) in try Files.createDirectory(directory) }
            let path = "\(directory)/\(name)"
            try await context.download(attachment: name, of: piece, to: path)
            try context.files { () throws(FileError) in try Files.setMode(contentMode, of: path) }
            await context.output.write("Content downloaded to \(path)")
        }
    }

    private static func local(
        _ source: PluginInputs, _ target: DownloadTarget, _ context: StepContext
    ) async throws(StepEnd) {
        let from = try source.required("path")
        guard from.hasPrefix("/") else { throw .failure("the path \(from) of a LocalPath must be absolute") }
        let path = try await target.copy(from, context)
        if !Files.isDirectory(path) { try context.verify(path, try source.text("checksum")) }
        await context.output.write("Content downloaded to \(path)")
    }
}

/// Where a download goes: into a directory, or to a file of a name of its own.
struct DownloadTarget {
    private let path: String
    private let isDirectory: Bool

    /// - Parameter text: `destinationPath`: empty for the command's downloads; a directory where it ends in `/` or is
    ///   one already; else the name that the content shall have.
    init(_ text: String, _ context: StepContext) throws(StepEnd) {
        var path = text.isEmpty ? context.downloads : try context.path(text)
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        isDirectory = text.isEmpty || text.hasSuffix("/") || Files.isDirectory(path)
    }

    /// The directory itself, made where there is none, for contents of several files.
    func directory(_ context: StepContext) throws(StepEnd) -> String {
        try context.files { () throws(FileError) in try Files.createDirectory(path, mode: 0o755) }
        return path
    }

    /// The path of a file, its directory made.
    /// - Parameter name: Where the target is a directory.
    func file(named name: String, _ context: StepContext) throws(StepEnd) -> String {
        guard isDirectory else {
            try context.files { () throws(FileError) in try Files.createDirectory(Files.parent(of: path)) }
            return path
        }
        return try directory(context) + "/" + name
    }

    /// Copies a file or a directory of the node; the content of a directory, where the target is one.
    /// - Returns: Where it is now.
    func copy(_ from: String, _ context: StepContext) async throws(StepEnd) -> String {
        guard Files.exists(from) else { throw .failure("there is no \(from)") }
        let program = try context.require("cp", for: "a copy")
        let isTree = Files.isDirectory(from)
        let to = isTree ? try directory(context) : try file(named: DownloadTarget.lastPart(of: from), context)
        try await context.perform(
            context.request(program, ["-R", "--", isTree ? from + "/." : from, to]), "the copy of \(from)")
        return to
    }

    /// The last part of a path; `download` where it has none.
    static func lastPart(of path: String) -> String {
        let part = path.split(separator: "/").last.map(String.init) ?? ""
        return ["", ".", ".."].contains(part) ? "download" : part
    }

    /// The last part of a URL's path, without query and fragment.
    static func lastPart(ofURL url: String) -> String {
        let bare = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = bare.firstRange(of: "://") else { return lastPart(of: String(bare)) }
        let parts = bare[scheme.upperBound...].split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        return lastPart(of: parts.joined(separator: "/"))
    }
}

/// Of files whose source tells no mode: as at AWS, a script among them can be run as it is.
private let contentMode: UInt32 = 0o755

extension StepContext {
    /// Downloads one URL as content of the command.
    /// - Parameter checksum: As for `verify`.
    /// - Throws: `StepEnd` with what went wrong; the file is then gone.
    func download(_ transfer: WebTransfer, checksum: String?) async throws(StepEnd) {
        try await self.transfer(transfer)
        try verify(transfer.path, checksum)
        try files { () throws(FileError) in try Files.setMode(contentMode, of: transfer.path) }
        await output.write("Content downloaded to \(transfer.path)")
    }

    /// Downloads one URL to a file.
    /// - Throws: `StepEnd` with what went wrong; the file is then gone.
    func transfer(_ transfer: WebTransfer) async throws(StepEnd) {
        let curl = try require("curl", for: "a download")
        let ending = try await run(transfer.request(curl: curl, environment: downloadEnvironment))
        if ending == .exited(code: 0) {
            // An empty answer leaves no file.
            if !Files.exists(transfer.path) {
                try files { () throws(FileError) in try Files.write([], to: transfer.path) }
            }
            return
        }
        if Files.exists(transfer.path) { try files { () throws(FileError) in try Files.remove(transfer.path) } }
        guard case .exited(let code) = ending, let problem = transfer.problem(exitCode: code) else {
            throw .stopped(ending)
        }
        throw .failure("the download of \(transfer.url): \(problem)")
    }

    /// Compares a file's SHA-256 with the one expected.
    /// - Parameter checksum: Hexadecimal digits, perhaps after `sha256:`; nil for none.
    func verify(_ path: String, _ checksum: String?) throws(StepEnd) {
        guard var wanted = checksum?.lowercased() else { return }
        if wanted.hasPrefix("sha256:") { wanted.removeFirst("sha256:".count) }
        let found = try files { () throws(FileError) in
            let reader = try FileReader(path)
            var sum = SHA256()
            while true {
                let piece = try reader.next()
                if piece.isEmpty { return sum.hexadecimal() }
                sum.update(piece)
            }
        }
        guard found == wanted else {
            try files { () throws(FileError) in try Files.remove(path) }
            throw .failure("the SHA-256 of \(path) is \(found), it should be \(wanted); the file was removed")
        }
    }
}
