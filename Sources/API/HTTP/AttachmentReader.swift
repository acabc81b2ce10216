/// Hands out attachments of documents to whoever has a link. Implemented by `Systems`; called by `Gateway`.
public protocol AttachmentReader: Sendable {
    /// The bytes of an attachment.
    /// - Parameter link: What follows ``attachmentsPath`` in the link.
    /// - Throws: `ServiceError` `.accessDenied` for a link that is not of this server, or whose time is over;
    ///   `.resourceNotFound` for one whose attachment was deleted.
    func attachment(at link: String) async throws -> [UInt8]
}

/// Where links to attachments lead at the HTTP endpoint.
public let attachmentsPath = "/_opsbus/attachments/"
