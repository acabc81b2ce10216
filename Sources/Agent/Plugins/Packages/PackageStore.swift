internal import Core
internal import Platform

/// The packages of ours that are installed on this node, each with its scripts, for a later uninstallation.
///
///     DIRECTORY/NAME/installed.json   Version
///     DIRECTORY/NAME/files/           the archive's content
struct PackageStore {
    let directory: String

    /// The version of a package; nil where it is not installed.
    func installed(_ name: String) throws(FileError) -> String? {
        let path = self.path(name) + "/installed.json"
        guard Files.exists(path) else { return nil }
        let bytes = try Files.read(path)
        guard let version = (try? JSON(parsing: bytes))?["Version"]?.string else {
            throw FileError("understand", path, errno: 22)
        }
        return version
    }

    /// Notes that a package's installation is done.
    func add(_ name: String, version: String) throws(FileError) {
        let content: JSON = ["Version": .string(version)]
        try Files.write(content.bytes, to: path(name) + "/installed.json", mode: 0o600)
    }

    /// Forgets a package and removes its files.
    func remove(_ name: String) throws(FileError) {
        // First what says that it is installed: its scripts must not run twice.
        let mark = path(name) + "/installed.json"
        if Files.exists(mark) { try Files.remove(mark) }
        if Files.exists(path(name)) { try Files.remove(path(name)) }
    }

    /// Where a package's files are.
    func files(_ name: String) -> String { path(name) + "/files" }

    /// A name cannot lead out of the directory.
    private func path(_ name: String) -> String {
        directory + "/" + PercentEncoding.encode(name.utf8).split(separator: ".", omittingEmptySubsequences: false)
            .joined(separator: "%2E")
    }
}
