import Access
import Core
import Foundation
import Testing

/// A request as botocore signed it; `Vectors/generate.py` makes them.
struct SignatureVector: Sendable, CustomTestStringConvertible {
    let name: String
    var request: SignedRequest
    let canonicalRequest: String
    let sessionToken: String?
    let service: String
    let region: String

    var testDescription: String { name }

    var isPresigned: Bool { request.query.contains("X-Amz-Signature") }

    /// All of them, signed at ``time`` with ``accessKey`` and ``secret``.
    static let all: [SignatureVector] = (file["vectors"]?.array ?? []).map(SignatureVector.init)
    static let accessKey = file["accessKey"]?.string ?? ""
    static let secret = file["secret"]?.string ?? ""
    static let time = Timestamp(rfc3339: file["time"]?.string ?? "") ?? Timestamp(seconds: 0)

    private static let file: JSON = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Vectors/signatures.json")
        return (try? JSON(parsing: Array(Data(contentsOf: path)))) ?? .null
    }()

    private init(_ json: JSON) {
        func text(_ member: String) -> String { json[member]?.string ?? "" }
        name = text("name")
        canonicalRequest = text("canonicalRequest")
        sessionToken = json["token"]?.string
        service = text("service")
        region = text("region")
        request = SignedRequest(
            method: text("method"), path: text("path"), query: text("query"),
            headers: (json["headers"]?.array ?? []).map { ($0[0]?.string ?? "", $0[1]?.string ?? "") },
            body: Array(text("body").utf8))
    }
}

/// Knows one key.
struct OneCredential: CredentialSource {
    var credential: Credential
    var identifier = SignatureVector.accessKey

    init(
        secret: String = SignatureVector.secret, sessionToken: String? = nil, expiry: Timestamp? = nil
    ) {
        credential = Credential(
            principal: Principal("alice"), secret: secret, sessionToken: sessionToken, expiry: expiry)
    }

    func credential(forAccessKey identifier: String) -> Credential? {
        identifier == self.identifier ? credential : nil
    }
}

/// The code of the error that a verification ends with; nil for success.
func refusal(
    of request: SignedRequest, _ source: OneCredential = OneCredential(), at time: Timestamp = SignatureVector.time
) -> SignatureError.Code? {
    failure(of: request, source, at: time)?.code
}

func message(of request: SignedRequest, at time: Timestamp = SignatureVector.time) -> String? {
    failure(of: request, OneCredential(), at: time)?.message
}

private func failure(
    of request: SignedRequest, _ source: OneCredential, at time: Timestamp
) -> SignatureError? {
    do throws(SignatureError) {
        _ = try SignatureVerifier(source).verify(request, at: time)
        return nil
    } catch {
        return error
    }
}
