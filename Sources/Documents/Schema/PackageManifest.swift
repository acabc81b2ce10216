internal import Core

/// The text of a document of type Package: which archive is for which machine, and the hash of each.
///
///     {"schemaVersion": "2.0", "version": "1.2.0",
///      "packages": {"ubuntu": {"_any": {"x86_64": {"file": "agent.tar.gz"}}}},
///      "files": {"agent.tar.gz": {"checksums": {"sha256": "…"}}}}
/// - Source: Systems Manager user guide, "Create a JSON package manifest".
public struct PackageManifest: Sendable, Hashable {
    /// One archive of the package.
    public struct File: Sendable, Hashable {
        public let name: String
        /// 64 hexadecimal digits, lower case.
        public let sha256: String
    }

    /// Of the package itself; the document has versions of its own.
    public let version: String
    /// Every archive, by its name.
    public let files: [String: File]
    private let packages: JSON

    /// Stands for every platform, version or architecture.
    private static let any = "_any"

    init(reading node: Node) throws(DocumentError) {
        _ = try node.map("a package")
        let schema = try node.required("schemaVersion", of: "a package")
        guard try schema.text("schemaVersion") == "2.0" else {
            throw DocumentError(.schemaVersion, "packages have schemaVersion \"2.0\"", at: schema.position)
        }
        version = try (try node.required("version", of: "a package")).text("version")
        var files: [String: File] = [:]
        for member in try (try node.required("files", of: "a package")).map("files") {
            let owner = "the file \"\(member.key)\""
            let sums = try member.value.required("checksums", of: owner)
            let sum = try sums.required("sha256", of: "checksums of \(owner)")
            let text = try sum.text("sha256 of \(owner)").lowercased()
            guard text.utf8.count == 64, text.allSatisfy(\.isHexDigit) else {
                throw sum.mismatch("sha256 of \(owner)", "64 hexadecimal digits")
            }
            files[member.key] = File(name: member.key, sha256: text)
        }
        self.files = files
        let packages = try node.required("packages", of: "a package")
        try Self.check(packages, files)
        self.packages = packages.json
    }

    /// - Throws: `DocumentError` with the place.
    public init(parsing content: [UInt8], format: DocumentFormat) throws(DocumentError) {
        try self.init(reading: try Node(document: content, fileName: format.fileName))
    }

    private static func check(_ packages: Node, _ files: [String: File]) throws(DocumentError) {
        for platform in try packages.map("packages") {
            for version in try platform.value.map("packages of \"\(platform.key)\"") {
                for architecture in try version.value.map("version \"\(version.key)\" of \"\(platform.key)\"") {
                    let owner = "the package for \(platform.key) \(version.key) \(architecture.key)"
                    let file = try architecture.value.required("file", of: owner)
                    guard files[try file.text("file of \(owner)")] != nil else {
                        throw DocumentError(
                            .content, "\(owner) names a file that \"files\" does not list", at: file.position)
                    }
                }
            }
        }
    }

    /// The archive for a machine: the exact platform, version and architecture before `_any` of each; a version also
    /// by a beginning such as `12*`.
    /// - Parameters:
    ///   - platforms: What the platform may be called, the most special first: `debian`, `linux`.
    ///   - architectures: Likewise: `x86_64`, `amd64`.
    public func file(platforms: [String], version: String, architectures: [String]) -> File? {
        for platform in platforms + [Self.any] {
            guard let versions = packages[platform]?.object else { continue }
            let fitting = versions.filter { Self.fits($0.key, version) }
                .sorted { $0.key != Self.any && $1.key == Self.any }
            for entry in fitting {
                for architecture in architectures + [Self.any] {
                    if let name = entry.value[architecture]?["file"]?.string { return files[name] }
                }
            }
        }
        return nil
    }

    private static func fits(_ pattern: String, _ version: String) -> Bool {
        pattern == any || pattern == version || pattern.hasSuffix("*") && version.hasPrefix(pattern.dropLast())
    }
}
