public import Core

/// A command document (schemas 1.2, 2.0, 2.2) or a runbook (schema 0.3), its content validated.
///
/// A valid document is not yet one that runs here: ``checkExecutable()`` tells.
/// - Source: Systems Manager user guide, "Document schemas and features".
public struct Document: Sendable, Hashable {
    /// The versions that are understood, each by its own text.
    public enum Schema: String, Sendable {
        case command12 = "1.2"
        case command20 = "2.0"
        case command22 = "2.2"
        case runbook = "0.3"
    }

    /// What the document does.
    public enum Body: Sendable, Hashable {
        case command([CommandStep])
        case runbook(Runbook)
    }

    /// The version it is written in.
    public let schema: Schema
    /// For people; Markdown in runbooks.
    public let description: String?
    /// In the order written.
    public let parameters: [DocumentParameter]
    /// Steps, or a graph of steps.
    public let body: Body
    /// The whole text, for checks that look everywhere.
    let source: Node

    /// Reads and validates the text of a document.
    /// - Parameters:
    ///   - content: UTF-8, YAML or JSON, at most `Limits.documentBytesMax` bytes.
    ///   - fileName: Chooses between YAML and JSON by its ending; without one a leading `{` means JSON.
    /// - Throws: `DocumentError` with the place; `.syntax`, `.schemaVersion`, `.unknownAction` or `.content`.
    public init(parsing content: [UInt8], fileName: String? = nil) throws(DocumentError) {
        try self.init(parsing: try Node(document: content, fileName: fileName))
    }

    /// Validates a document read already.
    public init(parsing node: Node) throws(DocumentError) {
        _ = try node.map("a document")
        let schema = try Schema(reading: node)
        self.schema = schema
        description = node["description"]?.plainText
        parameters = try DocumentParameter.list(in: node, key: "parameters", schema: schema)
        body =
            switch schema {
            case .command12: .command(try CommandStep.list(runtimeConfig: node))
            case .command20, .command22: .command(try CommandStep.list(mainSteps: node))
            case .runbook: .runbook(try Runbook(reading: node))
            }
        source = node
        if case .runbook(let runbook) = body { try RunbookValidation(self, runbook).run() }
    }

    static func checkSize(of content: [UInt8]) throws(DocumentError) {
        guard content.count > Limits.documentBytesMax else { return }
        throw DocumentError(
            .syntax, "a document may have \(Limits.documentBytesMax) bytes, this one has \(content.count)")
    }

    /// The declaration of that name.
    public subscript(parameter name: String) -> DocumentParameter? { parameters.first { $0.name == name } }

    /// The steps of a command document; empty for a runbook.
    public var commandSteps: [CommandStep] {
        if case .command(let steps) = body { steps } else { [] }
    }

    /// The runbook; nil for a command document.
    public var runbook: Runbook? {
        if case .runbook(let runbook) = body { runbook } else { nil }
    }
}

extension Document.Schema {
    init(reading node: Node) throws(DocumentError) {
        let version = try node.required("schemaVersion", of: "a document")
        let text = try version.text("schemaVersion")
        switch text {
        case "1.2": self = .command12
        case "1.0" where node["sessionType"] == nil: self = .command12
        case "2.0", "2.0.1", "2.0.2", "2.0.3": self = .command20
        case "2.2": self = .command22
        case "0.3": self = .runbook
        default:
            let known = "commands have 2.2 (or the older 2.0 and 1.2), runbooks 0.3"
            throw DocumentError(.schemaVersion, "schemaVersion \"\(text)\" is unknown: \(known)", at: version.position)
        }
    }
}
