internal import API
internal import Core

/// Makes the HTTP request with which an API destination is called: of the destination, its connection, the target's
/// parameters and the text. What the connection says goes before what the target says.
/// - Source: EventBridge user guide, "API destinations as targets".
struct DestinationRequest {
    let destination: ApiDestination
    let secrets: ConnectionSecrets
    let authorization: Connection.Authorization
    let parameters: DestinationParameters
    var traceHeader: String?

    private static let ownHeaders = [
        HTTPField("User-Agent", "Amazon/EventBridge/ApiDestinations"),
        HTTPField("Content-Type", "application/json; charset=utf-8"), HTTPField("Range", "bytes=0-1048575"),
        HTTPField("Connection", "close"),
    ]
    private static let methodsWithBody = ["POST", "PUT", "PATCH", "DELETE"]

    /// - Parameters:
    ///   - text: What the target is given.
    ///   - token: `Bearer …`, for a connection with OAuth.
    func call(_ text: String, token: String?) -> HTTPCall {
        var call = HTTPCall(method: destination.method, url: url)
        let trace = traceHeader.map { [HTTPField("X-Amzn-Trace-Id", $0)] } ?? []
        var headers = DestinationRequest.merged(
            DestinationRequest.ownHeaders + trace, parameters.headers, ignoringCase: true)
        headers = DestinationRequest.merged(headers, secrets.fields("HeaderParameters"), ignoringCase: true)
        call.headers = DestinationRequest.merged(headers, authorizationHeaders(token), ignoringCase: true)
        if DestinationRequest.methodsWithBody.contains(destination.method) { call.body = Array(body(text).utf8) }
        return call
    }

    private func authorizationHeaders(_ token: String?) -> [HTTPField] {
        switch authorization {
        case .basic: return [HTTPField("Authorization", "Basic \(secrets.basicCredentials ?? "")")]
        case .apiKey:
            let key = secrets.json["ApiKeyAuthParameters"]
            return [HTTPField(key?["ApiKeyName"]?.string ?? "", key?["ApiKeyValue"]?.string ?? "")]
        case .oauth: return token.map { [HTTPField("Authorization", $0)] } ?? []
        }
    }

    /// The endpoint with its holes filled and the query parameters behind it.
    private var url: String {
        let endpoint = ApiDestination.scheme(of: destination.endpoint) == nil
            ? "https://\(destination.endpoint)" : destination.endpoint
        let parts = endpoint.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var values = parameters.path[...]
        var path = ""
        for character in parts[0] {
            if character == "*", let value = values.popFirst() {
                path += PercentEncoding.encode(value.utf8)
            } else {
                path.append(character)
            }
        }
        let query = DestinationRequest.merged(parameters.query, secrets.fields("QueryStringParameters"))
        return DestinationRequest.url(path, query: parts.count > 1 ? parts[1] : "", query)
    }

    /// A URL with more query parameters behind those it has.
    static func url(_ path: String, query: String, _ fields: [HTTPField]) -> String {
        let queries = (query.isEmpty ? [] : [query]) + (fields.isEmpty ? [] : [form(fields)])
        return queries.isEmpty ? path : "\(path)?\(queries.joined(separator: "&"))"
    }

    /// `name=value&…`.
    static func form(_ fields: [HTTPField]) -> String {
        fields.map { "\(PercentEncoding.encode($0.name.utf8))=\(PercentEncoding.encode($0.value.utf8))" }
            .joined(separator: "&")
    }

    /// The text with the connection's body parameters in it, where it is an object.
    private func body(_ text: String) -> String {
        let fields = secrets.fields("BodyParameters")
        guard !fields.isEmpty, var json = try? JSON(parsing: text), json.object != nil else { return text }
        for field in fields { json[field.name] = .string(field.value) }
        return json.text
    }

    /// The fields of both lists; of those with one name only the second list's.
    private static func merged(
        _ first: [HTTPField], _ second: [HTTPField], ignoringCase: Bool = false
    ) -> [HTTPField] {
        func key(_ field: HTTPField) -> String { ignoringCase ? field.name.lowercased() : field.name }
        let names = Set(second.map(key))
        return first.filter { !names.contains(key($0)) } + second
    }
}
