import Core
import TestSupport
import Testing

@testable import Access

@Suite("Verifying signatures")
struct SignatureVerifierTests {
    private static let json = SignatureVector.all[0]

    private static func json(authorization: String) -> SignedRequest {
        var request = json.request
        let index = request.headers.firstIndex { $0.name == "authorization" }!
        request.headers[index].value = authorization
        return request
    }

    @Test("There are vectors")
    func vectors() {
        #expect(SignatureVector.all.count >= 18)
        #expect(SignatureVector.all.contains { $0.isPresigned })
        #expect(SignatureVector.all.contains { $0.sessionToken != nil })
    }

    @Test("What botocore signs is its signer's", arguments: SignatureVector.all)
    func accepted(_ vector: SignatureVector) throws {
        let verifier = SignatureVerifier(OneCredential(sessionToken: vector.sessionToken))
        let signer = try verifier.verify(vector.request, at: SignatureVector.time)
        #expect(signer.principal == Principal("alice"))
        #expect(signer.scope.service == vector.service)
        #expect(signer.scope.region == vector.region)
        #expect(signer.scope.accessKey == SignatureVector.accessKey)
    }

    @Test("The canonical request is the one botocore makes", arguments: SignatureVector.all)
    func canonical(_ vector: SignatureVector) throws {
        let signature = try RequestSignature(vector.request)
        let canonical = try CanonicalRequest(vector.request, signedHeaders: signature.signedHeaders)
        #expect(canonical.text == vector.canonicalRequest)
    }

    @Test("The scope is found by itself as it is in the whole signature", arguments: SignatureVector.all)
    func scope(vector: SignatureVector) throws {
        #expect(RequestSignature.scope(of: vector.request) == (try RequestSignature(vector.request).scope))
    }

    @Test("The scope is found in a header that is not sound otherwise")
    func scopeOfMalformed() {
        func scope(_ header: String) -> RequestSignature.Scope? {
            RequestSignature.scope(
                of: SignedRequest(method: "GET", path: "/", query: "", headers: [("authorization", header)], body: []))
        }
        let found = scope("AWS4-HMAC-SHA256 SignedHeaders=,Credential=key/20260131/eu-west-1/events/aws4_request")
        #expect(found?.region == "eu-west-1" && found?.service == "events")
        #expect(scope("AWS4-HMAC-SHA256 Credential=key/20260131/eu-west-1/events") == nil)
        #expect(scope("Basic YTpi") == nil && scope("") == nil)
    }

    @Test("Nothing that is signed may be changed", arguments: SignatureVector.all)
    func changed(_ vector: SignatureVector) {
        let source = OneCredential(sessionToken: vector.sessionToken)
        func refused(_ change: (inout SignedRequest) -> Void) -> SignatureError.Code? {
            var request = vector.request
            change(&request)
            return refusal(of: request, source)
        }
        #expect(refused { $0.method = "PATCH" } == .mismatch)
        #expect(refused { $0.path += "more" } == .mismatch)
        #expect(refused { $0.query += "&more=1" } == .mismatch)
        #expect(refused { $0.body.append(0x20) } == .mismatch)
        #expect(refused { $0.headers.append(("x-amz-target", "AWSEvents.DeleteRule")) } == .mismatch)
        let host = vector.request.headers.firstIndex { $0.name == "host" } ?? 0
        #expect(refused { $0.headers[host].value = "elsewhere" } == .mismatch)
        let other = OneCredential(secret: "other", sessionToken: vector.sessionToken)
        #expect(refusal(of: vector.request, other) == .mismatch)
    }

    @Test("Order and spelling that the signature does not cover may differ")
    func rewritten() {
        var request = Self.json.request
        request.headers.reverse()
        request.headers.append(("user-agent", "anything"))
        #expect(refusal(of: request) == nil)
    }

    @Test("A key that nobody has is refused, and so is a session token that is not the key's")
    func unknown() {
        var other = OneCredential()
        other.identifier = "AKIAOTHER"
        #expect(refusal(of: Self.json.request, other) == .unknownKey)
        #expect(refusal(of: Self.json.request, OneCredential(sessionToken: "t")) == .unknownKey)
        let temporary = SignatureVector.all.first { $0.sessionToken != nil }!
        #expect(refusal(of: temporary.request, OneCredential()) == .unknownKey)
    }

    @Test("A temporary key ends")
    func expiry() {
        let time = SignatureVector.time
        #expect(refusal(of: Self.json.request, OneCredential(expiry: time + .seconds(1))) == nil)
        #expect(refusal(of: Self.json.request, OneCredential(expiry: time)) == .expiredToken)
    }

    @Test("A signer's clock may be off by five minutes")
    func skew() {
        let time = SignatureVector.time
        #expect(refusal(of: Self.json.request, at: time + .seconds(300)) == nil)
        #expect(refusal(of: Self.json.request, at: time + .seconds(301)) == .expired)
        #expect(refusal(of: Self.json.request, at: time - .seconds(300)) == nil)
        #expect(refusal(of: Self.json.request, at: time - .seconds(301)) == .expired)
    }

    @Test("A presigned request is good for as long as it says")
    func lifetime() {
        let presigned = SignatureVector.all.first { $0.isPresigned }!
        let time = SignatureVector.time
        #expect(refusal(of: presigned.request, at: time + .seconds(900)) == nil)
        #expect(refusal(of: presigned.request, at: time + .seconds(901)) == .expired)
        for seconds in ["0", "604801", "-1", "x", ""] {
            var request = presigned.request
            request.query = request.query.replacing("X-Amz-Expires=900", with: "X-Amz-Expires=\(seconds)")
            #expect(refusal(of: request) == .malformed)
        }
    }

    @Test("A request without a signature lacks it")
    func missing() {
        var request = Self.json.request
        request.headers.removeAll { $0.name == "authorization" }
        #expect(refusal(of: request) == .missing)
    }

    @Test(
        "A signature that is no signature is malformed",
        arguments: [
            "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256 Credential=a",
            "AWS4-HMAC-SHA256 Credential", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/r/s/aws4_request, SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/r/s/aws4_request, SignedHeaders=host, Signature=zz",
        ])
    func malformed(_ header: String) {
        #expect(refusal(of: Self.json(authorization: header)) == .malformed)
    }

    @Test("An authorization of another kind is none", arguments: ["", "Basic dXNlcjpwYXNz"])
    func otherKinds(_ header: String) {
        #expect(refusal(of: Self.json(authorization: header)) == .missing)
    }

    @Test("A signature of another day, or of a request without its host, does not match", arguments: [
        "20260130/r/s/aws4_request, SignedHeaders=host", "20260131/r/s/aws4_request, SignedHeaders=x",
    ])
    func mismatched(_ rest: String) {
        let zeros = String(repeating: "0", count: 64)
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\(rest), Signature=\(zeros)"
        #expect(refusal(of: Self.json(authorization: header)) == .mismatch)
    }

    @Test("What a signature lacks is listed, in the services' words")
    func lacking() throws {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/r/s/aws4_request"
        #expect(
            message(of: Self.json(authorization: header)) == "Authorization header requires 'Signature' parameter. "
                + "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256")
        var presigned = SignatureVector.all.first { $0.isPresigned }!.request
        presigned.query = presigned.query.replacing("X-Amz-Date=", with: "X-Amz-Dat=")
        #expect(
            message(of: presigned) == "AWS query-string parameters must include 'X-Amz-Date'. "
                + "Re-examine the query-string parameters.")
        presigned.headers.append(("authorization", header))
        #expect(
            message(of: presigned)
                == "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
    }

    @Test("Of a signature that is too old or too new, it is said by how much")
    func skewIsTold() {
        let (request, time) = (Self.json.request, SignatureVector.time)
        let stamp = time.basicISO8601
        #expect(
            message(of: request, at: time + .seconds(301))
                == "Signature expired: \(stamp) is now earlier than \((time + .seconds(1)).basicISO8601) "
                + "(\((time + .seconds(301)).basicISO8601) - 5 min.)")
        #expect(
            message(of: request, at: time - .seconds(301))
                == "Signature not yet current: \(stamp) is still later than \((time - .seconds(1)).basicISO8601) "
                + "(\((time - .seconds(301)).basicISO8601) + 5 min.)")
    }

    @Test("An access key may hold slashes")
    func slashes() throws {
        let scope = try #require(RequestSignature.Scope("a/b/c/20260131/eu-west-1/events/aws4_request"))
        #expect(scope.accessKey == "a/b/c")
        #expect(scope.region == "eu-west-1")
        #expect(RequestSignature.Scope("a/20260131/eu-west-1/events") == nil)
    }

    @Test("Whatever is made of a signed request, it is refused and nothing breaks")
    func mutations() throws {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let vector = SignatureVector.all.randomElement(using: &random)!
            var request = vector.request
            mutate(&request, using: &random)
            let source = OneCredential(sessionToken: vector.sessionToken)
            guard refusal(of: request, source) == nil else { continue }
            // What is still accepted must mean the same.
            let signature = try RequestSignature(request)
            let canonical = try CanonicalRequest(request, signedHeaders: signature.signedHeaders)
            #expect(canonical.text == vector.canonicalRequest, "seed \(seed)")
        }
    }

    private func mutate(_ request: inout SignedRequest, using random: inout SeededGenerator) {
        func mutated(_ text: String) -> String {
            var bytes = Array(text.utf8)
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2: bytes.removeLast(bytes.count - place)
            default: bytes.insert("%/=&;,. \0".utf8.randomElement(using: &random)!, at: place)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: request.path = mutated(request.path)
        case 1: request.query = mutated(request.query)
        case 2: request.body = Array(mutated(String(decoding: request.body, as: UTF8.self)).utf8)
        default:
            let index = request.headers.indices.randomElement(using: &random)!
            request.headers[index].value = mutated(request.headers[index].value)
        }
    }
}
