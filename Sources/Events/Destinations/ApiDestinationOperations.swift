internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations on API destinations, as in the EventBridge API.
struct ApiDestinationOperations: Sendable {
    let database: Database
    let account: Account

    private static let destinationsMax = 3000
    private static let connectionARN: TextPattern =
        #"arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+"#
    private static let outline: [Field] = [
        .optional("ApiDestinationArn", .string()), .optional("ApiDestinationState", .string()),
        .optional("CreationTime", .timestamp), .optional("LastModifiedTime", .timestamp),
    ]

    var all: [Operation] {
        let name = Field.required("Name", .name(1...64, .resourceName))
        let outline = ApiDestinationOperations.outline
        return [
            Operation(
                "events:CreateApiDestination", "Makes an HTTP endpoint a target for rules.", .writes,
                input: [name] + ApiDestinationOperations.fields(areRequired: true), output: outline, handler: create),
            Operation(
                "events:UpdateApiDestination", "Changes an API destination; what is not given stays.", .writes,
                input: [name] + ApiDestinationOperations.fields(areRequired: false), output: outline, handler: update),
            Operation(
                "events:DeleteApiDestination", "Deletes an API destination.", .writes, input: [name], handler: delete),
            Operation(
                "events:DescribeApiDestination", "Answers an API destination.", .reads, input: [name], output: outline,
                handler: describe),
            Operation(
                "events:ListApiDestinations", "Lists API destinations by name.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...64, .resourceName)),
                    .optional(
                        "ConnectionArn",
                        .string(length: 1...1600, pattern: ApiDestinationOperations.connectionARN)),
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ],
                output: [
                    .optional("ApiDestinations", .list(.structure(outline))), .optional("NextToken", .string()),
                ], handler: list),
        ]
    }

    private static func fields(areRequired: Bool) -> [Field] {
        func member(_ name: String, _ shape: Shape) -> Field {
            areRequired ? .required(name, shape) : .optional(name, shape)
        }
        return [
            .optional("Description", .string(length: 0...512)),
            member(
                "ConnectionArn",
                .string(length: 1...1600, pattern: connectionARN)),
            member("InvocationEndpoint", ConnectionFields.endpoint),
            member("HttpMethod", .string(values: ApiDestination.methods)),
            .optional("InvocationRateLimitPerSecond", .integer(1...Int.max)),
        ]
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        var random = BlockRandom()
        let identifier = Identifier(using: &random)
        let account = account
        let found = try await database.write(context) { transaction in
            guard try ApiDestinationStore.find(name, transaction.reading) == nil else {
                throw ServiceError(.resourceAlreadyExists, "An api-destination '\(name)' already exists.")
            }
            guard try ApiDestinationStore.count(transaction.reading) < ApiDestinationOperations.destinationsMax else {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
            var destination = ApiDestination(
                name: name, identifier: identifier, connection: "", connectionIdentifier: identifier, endpoint: "",
                method: "", created: transaction.now, modified: transaction.now)
            try destination.set(input, account, transaction.reading)
            return try ApiDestinationOperations.store(destination, "CreateApiDestination", transaction)
        }
        return outline(found)
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let account = account
        let found = try await database.write(context) { transaction in
            guard var destination = try ApiDestinationStore.find(name, transaction.reading)?.destination else {
                throw ApiDestinationOperations.missing(name)
            }
            try destination.set(input, account, transaction.reading)
            destination.modified = transaction.now
            return try ApiDestinationOperations.store(destination, "UpdateApiDestination", transaction)
        }
        return outline(found)
    }

    private static func store(
        _ destination: ApiDestination, _ action: String, _ transaction: borrowing Transaction
    ) throws -> ApiDestinationStore.Found {
        try ApiDestinationStore.put(destination, transaction)
        try transaction.audit(
            action, on: destination.subject, outcome: .success,
            detail: ["InvocationEndpoint": .string(destination.endpoint), "HttpMethod": .string(destination.method)])
        return try ApiDestinationStore.find(destination.name, transaction.reading) ?? (destination, false)
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        try await database.write(context) { transaction in
            guard let found = try ApiDestinationStore.find(name, transaction.reading) else {
                throw ApiDestinationOperations.missing(name)
            }
            try ApiDestinationStore.delete(name, transaction)
            try transaction.audit("DeleteApiDestination", on: found.destination.subject, outcome: .success)
        }
        return [:]
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        guard let found = try await database.read({ try ApiDestinationStore.find(name, $0) }) else {
            throw ApiDestinationOperations.missing(name)
        }
        var output = summary(found)
        output["Description"] = found.destination.description.map { .string($0) }
        return output
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let prefix = input["NamePrefix"]?.string ?? ""
        let connection = input["ConnectionArn"]?.string
        let found = try await database.read { try ApiDestinationStore.all($0) }.filter {
            $0.destination.name.hasPrefix(prefix)
                && (connection == nil || $0.destination.connectionARN(in: account).description == connection)
        }
        let page = Page(found, by: \.destination.name, input)
        var output: JSON = ["ApiDestinations": .array(page.items.map(summary))]
        output["NextToken"] = page.nextToken
        return output
    }

    private func outline(_ found: ApiDestinationStore.Found) -> JSON {
        [
            "ApiDestinationArn": .string(found.destination.arn(in: account).description),
            "ApiDestinationState": found.isActive ? "ACTIVE" : "INACTIVE",
            "CreationTime": .string(found.destination.created.millisecondDescription),
            "LastModifiedTime": .string(found.destination.modified.millisecondDescription),
        ]
    }

    private func summary(_ found: ApiDestinationStore.Found) -> JSON {
        let destination = found.destination
        var json = outline(found)
        json["Name"] = .string(destination.name)
        json["ConnectionArn"] = .string(destination.connectionARN(in: account).description)
        json["InvocationEndpoint"] = .string(destination.endpoint)
        json["HttpMethod"] = .string(destination.method)
        json["InvocationRateLimitPerSecond"] = .integer(destination.rate ?? ApiDestination.defaultRate)
        return json
    }

    private static func missing(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "An api-destination '\(name)' does not exist.")
    }
}

extension ApiDestination {
    /// Takes over what an input names.
    fileprivate mutating func set(
        _ input: JSON, _ account: Account, _ transaction: borrowing ReadTransaction
    ) throws {
        description = input["Description"]?.string ?? description
        method = input["HttpMethod"]?.string ?? method
        rate = input["InvocationRateLimitPerSecond"]?.int ?? rate
        if let text = input["InvocationEndpoint"]?.string {
            if let scheme = ApiDestination.scheme(of: text), scheme != "http", scheme != "https" {
                throw ServiceError(
                    .validation, "Parameter InvocationEndpoint is not valid. Reason: it must begin with https://.")
            }
            endpoint = text
        }
        guard let arn = input["ConnectionArn"]?.string else { return }
        // Only the names count, so that clients of any region find it.
        let parts = ARN(arn)?.name(ofType: "connection")?.split(separator: "/").map(String.init) ?? []
        guard parts.count == 2, let found = try ConnectionStore.find(parts[0], transaction),
            found.connection.identifier.description == parts[1]
        else {
            throw ServiceError(.resourceNotFound, "Connection '\(arn)' does not exist.")
        }
        connection = found.connection.name
        connectionIdentifier = found.connection.identifier
    }
}
