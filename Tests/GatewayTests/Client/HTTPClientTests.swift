import API
import Foundation
import Platform
import TestSupport
import Testing

@testable import Gateway

@Suite("The HTTP client") struct HTTPClientTests {
    /// Lends a client to the test and stops it.
    private func withClient(
        _ client: HTTPClient = HTTPClient(), _ body: (HTTPClient) async throws -> Void
    ) async throws {
        do {
            try await body(client)
        } catch {
            await client.stop()
            throw error
        }
        await client.stop()
    }

    private func failure(_ client: HTTPClient, _ call: HTTPCall) async -> HTTPFailure? {
        do throws(HTTPFailure) {
            _ = try await client.send(call)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "A request arrives as it was made, whatever its method",
        arguments: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    func request(method: String) async throws {
        try await TestSite.run { running in
            try await withClient { client in
                let body = method == "GET" || method == "HEAD" ? nil : Array("body of \(method)".utf8)
                let answer = try await client.send(
                    HTTPCall(
                        method: method, url: running.url + "/a%20b?q=1&r=%26",
                        headers: [HTTPField("X-One", "1"), HTTPField("X-Two", "a: b, c")], body: body))
                #expect(answer.status == 200)
                let request = try #require(running.site.requests.first)
                #expect(request.method == method && request.path == "/a%20b" && request.query == "q=1&r=%26")
                #expect(request.header("x-one") == "1" && request.header("x-two") == "a: b, c")
                #expect(request.header("expect") == nil)
                #expect(request.body == body ?? [])
                #expect(request.header("content-length") == body.map { "\($0.count)" })
            }
        }
    }

    @Test("A request may have a body of no bytes")
    func emptyBody() async throws {
        try await TestSite.run { running in
            try await withClient { client in
                _ = try await client.send(HTTPCall(method: "POST", url: running.url, body: []))
                #expect(running.site.requests.first?.header("content-length") == "0")
            }
        }
    }

    @Test("An answer has its status, its headers in their order and its body; interim answers are passed over")
    func answer() async throws {
        let site = RawSite(
            "HTTP/1.1 103 Early Hints\r\nEarly: yes\r\n\r\n"
                + "HTTP/1.1 418 Teapot\r\nA: 1\r\na:   2\r\nContent-Length: 5\r\n\r\nshort")
        try await withClient { client in
            let answer = try await client.send(HTTPCall(method: "GET", url: "http://127.0.0.1:\(site.port)/"))
            #expect(answer.status == 418)
            #expect(answer.headers == [HTTPField("A", "1"), HTTPField("a", "2"), HTTPField("Content-Length", "5")])
            #expect(answer.header("A") == "2" && answer.header("Early") == nil)
            #expect(String(decoding: answer.body, as: UTF8.self) == "short")
        }
    }

    @Test("A redirect is an answer like any other: it is not followed")
    func redirect() async throws {
        try await TestSite.run({ _ in HTTPResponse(302, headers: [("Location", "/elsewhere")]) }) { running in
            try await withClient { client in
                let answer = try await client.send(HTTPCall(method: "GET", url: running.url + "/here"))
                #expect(answer.status == 302 && answer.header("location") == "/elsewhere")
                #expect(running.site.requests.map(\.path) == ["/here"])
            }
        }
    }

    @Test("Of a long body so much is kept as is allowed, and the connection stays of use")
    func longBody() async throws {
        let long = [UInt8](repeating: 120, count: HTTPClient.bodyBytesMax + 100_000)
        try await TestSite.run({ _ in HTTPResponse(200, contentType: "text/plain", body: long) }) { running in
            try await withClient { client in
                for _ in 0..<2 {
                    let answer = try await client.send(HTTPCall(method: "GET", url: running.url))
                    #expect(answer.body.count == HTTPClient.bodyBytesMax)
                }
                #expect(running.server.connectionCount == 1)
            }
        }
    }

    @Test("Requests one after the other take one connection")
    func reuse() async throws {
        try await TestSite.run { running in
            try await withClient { client in
                for _ in 0..<5 { _ = try await client.send(HTTPCall(method: "GET", url: running.url)) }
                #expect(running.site.requests.count == 5 && running.server.connectionCount == 1)
            }
        }
    }

    @Test("Many requests at a time get each its own answer")
    func concurrent() async throws {
        try await TestSite.run({ HTTPResponse(200, contentType: "text/plain", body: $0.body) }) { running in
            try await withClient { client in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let body = Array("n\(number)".utf8)
                            let call = HTTPCall(method: "POST", url: running.url, body: body, timeout: .seconds(30))
                            return try await client.send(call).body == body
                        }
                    }
                    for try await isOwn in group { #expect(isOwn) }
                }
            }
        }
    }

    @Test("More requests than may be under way are refused, until others have ended")
    func bounded() async throws {
        let gate = Gate()
        try await TestSite.run({ _ in
            await gate.pass()
            return HTTPResponse(200, headers: [])
        }) { running in
            try await withClient(HTTPClient(underWayMax: 3)) { client in
                let call = HTTPCall(method: "GET", url: running.url, timeout: .seconds(30))
                let held = (0..<3).map { _ in Task { await failure(client, call) } }
                try await eventually("all are at the server") { gate.waitingCount == 3 }
                #expect(await failure(client, call)?.code == .overloaded)
                gate.open()
                for task in held { #expect(await task.value == nil) }
                #expect(await failure(client, call) == nil)
            }
        }
    }

    @Test("An answer that does not come in time is not waited for; what may be secret in the URL is not told")
    func timeout() async throws {
        let gate = Gate()
        defer { gate.open() }
        try await TestSite.run({ _ in
            await gate.pass()
            return HTTPResponse(200, headers: [])
        }) { running in
            try await withClient { client in
                let url = running.url.replacing("://", with: "://me:s3cret@") + "/a?key=s3cret"
                let call = HTTPCall(method: "GET", url: url, timeout: .milliseconds(50))
                let failure = try #require(await failure(client, call))
                #expect(failure.code == .timeout)
                #expect(failure.message.contains("GET \(running.url)/a:") && !failure.message.contains("s3cret"))
            }
        }
    }

    @Test(
        "What no server could take is not sent",
        arguments: ["ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://127.0.0.1:99999/", "nothing"])
    func invalidURL(url: String) async throws {
        try await withClient { client in
            #expect(await failure(client, HTTPCall(method: "GET", url: url))?.code == .invalid)
        }
    }

    @Test("A header that would begin another one is refused", arguments: ["a\r\nB: 1", "a\nb", "a\u{0}b"])
    func invalidHeader(value: String) async throws {
        try await withClient { client in
            let call = HTTPCall(method: "GET", url: "http://127.0.0.1:9/", headers: [HTTPField("X-A", value)])
            let failure = try #require(await failure(client, call))
            #expect(failure.code == .invalid && failure.message.contains("X-A"))
        }
    }

    @Test(
        "A server that breaks off, or speaks another language, cannot be reached",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all", "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ])
    func broken(answer: String) async throws {
        let site = RawSite(answer)
        try await withClient { client in
            let url = "http://127.0.0.1:\(site.port)/"
            let failure = try #require(await failure(client, HTTPCall(method: "POST", url: url, body: [1])))
            #expect(failure.code == .connection, "\(failure)")
            #expect(failure.message.hasPrefix("POST \(url): "))
        }
    }

    @Test("Nobody who listens is told as such")
    func refused() async throws {
        var url = ""
        try await TestSite.run { url = $0.url }
        try await withClient { client in
            let failure = try #require(await failure(client, HTTPCall(method: "GET", url: url)))
            #expect(failure.code == .connection)
            #expect(failure.message == "GET \(url): Couldn't connect to server")
        }
    }

    @Test("A certificate that this machine does not trust, and no TLS at all, are told apart from a bad connection")
    func certificate() async throws {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "ScenarioTests/Clients/tls")
        let identity = try TLSIdentity(
            certificateFile: directory.appending(path: "certificate.pem").path,
            keyFile: directory.appending(path: "key.pem").path)
        try await TestSite.run(identity: identity) { running in
            try await withClient { client in
                let failure = try #require(await failure(client, HTTPCall(method: "GET", url: running.url)))
                #expect(failure.code == .certificate)
                #expect(failure.message.contains("certificate"), "\(failure)")
                #expect(running.site.requests.isEmpty)
            }
        }
        try await TestSite.run { running in
            try await withClient { client in
                let url = running.url.replacing("http:", with: "https:")
                let failure = try #require(await failure(client, HTTPCall(method: "GET", url: url)))
                #expect(failure.code == .certificate)
                #expect(failure.message.contains("SSL"), "\(failure)")
            }
        }
    }
}
