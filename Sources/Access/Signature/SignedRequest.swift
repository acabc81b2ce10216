internal import Core

/// An HTTP request as a signature covers it.
public struct SignedRequest: Sendable {
    /// In capitals.
    public var method: String
    /// As on the request line, still percent-encoded and without the query.
    public var path: String
    /// As on the request line, without its `?`; empty where there is none.
    public var query: String
    /// In the order received; names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(
        method: String, path: String, query: String, headers: [(name: String, value: String)], body: [UInt8]
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The first header of that name.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// The parameters of the query in their order, each decoded; nil where one is not UTF-8 in percent-encoding.
    public var queryParameters: [(name: String, value: String)]? {
        var parameters: [(name: String, value: String)] = []
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0]),
                let value = parts.count == 2 ? PercentEncoding.decode(parts[1]) : ""
            else { return nil }
            parameters.append((name, value))
        }
        return parameters
    }
}
