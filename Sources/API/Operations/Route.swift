/// Where an operation is found by its HTTP method and path, as the REST services have it.
///
/// Members of the input that neither the path, the query nor the headers hold are in the JSON body.
public struct Route: Sendable, Hashable {
    public enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    public let method: Method
    /// Segments, of which those in braces hold a member of the input: `/schedules/{Name}`.
    public let path: String
    /// Name in the query to member of the input; a member that is a list may be repeated.
    public let query: [String: String]
    /// Name of a header, in lower case, to member of the input.
    public let headers: [String: String]
    /// Of a success.
    public let status: Int

    public init(
        _ method: Method, _ path: String, query: [String: String] = [:], headers: [String: String] = [:],
        status: Int = 200
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.status = status
    }
}
