internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations on connections, as in the EventBridge API.
struct ConnectionOperations: Sendable {
    let database: Database
    let vault: Vault
    let tokens: OAuthTokens
    let account: Account

    private static let connectionsMax = 3000
    private static let kmsKey = Field.optional(
        "KmsKeyIdentifier", .string(length: 0...2048, pattern: #"[a-zA-Z0-9_\-/:]*"#))
    private static let outline: [Field] = [
        .optional("ConnectionArn", .string()), .optional("ConnectionState", .string()),
        .optional("CreationTime", .timestamp), .optional("LastModifiedTime", .timestamp),
        .optional("LastAuthorizedTime", .timestamp),
    ]
    private static let types = Connection.Authorization.allCases.map(\.rawValue)

    var all: [Operation] {
        let name = Field.required("Name", .name(1...64, .resourceName))
        let description = Field.optional("Description", .string(length: 0...512))
        let connectivity = Field.optional("InvocationConnectivityParameters", .any)
        let outline = ConnectionOperations.outline
        return [
            Operation(
                "events:CreateConnection", "Creates a connection, with which API destinations are called.", .writes,
                input: [
                    name, description,
                    .required("AuthorizationType", .string(values: ConnectionOperations.types)),
                    .required("AuthParameters", ConnectionFields.authParameters(isUpdate: false), sensitive: true),
                    connectivity, ConnectionOperations.kmsKey,
                ], output: outline, handler: create),
            Operation(
                "events:UpdateConnection", "Changes a connection; what is not given stays.", .writes,
                input: [
                    name, description,
                    .optional("AuthorizationType", .string(values: ConnectionOperations.types)),
                    .optional("AuthParameters", ConnectionFields.authParameters(isUpdate: true), sensitive: true),
                    connectivity, ConnectionOperations.kmsKey,
                ], output: outline, handler: update),
            Operation(
                "events:DeauthorizeConnection", "Forgets the secrets of a connection.", .writes, input: [name],
                output: outline, handler: deauthorize),
            Operation(
                "events:DeleteConnection", "Deletes a connection.", .writes, input: [name], output: outline,
                handler: delete),
            Operation(
                "events:DescribeConnection", "Answers a connection, without its secrets.", .reads, input: [name],
                output: outline, handler: describe),
            Operation(
                "events:ListConnections", "Lists connections by name.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...64, .resourceName)),
                    .optional(
                        "ConnectionState",
                        .string(values: [
                            "CREATING", "UPDATING", "DELETING", "AUTHORIZED", "DEAUTHORIZED", "AUTHORIZING",
                            "DEAUTHORIZING", "ACTIVE", "FAILED_CONNECTIVITY",
                        ])),
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ],
                output: [
                    .optional("Connections", .list(.structure(outline))), .optional("NextToken", .string()),
                ], handler: list),
        ]
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        try ConnectionOperations.refuseConnectivity(input)
        let authorization = try authorization(input)
        let secrets = try ConnectionSecrets(input["AuthParameters"] ?? [:], for: authorization)
        let sealed = vault.seal(secrets.text)
        var random = BlockRandom()
        let identifier = Identifier(using: &random)
        let connection = try await database.write(context) { transaction in
            guard try ConnectionStore.find(name, transaction.reading) == nil else {
                throw ServiceError(.resourceAlreadyExists, "Connection \(name) already exists.")
            }
            guard try ConnectionStore.count(transaction.reading) < ConnectionOperations.connectionsMax else {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
            var connection = Connection(
                name: name, identifier: identifier, description: input["Description"]?.string,
                authorization: authorization, state: .authorizing, kmsKey: input["KmsKeyIdentifier"]?.string,
                created: transaction.now, modified: transaction.now)
            connection.beginAuthorization(at: transaction.now)
            try ConnectionStore.put((connection, sealed), transaction)
            try transaction.audit("CreateConnection", on: connection.subject, outcome: .success)
            return connection
        }
        if connection.state == .authorizing { await tokens.authorize(connection) }
        return connection.outline(in: account)
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        try ConnectionOperations.refuseConnectivity(input)
        let (vault, changesAuthorization) = (vault, input["AuthParameters"] != nil || input["AuthorizationType"] != nil)
        let connection = try await change(name, "UpdateConnection", context) { found, now in
            found.connection.description = input["Description"]?.string ?? found.connection.description
            found.connection.kmsKey = input["KmsKeyIdentifier"]?.string ?? found.connection.kmsKey
            guard changesAuthorization else { return }
            let old = found.connection.authorization
            let new = input["AuthorizationType"]?.string.flatMap(Connection.Authorization.init) ?? old
            var secrets = ConnectionSecrets(text: try found.secret.map { try vault.open($0) } ?? "{}")
                .merged(input["AuthParameters"])
            if new != old { secrets[old.member] = nil }
            found.secret = vault.seal(try ConnectionSecrets(secrets, for: new).text)
            found.connection.authorization = new
            found.connection.beginAuthorization(at: now)
        }
        if changesAuthorization {
            await tokens.forget(connection)
            if connection.state == .authorizing { await tokens.authorize(connection) }
        }
        return connection.outline(in: account)
    }

    private func deauthorize(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let connection = try await change(name, "DeauthorizeConnection", context) { found, _ in
            found.secret = nil
            found.connection.state = .deauthorized
            found.connection.stateReason = "DeauthorizeConnection was called."
        }
        await tokens.forget(connection)
        return connection.outline(in: account)
    }

    /// Changes one existing connection.
    private func change(
        _ name: String, _ action: String, _ context: OperationContext,
        _ edit: @escaping @Sendable (inout ConnectionStore.Found, Timestamp) throws -> Void
    ) async throws -> Connection {
        try await database.write(context) { transaction in
            guard var found = try ConnectionStore.find(name, transaction.reading) else {
                throw ConnectionOperations.missing(name)
            }
            try edit(&found, transaction.now)
            found.connection.modified = transaction.now
            try ConnectionStore.put(found, transaction)
            try transaction.audit(action, on: found.connection.subject, outcome: .success)
            return found.connection
        }
    }

    /// Answers the state before.
    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let connection = try await database.write(context) { transaction in
            guard let found = try ConnectionStore.find(name, transaction.reading) else {
                throw ConnectionOperations.missing(name)
            }
            try ConnectionStore.delete(name, transaction)
            try transaction.audit("DeleteConnection", on: found.connection.subject, outcome: .success)
            return found.connection
        }
        await tokens.forget(connection)
        return connection.outline(in: account)
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        guard let found = try await database.read({ try ConnectionStore.find(name, $0) }) else {
            throw ConnectionOperations.missing(name)
        }
        var output = found.connection.summary(in: account)
        output["Description"] = found.connection.description.map { .string($0) }
        output["KmsKeyIdentifier"] = found.connection.kmsKey.map { .string($0) }
        output["SecretArn"] = .string(found.connection.secretARN(in: account).description)
        output["AuthParameters"] = try found.secret.map { ConnectionSecrets(text: try vault.open($0)).shown } ?? [:]
        return output
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let prefix = input["NamePrefix"]?.string ?? ""
        let state = input["ConnectionState"]?.string
        let found = try await database.read { try ConnectionStore.all($0) }.filter {
            $0.name.hasPrefix(prefix) && (state == nil || $0.state.rawValue == state)
        }
        let page = Page(found, by: \.name, input)
        var output: JSON = ["Connections": .array(page.items.map { $0.summary(in: account) })]
        output["NextToken"] = page.nextToken
        return output
    }

    private func authorization(_ input: JSON) throws(ServiceError) -> Connection.Authorization {
        guard let type = input["AuthorizationType"]?.string.flatMap(Connection.Authorization.init) else {
            throw ServiceError(.validation, "Parameter AuthorizationType must be specified.")
        }
        return type
    }

    private static func refuseConnectivity(_ input: JSON) throws(ServiceError) {
        if input["InvocationConnectivityParameters"] == nil { return }
        throw ServiceError(
            .unsupportedOperation,
            "InvocationConnectivityParameters, a way through a VPC, are not offered: OpsBus calls the endpoint itself.")
    }

    static func missing(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Connection '\(name)' does not exist.")
    }
}

extension Connection {
    /// What the audit log calls it.
    var subject: Subject { Subject(.connection, name) }

    /// With credentials of its own a connection is authorized at once; a token must be fetched first.
    fileprivate mutating func beginAuthorization(at time: Timestamp) {
        state = authorization == .oauth ? .authorizing : .authorized
        stateReason = nil
        if state == .authorized { lastAuthorized = time }
    }
}
