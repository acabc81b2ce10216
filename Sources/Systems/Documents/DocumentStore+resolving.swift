public import API
internal import Core
internal import Documents
internal import Storage

extension DocumentStore: DocumentResolver {
    public func resolve(_ name: String, version: String?) async throws -> ResolvedDocument {
        let found = try await find(name, version: version)
        do {
            guard let document = try found.text().document else {
                throw ServiceError(
                    .invalidDocument, "Document \(found.name) is of type \(found.type), which holds no steps.")
            }
            return ResolvedDocument(
                name: found.name, version: String(found.number), content: found.content, document: document)
        } catch let error as DocumentError {
            throw ServiceError(.invalidDocument, "Document \(found.name) cannot be read: \(error)")
        }
    }

    public func piece(_ request: ContentRequest) async throws -> (piece: ContentPiece, bytes: [UInt8]) {
        let found = try await find(request.document, version: request.version)
        var piece = ContentPiece(
            name: found.name, version: String(found.number), type: found.type, format: found.format.rawValue,
            attachments: found.attachments.map(\.name), size: found.content.utf8.count, sha256: found.hash)
        guard let name = request.attachment else {
            let bytes = Array(found.content.utf8)
            return (piece, Array(bytes.dropFirst(request.offset).prefix(ContentPiece.bytesMax)))
        }
        guard let attachment = found.attachments.first(where: { $0.name == name }) else {
            throw ServiceError(.invalidDocument, "Document \(found.name) has no attachment \(name).")
        }
        piece.size = attachment.size
        piece.sha256 = attachment.hash
        let bytes: [UInt8]? = try await database.read { transaction in
            try transaction.queryOne(
                "SELECT substr(content, ?, ?) FROM document_contents WHERE hash = ?", request.offset + 1,
                ContentPiece.bytesMax, attachment.hash
            ) { try $0[0] }
        }
        guard let bytes else { throw DocumentStore.missing }
        return (piece, bytes)
    }
}
