internal import API
internal import Core
internal import Platform
internal import Storage

/// Fetches the tokens of connections with OAuth client credentials, and keeps them while they are valid; in memory
/// only.
/// - Source: RFC 6749, section 4.4.
actor OAuthTokens {
    private let database: Database
    private let vault: Vault
    private let sender: any HTTPSender
    private let clock: any Clock
    private let log: Log
    private var tokens: [Identifier: OAuthToken] = [:]
    private var fetches: [Identifier: Task<Result<String, TargetFailure>, Never>] = [:]

    init(database: Database, vault: Vault, sender: any HTTPSender, clock: any Clock, log: Log) {
        self.database = database
        self.vault = vault
        self.sender = sender
        self.clock = clock
        self.log = log
    }

    /// Goes on with the connections that were being authorized when the server stopped.
    func start() async throws {
        let connections = try await database.read { try ConnectionStore.all($0) }
        for connection in connections where connection.state == .authorizing { authorize(connection) }
    }

    /// Begins to fetch a connection's first token; the connection's state tells what came of it.
    func authorize(_ connection: Connection) {
        Task {
            do {
                let found = try await self.database.read { try ConnectionStore.find(connection.name, $0) }
                guard let sealed = found?.secret else { return }
                let secrets = ConnectionSecrets(text: try self.vault.open(sealed))
                let failure = await self.failure(connection, secrets)
                // The next start begins again.
                if failure == .stopping { return }
                try await self.settle(connection, because: failure)
            } catch {
                self.log.error("connection \(connection.name) cannot be authorized: \(error)")
            }
        }
    }

    /// Why there is no token; nil where there is one.
    private func failure(_ connection: Connection, _ secrets: ConnectionSecrets) async -> TargetFailure? {
        do throws(TargetFailure) {
            _ = try await token(connection, secrets)
            return nil
        } catch {
            return error
        }
    }

    /// A token to send, fetched where there is none: `Bearer …`.
    /// - Throws: `TargetFailure`.
    func token(_ connection: Connection, _ secrets: ConnectionSecrets) async throws(TargetFailure) -> String {
        let key = connection.identifier
        var token = tokens[key] ?? OAuthToken()
        let need = token.need(now: clock.now)
        tokens[key] = token
        switch need {
        case .use(let text): return text
        case .fetch: fetches[key] = Task { await self.fetch(key, secrets) }
        case .wait: break
        }
        guard let fetch = fetches[key] else {
            throw TargetFailure(code: "INTERNAL_ERROR", message: "The token's fetch was given up.", isRetryable: true)
        }
        return try await fetch.value.get()
    }

    /// A server did not accept a token.
    func refused(_ token: String, _ connection: Connection) { tokens[connection.identifier]?.refused(token) }

    /// Lets go of what a connection's former secrets have brought.
    func forget(_ connection: Connection) {
        tokens[connection.identifier] = nil
        fetches[connection.identifier] = nil
    }

    func forgetAll() {
        tokens = [:]
        fetches = [:]
    }

    private func fetch(_ key: Identifier, _ secrets: ConnectionSecrets) async -> Result<String, TargetFailure> {
        let result: Result<OAuthAnswer, TargetFailure>
        do throws(TargetFailure) {
            result = .success(try OAuthAnswer(try await send(OAuthRequest(secrets).call), secrets))
        } catch {
            result = .failure(error)
        }
        fetches[key] = nil
        switch result {
        case .success(let answer):
            // Nil where the secrets it was fetched with are no longer the connection's.
            tokens[key]?.received(answer.token, lifetime: answer.lifetime, now: clock.now)
            return .success(answer.token)
        case .failure(let failure):
            tokens[key]?.failed()
            return .failure(failure)
        }
    }

    private func send(_ call: HTTPCall) async throws(TargetFailure) -> HTTPAnswer {
        do throws(HTTPFailure) {
            return try await sender.send(call)
        } catch {
            throw TargetFailure(error)
        }
    }

    private func settle(_ connection: Connection, because failure: TargetFailure?) async throws {
        let state: Connection.State = failure == nil ? .authorized : .deauthorized
        let reason = failure?.message
        let context = OperationContext(principal: .system, cause: connection.subject)
        try await database.write(context) { transaction in
            let found = try ConnectionStore.find(connection.name, transaction.reading)
            guard var found, found.connection.identifier == connection.identifier,
                found.connection.state == .authorizing
            else { return }
            found.connection.state = state
            found.connection.stateReason = reason
            if state == .authorized { found.connection.lastAuthorized = transaction.now }
            try ConnectionStore.put(found, transaction)
            let outcome: AuditOutcome = reason == nil ? .success : .failure(state.rawValue)
            try transaction.audit(
                "AuthorizeConnection", on: connection.subject, outcome: outcome,
                detail: reason.map { ["StateReason": .string($0)] } ?? [:])
        }
    }
}

/// The request for a token.
struct OAuthRequest {
    private let secrets: ConnectionSecrets

    init(_ secrets: ConnectionSecrets) { self.secrets = secrets }

    private static let formType = "application/x-www-form-urlencoded"

    /// The parameters are a form, as the standard has it; JSON where the connection's headers say so.
    var call: HTTPCall {
        let oauth = secrets.json["OAuthParameters"]
        let method = oauth?["HttpMethod"]?.string ?? "POST"
        var headers = secrets.fields("HeaderParameters", ofTokenRequest: true)
        var fields = secrets.fields("BodyParameters", ofTokenRequest: true)
        for (name, value) in [
            ("grant_type", "client_credentials"), ("client_id", oauth?["ClientParameters"]?["ClientID"]?.string),
            ("client_secret", oauth?["ClientParameters"]?["ClientSecret"]?.string),
        ] where !fields.contains(where: { $0.name == name }) {
            fields.append(HTTPField(name, value ?? ""))
        }
        var query = secrets.fields("QueryStringParameters", ofTokenRequest: true)
        var body: [UInt8]?
        let type = headers.first { $0.name.lowercased() == "content-type" }?.value
        if method == "GET" {
            query += fields
        } else if type?.hasPrefix("application/json") == true {
            body = JSON.object(JSONObject(fields.map { .init(key: $0.name, value: .string($0.value)) })).bytes
        } else {
            if type == nil { headers.append(HTTPField("Content-Type", OAuthRequest.formType)) }
            body = Array(DestinationRequest.form(fields).utf8)
        }
        headers.append(HTTPField("Accept", "application/json"))
        let endpoint = oauth?["AuthorizationEndpoint"]?.string ?? ""
        let parts = endpoint.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let url = DestinationRequest.url(parts.first ?? "", query: parts.count > 1 ? parts[1] : "", query)
        return HTTPCall(
            method: method, url: ApiDestination.scheme(of: url) == nil ? "https://\(url)" : url, headers: headers,
            body: body)
    }
}

/// What a token server answers.
struct OAuthAnswer {
    /// With its type before it.
    let token: String
    let lifetime: Duration?

    /// - Parameter secrets: What it was asked for with.
    /// - Throws: `TargetFailure` for a refusal, and for an answer without a token.
    init(_ answer: HTTPAnswer, _ secrets: ConnectionSecrets) throws(TargetFailure) {
        if let failure = TargetFailure(answer, secrets) {
            throw TargetFailure(
                code: failure.isRetryable ? failure.code : "NO_PERMISSIONS",
                message: "The token server refuses: \(failure.message)", isRetryable: failure.isRetryable,
                retryAfter: failure.retryAfter)
        }
        guard let json = try? JSON(parsing: answer.body), let token = json["access_token"]?.string, !token.isEmpty
        else {
            throw TargetFailure(code: "NO_PERMISSIONS", message: "The token server's answer has no access_token.")
        }
        let type = json["token_type"]?.string ?? "Bearer"
        self.token = "\(type.lowercased() == "bearer" ? "Bearer" : type) \(token)"
        lifetime = (json["expires_in"]?.int ?? json["expires_in"]?.string.flatMap { Int($0) }).map { .seconds($0) }
    }
}
