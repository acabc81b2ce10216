import API
import Core
import TestSupport
import Testing

@testable import Access
@testable import Gateway

@Suite("Who a request is from") struct AuthenticationTests {
    private static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    private struct Keys: CredentialSource {
        var sessionToken: String?
        var expiry: Timestamp?

        func credential(forAccessKey identifier: String) -> Credential? {
            guard identifier == "AKIATEST" else { return nil }
            return Credential(
                principal: Principal("alice"), secret: secret, sessionToken: sessionToken, expiry: expiry)
        }
    }

    private let clock = ManualClock(origin: Timestamp(seconds: 1_704_067_200))

    private func handler(_ keys: Keys = Keys()) -> TestHandler {
        TestHandler(.required, credentials: keys, clock: clock)
    }

    private func request(
        _ body: String = "{}", time: String = "20240101T000000Z", token: String? = nil
    ) -> HTTPRequest {
        var request = HTTPRequest(target: "/")
        request.method = "POST"
        request.headers = [
            ("host", "localhost:7400"), ("x-amz-target", "AWSEvents.Who"), ("x-amz-date", time),
            ("content-type", "application/x-amz-json-1.1"),
        ]
        if let token { request.headers.append(("x-amz-security-token", token)) }
        request.body = Array(body.utf8)
        return request
    }

    /// Signs as a client does.
    private func signed(
        _ request: HTTPRequest, service: String = "events", key: String = "AKIATEST"
    ) throws -> HTTPRequest {
        var request = request
        let names = request.headers.map(\.name).sorted()
        let canonical = try CanonicalRequest(request.signed, signedHeaders: names)
        let time = request.header("x-amz-date") ?? ""
        let scope = "\(time.prefix(8))/us-east-1/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(sha256(Array(canonical.text.utf8)))"
        var signingKey = Array("AWS4\(Self.secret)".utf8)
        for part in [String(time.prefix(8)), "us-east-1", service, "aws4_request"] {
            signingKey = hmacSHA256(Array(part.utf8), key: signingKey)
        }
        let signature = hmacSHA256(Array(text.utf8), key: signingKey).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        request.headers.append(
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=\(key)/\(scope), SignedHeaders=\(names.joined(separator: ";")), "
                    + "Signature=\(signature)"
            ))
        return request
    }

    @Test("A signed request is its signer's")
    func accepted() async throws {
        let answer = await handler().answer(try signed(request()))
        #expect(answer.json == ["Who": "alice"])
    }

    @Test("A session token must be that of the key, and its time not over")
    func sessions() async throws {
        let keys = Keys(sessionToken: "session", expiry: Timestamp(seconds: 1_704_067_300))
        let handler = handler(keys)
        let good = try signed(request(token: "session"))
        #expect(await handler.answer(good).json == ["Who": "alice"])
        let wrong = await handler.answer(try signed(request(token: "other")))
        #expect(wrong.json["__type"] == "UnrecognizedClientException")
        clock.advance(by: .seconds(100))
        #expect(await handler.answer(good).json["__type"] == "ExpiredTokenException")
    }

    @Test("A clock may be off by five minutes")
    func skew() async throws {
        let early = try signed(request(time: "20231231T235501Z"))
        #expect(await handler().answer(early).status == 200)
        for time in ["20231231T235459Z", "20240101T000501Z"] {
            let answer = await handler().answer(try signed(request(time: time)))
            #expect(answer.status == 400)
            #expect(answer.json["__type"] == "InvalidSignatureException")
        }
    }

    @Test("What is not signed, or by nobody, or otherwise, or for another service, is refused as each protocol does")
    func refused() async throws {
        let handler = handler()
        func code(_ request: HTTPRequest) async -> String? { await handler.answer(request).json["__type"]?.string }
        #expect(await code(request()) == "MissingAuthenticationTokenException")
        #expect(await code(try signed(request(), key: "AKIAOTHER")) == "UnrecognizedClientException")
        #expect(await code(try signed(request(), service: "sns")) == "InvalidSignatureException")
        var changed = try signed(request())
        changed.body = Array(#"{"Text":"a"}"#.utf8)
        #expect(await code(changed) == "InvalidSignatureException")
        var broken = request()
        broken.headers.append(("authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST"))
        #expect(await code(broken) == "IncompleteSignatureException")
        let query = await handler.query("Action=Echo&Version=2010-03-31")
        #expect(query.status == 403)
        #expect(query.text.contains("<Code>MissingAuthenticationToken</Code>"))
        let rest = await handler.rest("GET", "/echo/a")
        #expect(rest.status == 403)
        #expect(rest.header("x-amzn-errortype") == "MissingAuthenticationTokenException")
        #expect(await handler.json("AWSEvents.PutEvents", "{}").status == 400)
    }

    @Test("Who follows a link need not sign, and is nobody; a signature that is there must be good")
    func unsigned() async throws {
        let answer = await handler().rest("GET", "/?Action=Follow&Version=2010-03-31")
        #expect(answer.status == 200 && answer.text.contains("<Who>\(Principal.anonymous)</Who>"), "\(answer.text)")
        let presigned = await handler().rest(
            "GET", "/?Action=Follow&Version=2010-03-31&X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256")
        #expect(presigned.status == 400)
        #expect(!Principal.anonymous.hasFullAuthority)
    }

    @Test("In development mode whoever connects is the administrator, but no page in a browser")
    func development() async throws {
        let handler = TestHandler()
        #expect(await handler.json("AWSEvents.Who").json == ["Who": .string(Principal.local.name)])
        for headers in [[("origin", "https://example.com")], [("sec-fetch-site", "cross-site")]] {
            let answer = await handler.json("AWSEvents.Who", headers: headers)
            #expect(answer.json["__type"] == "AccessDeniedException")
            #expect(await handler.json("AWSEvents.PutEvents", "{}", headers: headers).status == 400)
        }
        var rebound = request()
        rebound.headers[0].value = "attacker.example:7400"
        #expect(await handler.answer(rebound).json["__type"] == "AccessDeniedException")
        for host in ["127.0.0.1:7400", "[::1]:7400", "localhost", "events.localhost:1"] {
            rebound.headers[0].value = host
            #expect(await handler.answer(rebound).status == 200)
        }
    }
}
