internal import API
internal import Core

/// How requests to API destinations are authorised, and what they all carry.
struct Connection: Sendable {
    enum Authorization: String, Sendable, CaseIterable {
        case basic = "BASIC"
        case oauth = "OAUTH_CLIENT_CREDENTIALS"
        case apiKey = "API_KEY"

        /// The member of `AuthParameters` that belongs to it.
        var member: String {
            switch self {
            case .basic: "BasicAuthParameters"
            case .oauth: "OAuthParameters"
            case .apiKey: "ApiKeyAuthParameters"
            }
        }
    }

    enum State: String, Sendable {
        case authorizing = "AUTHORIZING"
        case authorized = "AUTHORIZED"
        case deauthorized = "DEAUTHORIZED"
    }

    var name: String
    /// Tells a connection from an earlier one of the same name.
    var identifier: Identifier
    var description: String?
    var authorization: Authorization
    var state: State
    var stateReason: String?
    /// Kept for clients that read it back; the vault's own key seals.
    var kmsKey: String?
    var created: Timestamp
    var modified: Timestamp
    var lastAuthorized: Timestamp?

    func arn(in account: Account) -> ARN { account.arn("events", "connection/\(name)/\(identifier)") }

    /// Under which name the service would keep the secret; nothing answers there.
    func secretARN(in account: Account) -> ARN {
        account.arn("secretsmanager", "secret:events!connection/\(name)/\(identifier)")
    }

    /// The members of `ListConnections`.
    func summary(in account: Account) -> JSON {
        var json: JSON = [
            "ConnectionArn": .string(arn(in: account).description), "Name": .string(name),
            "ConnectionState": .string(state.rawValue), "AuthorizationType": .string(authorization.rawValue),
        ]
        json["StateReason"] = stateReason.map { .string($0) }
        for member in times.object ?? JSONObject() { json[member.key] = member.value }
        return json
    }

    /// What operations answer that change a connection.
    func outline(in account: Account) -> JSON {
        var json: JSON = [
            "ConnectionArn": .string(arn(in: account).description), "ConnectionState": .string(state.rawValue),
        ]
        for member in times.object ?? JSONObject() { json[member.key] = member.value }
        return json
    }

    private var times: JSON {
        var json: JSON = [
            "CreationTime": .string(created.millisecondDescription),
            "LastModifiedTime": .string(modified.millisecondDescription),
        ]
        json["LastAuthorizedTime"] = lastAuthorized.map { .string($0.millisecondDescription) }
        return json
    }
}

/// `AuthParameters` of a connection, secrets and all. Only ever kept sealed.
struct ConnectionSecrets: Sendable {
    /// As `CreateConnection` takes them.
    private(set) var json: JSON

    /// - Throws: `ServiceError` `.validation` where they are not those of the kind of authorization.
    init(_ json: JSON, for authorization: Connection.Authorization) throws(ServiceError) {
        if json["ConnectivityParameters"] != nil {
            throw ServiceError(
                .unsupportedOperation,
                "ConnectivityParameters, a way through a VPC, are not offered: OpsBus calls the endpoint itself.")
        }
        for other in Connection.Authorization.allCases {
            guard (json[other.member] != nil) == (other == authorization) else {
                throw ServiceError(
                    .validation,
                    "AuthorizationType \(authorization.rawValue) needs \(authorization.member), and no other "
                        + "parameters of authorization.")
            }
        }
        self.json = json
    }

    /// Reads what was sealed.
    init(text: String) { json = (try? JSON(parsing: text)) ?? [:] }

    var text: String { json.text }

    /// The parameters with those of an update in the place of the ones they name.
    func merged(_ update: JSON?) -> JSON {
        guard let update else { return json }
        return ConnectionSecrets.merge(json, update)
    }

    private static func merge(_ old: JSON, _ new: JSON) -> JSON {
        guard old.object != nil, let members = new.object else { return new }
        var merged = old
        for member in members { merged[member.key] = old[member.key].map { merge($0, member.value) } ?? member.value }
        return merged
    }

    /// What `DescribeConnection` answers: all but what is secret.
    var shown: JSON {
        var shown: JSON = [:]
        if let basic = json["BasicAuthParameters"] {
            shown["BasicAuthParameters"] = ConnectionSecrets.members(["Username"], of: basic)
        }
        if let key = json["ApiKeyAuthParameters"] {
            shown["ApiKeyAuthParameters"] = ConnectionSecrets.members(["ApiKeyName"], of: key)
        }
        if let oauth = json["OAuthParameters"] {
            var shownOAuth = ConnectionSecrets.members(["AuthorizationEndpoint", "HttpMethod"], of: oauth)
            shownOAuth["ClientParameters"] = ConnectionSecrets.members(
                ["ClientID"], of: oauth["ClientParameters"] ?? [:])
            shownOAuth["OAuthHttpParameters"] = oauth["OAuthHttpParameters"].map(ConnectionSecrets.withoutSecrets)
            shown["OAuthParameters"] = shownOAuth
        }
        shown["InvocationHttpParameters"] = json["InvocationHttpParameters"].map(ConnectionSecrets.withoutSecrets)
        return shown
    }

    private static func members(_ names: [String], of json: JSON) -> JSON {
        var result: JSON = [:]
        for name in names { result[name] = json[name] }
        return result
    }

    private static func withoutSecrets(_ parameters: JSON) -> JSON {
        var result: JSON = [:]
        for member in parameters.object ?? JSONObject() {
            let fields = (member.value.array ?? []).map { field in
                field["IsValueSecret"]?.bool == true ? members(["Key", "IsValueSecret"], of: field) : field
            }
            result[member.key] = .array(fields)
        }
        return result
    }

    /// What the header `Authorization` says after `Basic`; nil for other kinds of authorization.
    var basicCredentials: String? {
        guard let basic = json["BasicAuthParameters"] else { return nil }
        return Base64.encode(Array("\(basic["Username"]?.string ?? ""):\(basic["Password"]?.string ?? "")".utf8))
    }

    private var secrets: [String] {
        let parameters = [json["InvocationHttpParameters"], json["OAuthParameters"]?["OAuthHttpParameters"]]
        let fields = parameters.flatMap { ($0?.object ?? JSONObject()).flatMap { $0.value.array ?? [] } }
        let own: [String?] = [
            basicCredentials, json["BasicAuthParameters"]?["Password"]?.string,
            json["ApiKeyAuthParameters"]?["ApiKeyValue"]?.string,
            json["OAuthParameters"]?["ClientParameters"]?["ClientSecret"]?.string,
        ]
        return own.compactMap { $0 }
            + fields.filter { $0["IsValueSecret"]?.bool == true }.compactMap { $0["Value"]?.string }
    }

    /// What is shorter would be found in any text.
    private static let concealedCharactersMin = 4

    /// A text of somebody else's without the secrets: servers may answer with what they were sent.
    /// - Parameter token: One more secret, with its type before it.
    func concealed(_ text: String, token: String? = nil) -> String {
        let all = secrets + (token?.split(separator: " ").suffix(1).map(String.init) ?? [])
        var text = text
        // The longest first, for those that hold others.
        for secret in all.sorted(by: { $0.count > $1.count })
        where secret.count >= ConnectionSecrets.concealedCharactersMin {
            let quoted = JSON.string(secret).text.dropFirst().dropLast()
            for form in [secret, PercentEncoding.encode(secret.utf8), String(quoted)] {
                text = text.replacing(form, with: "(secret)")
            }
        }
        return text
    }

    /// The fields of one list of HTTP parameters: of every request, or of those for a token.
    func fields(_ list: String, ofTokenRequest: Bool = false) -> [HTTPField] {
        let parameters =
            ofTokenRequest ? json["OAuthParameters"]?["OAuthHttpParameters"] : json["InvocationHttpParameters"]
        return (parameters?[list]?.array ?? []).map { HTTPField($0["Key"]?.string ?? "", $0["Value"]?.string ?? "") }
    }
}
