import API
import Core
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("What is no operation") struct MaintenanceTests {
    private final class Resets: Sendable {
        let count = Atomic(0)
    }

    @Test("The health of a server that answers is good")
    func health() async throws {
        let answer = await TestHandler(.required).rest("GET", "/_opsbus/health")
        #expect(answer.status == 200)
        #expect(answer.json == ["Status": "ok"])
        #expect(await TestHandler().rest("POST", "/_opsbus/health").status == 404)
    }

    @Test("A reset needs its token, and where there is none there is no reset")
    func reset() async throws {
        let resets = Resets()
        func post(_ handler: TestHandler, _ token: String?) async -> Int {
            let headers = token.map { [(name: "x-opsbus-reset-token", value: $0)] } ?? []
            return await handler.rest("POST", "/_opsbus/reset", headers: headers).status
        }
        let handler = TestHandler(resetToken: "secret", reset: { _ in resets.count.add(1, ordering: .relaxed) })
        #expect(await post(handler, nil) == 403)
        #expect(await post(handler, "secre") == 403)
        #expect(resets.count.load(ordering: .relaxed) == 0)
        #expect(await post(handler, "secret") == 200)
        #expect(resets.count.load(ordering: .relaxed) == 1)
        let read = await handler.rest("GET", "/_opsbus/reset", headers: [("x-opsbus-reset-token", "secret")])
        #expect(read.status == 404)
        #expect(await post(TestHandler(), "") == 404)
        let failing = TestHandler(
            resetToken: "secret", reset: { _ in throw ServiceError(.serviceUnavailable, "the disk is full") })
        #expect(await post(failing, "secret") == 500)
    }

    private struct OneAttachment: AttachmentReader {
        func attachment(at link: String) async throws -> [UInt8] {
            guard link == "1/2/f" else { throw ServiceError(.accessDenied, "none") }
            return [0, 255]
        }
    }

    @Test("A link to an attachment needs no key")
    func attachment() async {
        let handler = TestHandler(.required, attachments: OneAttachment())
        let answer = await handler.rest("GET", attachmentsPath + "1/2/f")
        #expect(answer.status == 200 && answer.body == [0, 255])
        #expect(answer.header("content-type") == "application/octet-stream")
        #expect(await handler.rest("GET", attachmentsPath + "1/2/g").status == 403)
        #expect(await handler.rest("POST", attachmentsPath + "1/2/f").status == 404)
        #expect(await TestHandler().rest("GET", attachmentsPath + "1/2/f").status == 404)
    }
}
