internal import API
internal import CCurl
internal import Platform

/// One request of the client and what has come back of it.
///
/// `@unchecked`: made by the sender, then used by the client's thread alone.
final class Transfer: @unchecked Sendable {
    private let request: HTTPCall
    private let completion: @Sendable (Result<HTTPAnswer, HTTPFailure>) -> Void
    private var headers: [HTTPField] = []
    private var body: [UInt8] = []
    /// Owned; the library reads it during the transfer.
    private var headerList: UnsafeMutablePointer<curl_slist>?

    init(_ request: HTTPCall, completion: @escaping @Sendable (Result<HTTPAnswer, HTTPFailure>) -> Void) {
        self.request = request
        self.completion = completion
    }

    deinit {
        // Without a list the library may not even be loaded.
        if headerList != nil { ops_curl_slist_free_all(headerList) }
    }

    func end(_ result: Result<HTTPAnswer, HTTPFailure>) { completion(result) }

    /// A handle set up for the request; the transfer must outlive it.
    func makeHandle() throws(HTTPFailure) -> UnsafeMutableRawPointer {
        guard ["http://", "https://"].contains(where: request.url.lowercased().hasPrefix) else {
            throw HTTPFailure(.invalid, "\(request.method) \(host): the URL must begin with http:// or https://")
        }
        for field in request.headers where !Transfer.isSafe(field) {
            throw HTTPFailure(.invalid, "the header \(field.name) holds a character that no header may")
        }
        guard let handle = ops_curl_easy_init() else { throw HTTPFailure(.overloaded, "libcurl has no memory") }
        ops_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        ops_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        ops_curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        ops_curl_set_long(handle, CURLOPT_TIMEOUT_MS, max(1, Int(request.timeout / .milliseconds(1))))
        // Settings of the environment are not the server's.
        ops_curl_set_pointer(handle, CURLOPT_PROXY, "")
        // The path may have been signed as it is.
        ops_curl_set_long(handle, CURLOPT_PATH_AS_IS, 1)
        ops_curl_set_pointer(handle, CURLOPT_URL, request.url)
        ops_curl_set_pointer(handle, CURLOPT_ACCEPT_ENCODING, "gzip,deflate")
        if request.method == "HEAD" { ops_curl_set_long(handle, CURLOPT_NOBODY, 1) }
        ops_curl_set_pointer(handle, CURLOPT_CUSTOMREQUEST, request.method)
        if let body = request.body {
            ops_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, body.count)
            // Copied, so that the array need not stay where it is; an empty one has no place at all.
            (body.isEmpty ? [0] : body).withUnsafeBytes {
                _ = ops_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, $0.baseAddress)
            }
        }
        // The library would wait for leave to send a long body, which not every server gives.
        for text in request.headers.map({ "\($0.name): \($0.value)" }) + ["Expect:"] {
            headerList = ops_curl_slist_append(headerList, text)
        }
        ops_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headerList)
        ops_curl_set_receivers(
            handle, { Transfer.receive($0, $1 * $2, $3) { $0.take(header: $1) } },
            { Transfer.receive($0, $1 * $2, $3) { $0.take(body: $1) } }, Unmanaged.passUnretained(self).toOpaque())
        return handle
    }

    /// Nothing that would end a header or begin another.
    private static func isSafe(_ field: HTTPField) -> Bool {
        !field.name.isEmpty && !field.name.utf8.contains { $0 <= 32 || $0 == UInt8(ascii: ":") || $0 == 127 }
            && !field.value.utf8.contains { $0 < 32 && $0 != 9 || $0 == 127 }
    }

    private static func receive(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ take: (Transfer, UnsafeRawBufferPointer) -> Void
    ) -> Int {
        guard let bytes, let context else { return 0 }
        take(
            Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(),
            UnsafeRawBufferPointer(start: bytes, count: count))
        return count
    }

    private func take(header bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // Of the last answer; an interim one came before it.
            headers = []
            return
        }
        guard headers.count < 1000, let colon = line.firstIndex(of: ":") else { return }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers.append(HTTPField(String(line[..<colon]), String(value.prefix { !$0.isNewline })))
    }

    private func take(body bytes: UnsafeRawBufferPointer) {
        body += bytes.prefix(max(0, HTTPClient.bodyBytesMax - body.count))
    }

    func outcome(_ result: CURLcode, _ handle: UnsafeMutableRawPointer) -> Result<HTTPAnswer, HTTPFailure> {
        if result == CURLE_OK {
            return .success(HTTPAnswer(status: ops_curl_status(handle), headers: headers, body: body))
        }
        let reason = String(cString: ops_curl_easy_strerror(result))
        let code: HTTPFailure.Code =
            switch result {
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_URL_MALFORMAT: .invalid
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM: .certificate
            default: .connection
            }
        return .failure(HTTPFailure(code, "\(request.method) \(host): \(reason)"))
    }

    /// The URL without what may be secret in it: its query, and the user and password before its host.
    private var host: String {
        let url = request.url.prefix { $0 != "?" }
        guard let scheme = url.firstRange(of: "://")?.upperBound,
            let at = url[scheme...].prefix(while: { $0 != "/" }).lastIndex(of: "@")
        else { return String(url) }
        return String(url[..<scheme] + url[url.index(after: at)...])
    }
}
