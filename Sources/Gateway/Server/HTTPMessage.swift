internal import Access

/// A request, whole: its body has come to the end.
struct HTTPRequest: Sendable {
    var method = ""
    /// Still percent-encoded, without the query.
    var path: String
    /// Without its `?`; empty where there is none.
    var query: String
    /// In the order received; names in lower case.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    /// - Parameter target: The middle of the request line; proxies put scheme and host in front.
    init(target: String) {
        var target = target[...]
        for scheme in ["http://", "https://"] where target.hasPrefix(scheme) {
            target = target.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = parts[0].isEmpty ? "/" : String(parts[0])
        query = parts.count == 2 ? String(parts[1]) : ""
    }

    /// The first header of that name.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// The media type of the body, in lower case and without its parameters; empty where none is given.
    var mediaType: String {
        let value = header("content-type") ?? ""
        return value.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    }

    /// What another server in front may have read in another way; nil where the head is clear.
    /// - Parameter needsHost: Whether its version demands a `Host`.
    /// - Source: RFC 9112, 3.2 and 6.3.
    func fault(needsHost: Bool) -> HTTPRefusal? {
        var (hosts, lengths, encodings) = (0, 0, 0)
        var isChunked = true
        for header in headers {
            switch header.name {
            case "host": hosts += 1
            case "content-length": lengths += 1
            case "transfer-encoding":
                encodings += 1
                isChunked = header.value.lowercased() == "chunked"
            default:
                // Some take what stands before the space for the name.
                if header.name.utf8.contains(where: { $0 <= UInt8(ascii: " ") }) { return .misplacedSpace }
            }
        }
        let isClear = encodings == 0 ? lengths <= 1 : encodings == 1 && isChunked && lengths == 0
        if !isClear { return .ambiguousLength }
        if hosts > 1 || hosts == 0 && needsHost { return .ambiguousHost }
        return path.utf8.contains(UInt8(ascii: " ")) || query.utf8.contains(UInt8(ascii: " ")) ? .misplacedSpace : nil
    }

    /// The request as a signature covers it.
    var signed: SignedRequest {
        SignedRequest(method: method, path: path, query: query, headers: headers, body: body)
    }
}

/// An answer.
struct HTTPResponse: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    /// An answer without a body.
    init(_ status: Int, headers: [(name: String, value: String)]) {
        self.status = status
        self.headers = headers
        body = []
    }

    init(_ status: Int, contentType: String, headers: [(name: String, value: String)] = [], body: [UInt8]) {
        self.status = status
        self.headers = [("Content-Type", contentType)] + headers
        self.body = body
    }
}

/// Why a request is answered without being looked at.
enum HTTPRefusal: Sendable, Hashable {
    /// Its body is longer than the limit.
    case tooLarge
    /// Its headers do not say in one way only where its body ends: what another server in front would take for the next
    /// request, this one might take for the body.
    case ambiguousLength
    /// It says twice, or not at all, which host it is for.
    case ambiguousHost
    /// There is white space in its target or in a header's name.
    case misplacedSpace
    /// The bodies of the requests being worked on are too long together.
    case overloaded
    case stopping
}

/// What the server asks for answers. Called on the server's thread: it must not wait.
protocol HTTPHandler: Sendable {
    /// - Parameter reply: Called exactly once, from any thread.
    func handle(_ request: HTTPRequest, reply: @escaping @Sendable (HTTPResponse) -> Void)

    /// Called when all requests that came at a time have been handed over.
    func finishRound()

    /// The answer to a request that cannot be taken; its body is not there.
    func refuse(_ request: HTTPRequest, because refusal: HTTPRefusal) -> HTTPResponse
}
