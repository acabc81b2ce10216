public import Core

/// What a node asks for while a command runs on it, a document or one of its attachments: the body of `Fetch`.
public struct ContentRequest: Sendable, Hashable {
    /// The command that needs it; a node that runs none is told nothing.
    public var command: Identifier
    /// Chosen by the node; the answer carries it.
    public var number: Int
    /// A name or an ARN.
    public var document: String
    /// A number, `$DEFAULT` or `$LATEST`; nil for the default.
    public var version: String?
    /// The attachment wanted; nil for the document itself.
    public var attachment: String?
    /// Bytes had already.
    public var offset: Int

    public init(
        command: Identifier, number: Int, document: String, version: String? = nil, attachment: String? = nil,
        offset: Int = 0
    ) {
        self.command = command
        self.number = number
        self.document = document
        self.version = version
        self.attachment = attachment
        self.offset = offset
    }

    /// Nil where a member is missing or of another type.
    public init?(_ body: JSON) {
        guard let command = body["CommandId"]?.string.flatMap({ Identifier($0) }), let number = body["Number"]?.int,
            let document = body["DocumentName"]?.string, let offset = body["Offset"]?.int, offset >= 0
        else { return nil }
        self.init(
            command: command, number: number, document: document, version: body["DocumentVersion"]?.string,
            attachment: body["Attachment"]?.string, offset: offset)
    }

    public var json: JSON {
        var body: JSON = [
            "CommandId": .string(command.description), "Number": .integer(number), "DocumentName": .string(document),
            "Offset": .integer(offset),
        ]
        body["DocumentVersion"] = version.map { .string($0) }
        body["Attachment"] = attachment.map { .string($0) }
        return body
    }
}

/// A piece of what a node asked for: the body of `Fetched`, whose payload is the bytes.
public struct ContentPiece: Sendable, Hashable {
    /// Bytes in one message at most; longer contents are asked for piece by piece.
    public static let bytesMax = 256 << 10

    /// Of the document.
    public var name: String
    /// A number.
    public var version: String
    /// `Command`, `Package` and so on.
    public var type: String
    /// `JSON`, `YAML` or `TEXT`.
    public var format: String
    /// Names of the version's attachments.
    public var attachments: [String]
    /// Of the whole content.
    public var size: Int
    /// Of the whole content, 64 hexadecimal digits.
    public var sha256: String

    public init(
        name: String, version: String, type: String, format: String, attachments: [String], size: Int, sha256: String
    ) {
        self.name = name
        self.version = version
        self.type = type
        self.format = format
        self.attachments = attachments
        self.size = size
        self.sha256 = sha256
    }

    /// Nil where a member is missing or of another type.
    public init?(_ body: JSON) {
        guard let name = body["DocumentName"]?.string, let version = body["DocumentVersion"]?.string,
            let type = body["DocumentType"]?.string, let format = body["DocumentFormat"]?.string,
            let size = body["Size"]?.int, let sha256 = body["Sha256"]?.string
        else { return nil }
        self.init(
            name: name, version: version, type: type, format: format,
            attachments: (body["Attachments"]?.array ?? []).compactMap(\.string), size: size, sha256: sha256)
    }

    public var json: JSON {
        [
            "DocumentName": .string(name), "DocumentVersion": .string(version), "DocumentType": .string(type),
            "DocumentFormat": .string(format), "Attachments": .array(attachments.map { .string($0) }),
            "Size": .integer(size), "Sha256": .string(sha256),
        ]
    }
}
