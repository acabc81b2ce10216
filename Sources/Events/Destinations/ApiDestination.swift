internal import Core
internal import Storage

/// An HTTP endpoint that rules send to.
struct ApiDestination: Sendable {
    var name: String
    /// Tells a destination from an earlier one of the same name.
    var identifier: Identifier
    var description: String?
    /// Name and identifier of the connection.
    var connection: String
    var connectionIdentifier: Identifier
    /// May hold `*`, to be filled by a target's path parameters.
    var endpoint: String
    var method: String
    /// Requests in a second; nil for the default.
    var rate: Int?
    var created: Timestamp
    var modified: Timestamp

    static let methods = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"]
    static let defaultRate = 300

    func arn(in account: Account) -> ARN { account.arn("events", "api-destination/\(name)/\(identifier)") }

    func connectionARN(in account: Account) -> ARN {
        account.arn("events", "connection/\(connection)/\(connectionIdentifier)")
    }

    /// What stands before `://`, in lower case; nil where a URL begins with its host.
    static func scheme(of url: String) -> String? {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return nil }
        return url[..<colon].lowercased()
    }

    var subject: Subject { Subject(.destination, name) }
}

/// The table of API destinations.
enum ApiDestinationStore {
    /// A destination, and whether its connection is authorized.
    typealias Found = (destination: ApiDestination, isActive: Bool)

    private static let query = """
        SELECT d.name, d.id, d.description, d.connection, d.connection_id, d.endpoint, d.method, d.rate, d.created,
            d.modified, c.name IS NOT NULL FROM api_destinations d LEFT JOIN connections c
            ON c.name = d.connection AND c.id = d.connection_id AND c.state = 'AUTHORIZED'
        """

    static func find(_ name: String, _ transaction: borrowing ReadTransaction) throws -> Found? {
        try transaction.queryOne("\(query) WHERE d.name = ?", name, row: read)
    }

    /// Destinations by name.
    static func all(_ transaction: borrowing ReadTransaction) throws -> [Found] {
        try transaction.query("\(query) ORDER BY d.name", row: read)
    }

    private static func read(_ row: borrowing Row) throws -> Found {
        let destination = ApiDestination(
            name: try row[0], identifier: try row[1], description: try row[2], connection: try row[3],
            connectionIdentifier: try row[4], endpoint: try row[5], method: try row[6], rate: try row[7],
            created: try row[8], modified: try row[9])
        return (destination, try row[10])
    }

    static func put(_ destination: ApiDestination, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT OR REPLACE INTO api_destinations (name, id, description, connection, connection_id, endpoint, method,
                rate, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, destination.name, destination.identifier, destination.description, destination.connection,
            destination.connectionIdentifier, destination.endpoint, destination.method, destination.rate,
            destination.created, destination.modified)
    }

    static func delete(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM api_destinations WHERE name = ?", name)
    }

    static func count(_ transaction: borrowing ReadTransaction) throws -> Int {
        try transaction.queryOne("SELECT count(*) FROM api_destinations") { try $0[0] } ?? 0
    }
}
