import API
import Access
import Core
import Platform
import TestSupport

@testable import Gateway

/// The gateway without its server: a request in, its answer out.
struct TestHandler {
    let handler: RequestHandler

    init(
        _ mode: AuthenticationMode = .development, credentials: any CredentialSource = NoCredentials(),
        clock: any Platform.Clock = ManualClock(), resetToken: String? = nil,
        attachments: (any AttachmentReader)? = nil,
        reset: @escaping @Sendable (OperationContext) async throws -> Void = { _ in }
    ) {
        handler = RequestHandler(
            operations: TestOperations().table, account: Account(), publisher: EchoingPublisher(),
            authentication: Authentication(mode: mode, verifier: SignatureVerifier(credentials), clock: clock),
            maintenance: MaintenanceRoutes(resetToken: resetToken, reset: reset, attachments: attachments))
    }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        await withCheckedContinuation { continuation in
            handler.handle(request) { continuation.resume(returning: $0) }
            handler.finishRound()
        }
    }

    /// A call in AWS JSON 1.1.
    func json(
        _ target: String, _ body: String = "{}", headers: [(name: String, value: String)] = []
    ) async -> HTTPResponse {
        var request = HTTPRequest(target: "/")
        request.method = "POST"
        request.headers =
            [
                ("host", "localhost"), ("x-amz-target", target), ("content-type", "application/x-amz-json-1.1"),
            ] + headers
        request.body = Array(body.utf8)
        return await answer(request)
    }

    /// A call in the Query protocol.
    func query(_ form: String, target: String = "/") async -> HTTPResponse {
        var request = HTTPRequest(target: target)
        request.method = "POST"
        request.headers = [
            ("host", "localhost:7400"), ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ]
        request.body = Array(form.utf8)
        return await answer(request)
    }

    /// A call in REST-JSON.
    func rest(
        _ method: String, _ target: String, _ body: String = "", headers: [(name: String, value: String)] = []
    ) async -> HTTPResponse {
        var request = HTTPRequest(target: target)
        request.method = method
        request.headers = [("host", "localhost")] + headers
        request.body = Array(body.utf8)
        return await answer(request)
    }
}

struct NoCredentials: CredentialSource {
    func credential(forAccessKey identifier: String) -> Credential? { nil }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }

    var json: JSON { (try? JSON(parsing: body)) ?? .null }

    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}
