internal import API
internal import Core
internal import Documents
internal import Platform

/// `aws:configurePackage`: installs or uninstalls a package.
///
/// A package is an archive of ours (from `source`, or from a document of type Package on the server), or else one of
/// the system's own, installed by apt or dnf.
/// - Source: Systems Manager user guide, "aws:configurePackage".
struct ConfigurePackagePlugin: Plugin {
    enum Action: String {
        case install = "Install"
        case uninstall = "Uninstall"
    }

    private static let argumentCharactersMax = 4096

    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        let inputs = PluginInputs(inputs, of: "aws:configurePackage")
        let name = try inputs.required("name")
        let text = try inputs.required("action")
        guard let action = Action(rawValue: text) else {
            throw .failure("the action must be Install or Uninstall, not \(text)")
        }
        let version = try inputs.text("version").flatMap { $0 == "latest" ? nil : $0 }
        let store = PackageStore(directory: context.store.packages)
        if let source = try inputs.text("source") {
            let request = try request(name, action, inputs, context)
            return try await install(request, store, from: source, version: version)
        }
        if action == .uninstall, try context.files({ () throws(FileError) in try store.installed(name) }) != nil {
            return try await PackageScripts(try request(name, action, inputs, context), store).uninstall()
        }
        do throws(StepEnd) {
            let reference = DocumentReference(version.map { "\(name):\($0)" } ?? name)
            let (piece, content) = try await context.document(reference)
            guard piece.type == "Package" else {
                throw .failure("\(name) is a document of type \(piece.type), not Package")
            }
            let request = try request(name, action, inputs, context)
            guard action == .install else { return try await PackageScripts(request, store).uninstall() }
            return try await install(request, store, piece, content)
        } catch .unknownDocument {
            return try await SystemPackages(context).run(action, name, version: version)
        }
    }

    private func request(
        _ name: String, _ action: Action, _ inputs: PluginInputs, _ context: StepContext
    ) throws(StepEnd) -> PackageRequest {
        var environment: [String: String] = [:]
        for argument in try inputs.map("additionalArguments").object ?? JSONObject() {
            guard argument.key.hasPrefix("SSM_"), let value = argument.value.plainText else {
                throw .failure("additionalArguments must be texts by names that begin with SSM_, as \(argument.key)")
            }
            guard value.count <= Self.argumentCharactersMax else {
                throw .failure("\(argument.key) has more than \(Self.argumentCharactersMax) characters")
            }
            environment[argument.key] = value
        }
        let type = try inputs.text("installationType") ?? "Uninstall and reinstall"
        guard ["Uninstall and reinstall", "In-place update"].contains(type) else {
            throw .failure("installationType must be 'Uninstall and reinstall' or 'In-place update', not \(type)")
        }
        return PackageRequest(
            name: name, isUpdate: type == "In-place update", environment: environment, context: context)
    }

    /// From an archive or a directory.
    private func install(
        _ request: PackageRequest, _ store: PackageStore, from source: String, version: String?
    ) async throws(StepEnd) -> CommandStepEnding {
        let context = request.context
        var path = source
        if source.hasPrefix("http://") || source.hasPrefix("https://") {
            try context.files { () throws(FileError) in try Files.createDirectory(context.directory, mode: 0o700) }
            path = context.directory + "/" + DownloadTarget.lastPart(ofURL: source)
            try await context.transfer(WebTransfer(source, to: path))
        } else {
            path = try context.path(source)
        }
        return try await PackageScripts(request, store).install(from: path, version: version)
    }

    /// From a document of type Package.
    private func install(
        _ request: PackageRequest, _ store: PackageStore, _ piece: ContentPiece, _ content: [UInt8]
    ) async throws(StepEnd) -> CommandStepEnding {
        let context = request.context
        let manifest: PackageManifest
        do throws(DocumentError) {
            manifest = try PackageManifest(parsing: content, format: DocumentFormat(rawValue: piece.format) ?? .json)
        } catch {
            throw .failure("the package \(piece.name): \(error)")
        }
        let machine = Machine.current
        guard
            let file = manifest.file(
                platforms: machine.platforms, version: machine.platformVersion, architectures: Machine.architectures)
        else {
            throw .failure(
                "the package \(piece.name) has nothing for \(machine.platforms[0]) \(machine.platformVersion) on "
                    + Machine.architectures[0])
        }
        try context.files { () throws(FileError) in try Files.createDirectory(context.directory, mode: 0o700) }
        let path = context.directory + "/" + DownloadTarget.lastPart(of: file.name)
        try await context.download(attachment: file.name, of: piece, to: path)
        try context.verify(path, file.sha256)
        return try await PackageScripts(request, store).install(from: path, version: manifest.version)
    }
}

/// A package of the system's own.
struct SystemPackages {
    private let context: StepContext

    init(_ context: StepContext) { self.context = context }

    func run(
        _ action: ConfigurePackagePlugin.Action, _ name: String, version: String?
    ) async throws(StepEnd) -> CommandStepEnding {
        guard Self.isName(name), version.map(Self.isName) ?? true else {
            throw .failure("\(name) \(version ?? "") is no name and version of a package")
        }
        let verb = action == .install ? "install" : "remove"
        if let apt = context.program("apt-get") {
            var arguments = [verb, "--yes", "--quiet", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]
            // Whoever names a version wants it in the place of any other.
            if action == .install, version != nil { arguments.append("--allow-downgrades") }
            let package = version.map { "\(name)=\($0)" } ?? name
            return try await context.run(
                context.request(
                    apt, arguments + ["--", package], environment: ["DEBIAN_FRONTEND": "noninteractive"]))
        }
        if let dnf = context.program("dnf") ?? context.program("yum") {
            let package = version.map { "\(name)-\($0)" } ?? name
            // Without the option, an older version that is there would do for the latest.
            return try await context.run(
                context.request(dnf, [verb, "--assumeyes", "--quiet", "--setopt=best=True", "--", package]))
        }
        throw .failure("the package \(name) is no document of type Package, and this node has neither apt-get nor dnf")
    }

    /// What both package managers take for a name or a version, and for nothing else.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-") else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                || "+-.~:_".unicodeScalars.contains(scalar)
        }
    }
}
