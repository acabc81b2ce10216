internal import Core

/// What a document is for. The text of each type has its own rules.
/// - Source: SSM API model, `DocumentType`.
public enum DocumentType: String, Sendable, Hashable, CaseIterable {
    case command = "Command"
    case policy = "Policy"
    case automation = "Automation"
    case session = "Session"
    case package = "Package"
    case changeCalendar = "ChangeCalendar"
    case applicationConfiguration = "ApplicationConfiguration"
    case applicationConfigurationSchema = "ApplicationConfigurationSchema"
    case deploymentStrategy = "DeploymentStrategy"
}

/// How the text of a document is written.
public enum DocumentFormat: String, Sendable, Hashable, CaseIterable {
    case json = "JSON"
    case yaml = "YAML"
    case text = "TEXT"

    /// What a text without a declared format is: JSON where it begins with `{`.
    public init(of content: String) {
        let byteOrderMark: Character = "\u{FEFF}"
        self = content.first { !$0.isWhitespace && $0 != byteOrderMark } == "{" ? .json : .yaml
    }

    /// A name that tells the parser the format.
    public var fileName: String { "document." + rawValue.lowercased() }
}

/// The text of a document of any type, validated as its type demands.
public struct DocumentText: Sendable, Hashable {
    public let type: DocumentType
    public let format: DocumentFormat
    /// As written; empty for types without one.
    public let schemaVersion: String
    public let description: String?
    /// In the order written; empty for types without parameters.
    public let parameters: [DocumentParameter]
    /// Where the document can be used.
    public let platformTypes: [PlatformType]
    /// The commands or the runbook; nil for other types.
    public let document: Document?

    /// - Parameters:
    ///   - content: UTF-8, at most `Limits.documentBytesMax` bytes.
    ///   - type: Nil for what the text shows: a runbook, a session document, a package or else a command document.
    /// - Throws: `DocumentError` with the place, as `Document`; `.content` where the text is of another type.
    public init(checking content: [UInt8], format: DocumentFormat, type: DocumentType?) throws(DocumentError) {
        if type == .changeCalendar || format == .text {
            try Document.checkSize(of: content)
            try Self.checkPlain(content, type ?? .command, format)
            self.init(plain: Node(.null, at: TextPosition(line: 1, column: 1)), format, type ?? .command, platforms: [])
            return
        }
        let node = try Node(document: content, fileName: format.fileName)
        let type = type ?? Self.type(shownBy: node)
        switch type {
        case .command, .policy, .automation: try self.init(reading: node, format, type)
        case .session: try self.init(session: node, format)
        case .package:
            _ = try PackageManifest(reading: node)
            self.init(plain: node, format, type, platforms: PlatformType.allCases)
        case .changeCalendar, .applicationConfiguration, .applicationConfigurationSchema, .deploymentStrategy:
            self.init(plain: node, format, type, platforms: [])
        }
    }

    private static func type(shownBy node: Node) -> DocumentType {
        if node["schemaVersion"]?.plainText == "0.3" { return .automation }
        if node["sessionType"] != nil { return .session }
        return node["packages"] != nil && node["mainSteps"] == nil ? .package : .command
    }

    private init(reading node: Node, _ format: DocumentFormat, _ type: DocumentType) throws(DocumentError) {
        let document = try Document(parsing: node)
        guard (type == .automation) == (document.runbook != nil) else {
            let fit = document.runbook == nil ? "Command or Policy" : "Automation"
            throw DocumentError(
                .content, "a document of schema \(document.schema.rawValue) has the type \(fit), not \(type.rawValue)",
                at: node["schemaVersion"]?.position)
        }
        guard type != .policy || document.schema != .command12 else {
            throw DocumentError(
                .schemaVersion, "a document of type Policy has the schema 2.0 or 2.2, not 1.2",
                at: node["schemaVersion"]?.position)
        }
        self.type = type
        self.format = format
        schemaVersion = try (try node.required("schemaVersion", of: "a document")).text("schemaVersion")
        description = document.description
        parameters = document.parameters
        platformTypes = document.platformTypes
        self.document = document
    }

    private init(plain node: Node, _ format: DocumentFormat, _ type: DocumentType, platforms: [PlatformType]) {
        self.type = type
        self.format = format
        schemaVersion = node["schemaVersion"]?.plainText ?? ""
        description = node["description"]?.plainText
        parameters = []
        platformTypes = platforms
        document = nil
    }

    /// - Source: Systems Manager user guide, "Session document schema".
    private init(session node: Node, _ format: DocumentFormat) throws(DocumentError) {
        _ = try node.map("a session document")
        let version = try node.required("schemaVersion", of: "a session document")
        guard try version.text("schemaVersion") == "1.0" else {
            throw DocumentError(.schemaVersion, "session documents have schemaVersion \"1.0\"", at: version.position)
        }
        let kinds = ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"]
        let kind = try node.required("sessionType", of: "a session document")
        guard kinds.contains(try kind.text("sessionType")) else {
            throw kind.mismatch("sessionType", kinds.joined(separator: ", "))
        }
        for key in ["inputs", "properties"] {
            if let part = node[key], part.value != .null, part.elements == nil { _ = try part.map(key) }
        }
        self.type = .session
        self.format = format
        schemaVersion = "1.0"
        description = node["description"]?.plainText
        parameters = try DocumentParameter.list(in: node, key: "parameters", schema: .command22)
        platformTypes = PlatformType.allCases
        document = nil
    }

    /// Text that is no tree: calendars, and configuration in a format of its own.
    private static func checkPlain(
        _ content: [UInt8], _ type: DocumentType, _ format: DocumentFormat
    ) throws(DocumentError) {
        func refusal(_ message: String) -> DocumentError {
            DocumentError(.content, message, at: TextPosition(line: 1, column: 1))
        }
        switch type {
        case .applicationConfiguration: break
        case .changeCalendar:
            guard format == .text else {
                throw refusal("a change calendar has the format TEXT, not \(format.rawValue)")
            }
            let lines = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline)
            guard lines.first == "BEGIN:VCALENDAR", lines.last == "END:VCALENDAR" else {
                throw refusal("a change calendar is an iCalendar text, from BEGIN:VCALENDAR to END:VCALENDAR")
            }
        default: throw refusal("a document of type \(type.rawValue) is JSON or YAML, not TEXT")
        }
    }

    /// The text in another format.
    /// - Returns: Nil where there is no such form: TEXT stays as it is, and nothing becomes TEXT.
    public static func convert(_ content: String, from format: DocumentFormat, to wanted: DocumentFormat) -> String? {
        if format == wanted { return content }
        guard format != .text, wanted != .text,
            let node = try? Node(parsing: Array(content.utf8), fileName: format.fileName)
        else { return nil }
        return wanted == .json ? node.json.prettyText : node.json.yamlText
    }
}
