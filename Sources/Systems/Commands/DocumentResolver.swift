public import API
public import Documents

/// One version of a document, as commands and runbooks need it. Implemented by the document store.
public protocol DocumentResolver: Sendable {
    /// - Parameters:
    ///   - name: A name, or the ARN of a document of this account.
    ///   - version: A number, `$DEFAULT` or `$LATEST`; nil for the default.
    /// - Throws: `ServiceError` with `.invalidDocument` or `.invalidDocumentVersion`.
    func resolve(_ name: String, version: String?) async throws -> ResolvedDocument

    /// A piece of a document's text or of an attachment, for a node whose step asks for it.
    /// - Throws: as `resolve`; `.invalidDocument` too where the document has no such attachment.
    func piece(_ request: ContentRequest) async throws -> (piece: ContentPiece, bytes: [UInt8])
}

/// A document found by its name and version.
public struct ResolvedDocument: Sendable {
    public let name: String
    /// The number of the version.
    public let version: String
    /// The text as stored.
    public let content: String
    public let document: Document

    public init(name: String, version: String, content: String, document: Document) {
        self.name = name
        self.version = version
        self.content = content
        self.document = document
    }
}
