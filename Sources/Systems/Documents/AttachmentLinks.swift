public import API
internal import Core
internal import Platform
internal import Storage

/// Links by which attachments are read over HTTP, for an hour and without a key of one's own.
///
///     ENDPOINT/_opsbus/attachments/EXPIRES/SIGNATURE/HASH/NAME
///
/// The key that signs them is made at the start and kept nowhere: links end with the server.
public struct AttachmentLinks: AttachmentReader {
    private static let lifetime = Duration.seconds(3600)

    private let store: DocumentStore
    private let key: [UInt8]

    init(store: DocumentStore) {
        self.store = store
        var random = BlockRandom()
        let words = (0..<4).map { _ in random.next() }
        key = words.withUnsafeBytes(Array.init)
    }

    /// - Parameter endpoint: Which the client called, such as `http://127.0.0.1:7400`.
    func url(of attachment: DocumentVersion.Attachment, at endpoint: String) -> String {
        let expires = String((store.now + Self.lifetime).seconds)
        let file = "\(attachment.hash)/\(attachment.name)"
        return "\(endpoint)\(attachmentsPath)\(expires)/\(signature(expires, file))/\(file)"
    }

    public func attachment(at link: String) async throws -> [UInt8] {
        let parts = link.split(separator: "/", maxSplits: 2).map(String.init)
        guard parts.count == 3, let expires = Int64(parts[0]), store.now < Timestamp(seconds: expires),
            isEqualInConstantTime(Array(parts[1].utf8), Array(signature(parts[0], parts[2]).utf8))
        else {
            throw ServiceError(
                .accessDenied, "The link is none of this server's, or its time is over; ask GetDocument for another.")
        }
        let hash = String(parts[2].prefix { $0 != "/" })
        let bytes: [UInt8]? = try await store.database.read { transaction in
            try transaction.queryOne("SELECT content FROM document_contents WHERE hash = ?", hash) { try $0[0] }
        }
        guard let bytes else { throw ServiceError(.resourceNotFound, "The attachment was deleted.") }
        return bytes
    }

    private func signature(_ expires: String, _ file: String) -> String {
        hmacSHA256(Array("\(expires)/\(file)".utf8), key: key).hexadecimal
    }
}
