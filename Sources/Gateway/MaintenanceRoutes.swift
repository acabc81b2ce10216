internal import API
internal import Core

/// What is no operation of any service: whether the server is well, starting over, and links to attachments.
struct MaintenanceRoutes: Sendable {
    static let prefix = "/_opsbus/"
    static let tokenHeader = "x-opsbus-reset-token"

    /// Nil where nobody may reset.
    let resetToken: String?
    /// Wipes all state.
    let reset: @Sendable (OperationContext) async throws -> Void
    /// What links to attachments lead to.
    var attachments: (any AttachmentReader)?

    /// `GET /_opsbus/health` answers 200 as long as requests are answered. `POST /_opsbus/reset` with the token in the
    /// header `X-OpsBus-Reset-Token` answers 200 when all state is wiped; where no token is set there is no such path.
    /// `GET /_opsbus/attachments/…` answers the bytes of an attachment: the link is the permission.
    func answer(_ request: HTTPRequest, _ identifier: Identifier) async -> HTTPResponse {
        switch (request.method, request.path.dropFirst(MaintenanceRoutes.prefix.count)) {
        case ("GET", "health"), ("HEAD", "health"): return respond(200, ["Status": "ok"], identifier)
        case ("POST", "reset"):
            guard let resetToken else { break }
            let given = request.header(MaintenanceRoutes.tokenHeader) ?? ""
            guard isEqualInConstantTime(Array(given.utf8), Array(resetToken.utf8)) else {
                return fail(ServiceError(.accessDenied, "X-OpsBus-Reset-Token is not the reset token."), identifier)
            }
            do {
                try await reset(OperationContext(principal: .local))
                return respond(200, [:], identifier)
            } catch {
                return fail(ServiceError(.internalFailure, "The reset failed: \(error)"), identifier)
            }
        case ("GET", _), ("HEAD", _):
            guard let attachments, request.path.hasPrefix(attachmentsPath) else { break }
            do {
                let bytes = try await attachments.attachment(at: String(request.path.dropFirst(attachmentsPath.count)))
                return HTTPResponse(200, contentType: "application/octet-stream", body: bytes)
            } catch {
                let failure = error as? ServiceError ?? ServiceError(.internalFailure, "It cannot be read: \(error)")
                return fail(failure, identifier)
            }
        default: break
        }
        return fail(ServiceError(.unknownOperation, "There is no \(request.method) \(request.path)."), identifier)
    }

    private func fail(_ error: ServiceError, _ identifier: Identifier) -> HTTPResponse {
        respond(error.code.status, error.json, identifier)
    }

    private func respond(_ status: Int, _ body: JSON, _ identifier: Identifier) -> HTTPResponse {
        HTTPResponse(
            status, contentType: "application/json", headers: [("x-amzn-RequestId", identifier.description)],
            body: body.bytes)
    }
}
