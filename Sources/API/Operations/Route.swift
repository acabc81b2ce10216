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

    /// Of operations whose body is not JSON but one member's text, as it is; other members of the output are headers.
    public struct RawBody: Sendable, Hashable {
        /// The member, of input and output.
        public let member: String
        /// Name of a header to member of the output.
        public let headers: [String: String]
        /// The member of the output that is the status of a success; nil for the route's.
        public let status: String?

        public init(_ member: String, headers: [String: String] = [:], status: String? = nil) {
            self.member = member
            self.headers = headers
            self.status = status
        }
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
    /// Nil for a body that is JSON.
    public let body: RawBody?

    public init(
        _ method: Method, _ path: String, query: [String: String] = [:], headers: [String: String] = [:],
        status: Int = 200, body: RawBody? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.status = status
        self.body = body
    }
}
