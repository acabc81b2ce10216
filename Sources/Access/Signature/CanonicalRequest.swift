internal import Core

/// The one text that a request and its signer agree on, however the request was written.
/// - Source: AWS General Reference, "Create a canonical request".
struct CanonicalRequest {
    let text: String

    init(_ request: SignedRequest, signedHeaders: [String]) throws(SignatureError) {
        let query = try CanonicalRequest.query(of: request)
        var headers = ""
        for name in signedHeaders { headers += "\(name):\(CanonicalRequest.value(of: name, in: request))\n" }
        text = [
            request.method, CanonicalRequest.path(request.path), query, headers,
            signedHeaders.joined(separator: ";"), sha256(request.body),
        ].joined(separator: "\n")
    }

    /// The path without empty and dot segments, encoded once more than it came.
    static func path(_ path: String) -> String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        let isFolder = path.hasSuffix("/") && !segments.isEmpty
        let normal = "/" + segments.joined(separator: "/") + (isFolder ? "/" : "")
        return PercentEncoding.encode(normal.utf8, keepingSlash: true)
    }

    /// The parameters sorted by their encoded names and values, without the signature itself.
    static func query(of request: SignedRequest) throws(SignatureError) -> String {
        guard let parameters = request.queryParameters else {
            throw SignatureError(.malformed, "The query string is not valid percent-encoding.")
        }
        let encoded = parameters.filter { $0.name != "X-Amz-Signature" }
            .map { (PercentEncoding.encode($0.name.utf8), PercentEncoding.encode($0.value.utf8)) }
        return encoded.sorted { $0 < $1 }.map { "\($0)=\($1)" }.joined(separator: "&")
    }

    /// All values of a header, each with single spaces within and none around, joined by commas.
    static func value(of name: String, in request: SignedRequest) -> String {
        request.headers.filter { $0.name == name }
            .map { $0.value.split { $0 == " " || $0 == "\t" }.joined(separator: " ") }.joined(separator: ",")
    }
}
