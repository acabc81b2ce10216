internal import Core
internal import Documents

/// Documents that every account has, by the names and parameters that users of Systems Manager know.
enum BuiltInDocuments {
    static let all: [String: DocumentVersion] = Dictionary(
        uniqueKeysWithValues: (scripts + software).map { ($0.name, $0) })

    /// Documents that users may ask for by name and that need what OpsBus does not have yet, with what that is.
    static let refused = [
        "AWS-RunPatchBaseline": needs("Patch Manager"),
        "AWS-RunPatchBaselineWithHooks": needs("Patch Manager"),
        "AWS-RunPatchBaselineAssociation": needs("Patch Manager"),
        "AWS-RefreshAssociation": needs("State Manager"),
    ]

    private static func needs(_ what: String) -> String { "needs \(what), which OpsBus does not have yet." }

    /// - Parameter content: YAML, of a valid document.
    static func document(
        _ name: String, type: DocumentType = .command, schema: String = "2.2", platforms: [PlatformType] = [.linux],
        _ content: String
    ) -> DocumentVersion {
        DocumentVersion(
            name: name, number: 1, content: content, format: .yaml, type: type.rawValue, schema: schema,
            hash: sha256(Array(content.utf8)), created: Timestamp(seconds: 0), platforms: platforms.map(\.rawValue))
    }
}
