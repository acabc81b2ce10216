internal import Core
internal import Documents
internal import Platform

/// What is asked about a package of ours.
struct PackageRequest {
    let name: String
    /// Whether a new version is put over an old one, rather than the old one being uninstalled first.
    let isUpdate: Bool
    /// For the scripts.
    let environment: [String: String]
    let context: StepContext
}

/// A package of ours being installed or uninstalled by its own scripts.
///
/// A package is a directory, a `.tar.gz` or a `.zip` with `install.sh` and `uninstall.sh`, perhaps `update.sh` for
/// in-place updates, and perhaps `manifest.json` with the `version`. Scripts run in the directory of their files.
struct PackageScripts {
    private let request: PackageRequest
    private let store: PackageStore
    private var context: StepContext { request.context }
    private var name: String { request.name }

    init(_ request: PackageRequest, _ store: PackageStore) {
        self.request = request
        self.store = store
    }

    /// - Parameters:
    ///   - source: The directory or the archive.
    ///   - version: Nil for what its manifest says.
    func install(from source: String, version: String?) async throws(StepEnd) -> CommandStepEnding {
        let unpacked = context.directory + "/package"
        try await unpack(source, to: unpacked)
        let declared = try manifestVersion(unpacked)
        let version = version ?? declared
        let old = try context.files { () throws(FileError) in try store.installed(name) }
        if old == version {
            await context.output.write("\(name) \(version) is installed already")
            return .exited(code: 0)
        }
        let updates = old != nil && request.isUpdate
        if let old, !updates {
            let ending = try await script("uninstall.sh", in: store.files(name))
            guard ending == .exited(code: 0) else { return ending }
            try context.files { () throws(FileError) in try store.remove(name) }
            await context.output.write("\(name) \(old) uninstalled")
        }
        let hasUpdate = updates && Files.exists(unpacked + "/update.sh")
        // The new files are in place before their script runs, which may refer to them.
        try await replaceFiles(by: unpacked)
        let ending = try await script(hasUpdate ? "update.sh" : "install.sh", in: store.files(name))
        guard ending == .exited(code: 0) else { return ending }
        try context.files { () throws(FileError) in try store.add(name, version: version) }
        await context.output.write("\(name) \(version) installed")
        return ending
    }

    func uninstall() async throws(StepEnd) -> CommandStepEnding {
        guard let version = try context.files({ () throws(FileError) in try store.installed(name) }) else {
            await context.output.write("\(name) is not installed")
            return .exited(code: 0)
        }
        let ending = try await script("uninstall.sh", in: store.files(name))
        guard ending == .exited(code: 0) else { return ending }
        try context.files { () throws(FileError) in try store.remove(name) }
        await context.output.write("\(name) \(version) uninstalled")
        return ending
    }

    private func unpack(_ source: String, to directory: String) async throws(StepEnd) {
        try context.files { () throws(FileError) in
            if Files.exists(directory) { try Files.remove(directory) }
            try Files.createDirectory(directory, mode: 0o700)
        }
        guard Files.exists(source) else { throw .failure("there is no package at \(source)") }
        if Files.isDirectory(source) {
            let cp = try context.require("cp", for: "a package")
            try await context.perform(context.request(cp, ["-R", "--", source + "/.", directory]), "the copy")
        } else if source.hasSuffix(".zip") {
            let unzip = try context.require("unzip", for: "a package in a .zip archive")
            try await context.perform(context.request(unzip, ["-q", source, "-d", directory]), "unzip of \(source)")
        } else {
            let tar = try context.require("tar", for: "a package in a .tar.gz archive")
            try await context.perform(context.request(tar, ["-xzf", source, "-C", directory]), "tar of \(source)")
        }
        guard Files.exists(directory + "/install.sh"), Files.exists(directory + "/uninstall.sh") else {
            throw .failure("the package \(name) lacks install.sh or uninstall.sh at its top")
        }
    }

    private func manifestVersion(_ directory: String) throws(StepEnd) -> String {
        let path = directory + "/manifest.json"
        guard Files.exists(path) else { return "1" }
        let bytes = try context.files { () throws(FileError) in try Files.read(path, bytesMax: 1 << 20) }
        guard let version = (try? JSON(parsing: bytes))?["version"]?.plainText else {
            throw .failure("manifest.json of the package \(name) is no JSON object with a version")
        }
        return version
    }

    private func replaceFiles(by directory: String) async throws(StepEnd) {
        let files = store.files(name)
        try context.files { () throws(FileError) in
            if Files.exists(files) { try Files.remove(files) }
            try Files.createDirectory(Files.parent(of: files), mode: 0o700)
        }
        let mv = try context.require("mv", for: "a package")
        try await context.perform(context.request(mv, ["--", directory, files]), "the move to \(files)")
    }

    private func script(_ script: String, in directory: String) async throws(StepEnd) -> CommandStepEnding {
        guard Files.exists("\(directory)/\(script)") else {
            throw .failure("the package \(name) has no \(script)")
        }
        var environment = request.environment
        environment["SSM_PACKAGE_NAME"] = name
        return try await context.run(
            context.request("/bin/sh", ["./" + script], environment: environment, directory: directory))
    }
}
