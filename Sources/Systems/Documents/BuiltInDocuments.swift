internal import Core
internal import Documents

/// Documents that every account has, by the names and parameters that users of Systems Manager know.
enum BuiltInDocuments {
    static let all: [String: DocumentVersion] = Dictionary(
        uniqueKeysWithValues: (scripts + software + runbooks).map { ($0.name, $0) })

    /// Documents that users may ask for by name and that need what OpsBus does not have, with what that is.
    static let refused: [String: String] = {
        var refused: [String: String] = [:]
        func refuse(_ names: [String], needing what: String) {
            for name in names { refused[name] = "needs \(what), which OpsBus does not have." }
        }
        refuse(
            ["AWS-RunPatchBaseline", "AWS-RunPatchBaselineWithHooks", "AWS-RunPatchBaselineAssociation"],
            needing: "Patch Manager")
        refuse(["AWS-RefreshAssociation"], needing: "State Manager")
        refuse(
            [
                "AWS-StartPortForwardingSession", "AWS-StartPortForwardingSessionToRemoteHost", "AWS-StartSSHSession",
                "AWS-StartInteractiveCommand",
            ], needing: "Session Manager")
        let ofInstances = ["Start", "Stop", "Restart", "Terminate"].map { "AWS-\($0)EC2Instance" }
        refuse(
            ofInstances + ofInstances.map { $0 + "WithApproval" } + [
                "AWS-CreateImage", "AWS-DeleteImage", "AWS-CreateSnapshot", "AWS-DeleteSnapshot", "AWS-CopySnapshot",
                "AWS-AttachEBSVolume", "AWS-ResizeInstance",
            ], needing: "EC2")
        return refused
    }()

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
