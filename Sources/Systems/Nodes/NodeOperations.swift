public import API
internal import Core
internal import Platform
internal import Storage

extension NodeService {
    /// The operations on nodes and activations, for the table.
    public nonisolated var operations: [Operation] { activationOperations + nodeOperations }

    private nonisolated var activationOperations: [Operation] {
        [
            Operation(
                "ssm:CreateActivation", "Make an id and a code with which machines register as nodes", .writes,
                input: [
                    .optional("Description", .string(length: 0...256)),
                    .optional("DefaultInstanceName", NodeShapes.nodeName),
                    .required("IamRole", .string(length: 0...64)),
                    .optional("RegistrationLimit", .integer(1...1000)), .optional("ExpirationDate", .timestamp),
                    .optional("Tags", DocumentShapes.tags), .optional("RegistrationMetadata", Self.metadata),
                ], handler: createActivation),
            Operation(
                "ssm:DeleteActivation", "Delete an activation; nodes registered with it stay", .writes,
                input: [.required("ActivationId", NodeShapes.activationID)],
                handler: deleteActivation),
            Operation(
                "ssm:DescribeActivations", "List activations", .reads,
                input: [
                    .optional("Filters", .list(.structure([
                        .optional("FilterKey", .string(values: ["ActivationIds", "DefaultInstanceName", "IamRole"])),
                        .optional("FilterValues", .list(.string())),
                    ]))),
                    .optional("MaxResults", .integer(1...50)), .optional("NextToken", .string()),
                ], handler: describeActivations),
        ]
    }

    private nonisolated var nodeOperations: [Operation] {
        [
            Operation(
                "ssm:DescribeInstanceInformation", "List managed nodes", .reads,
                input: [
                    .optional("InstanceInformationFilterList", .list(.structure([
                        .required("key", .string(values: NodeShapes.filterKeys)),
                        .required("valueSet", NodeShapes.filterValues),
                    ]))),
                    .optional("Filters", .list(.structure([
                        .required("Key", .string(length: 1...Int.max)), .required("Values", NodeShapes.filterValues),
                    ]))),
                    .optional("MaxResults", .integer(5...50)), .optional("NextToken", .string()),
                ], handler: describeInstanceInformation),
            Operation(
                "ssm:DescribeInstanceProperties", "List managed nodes with what is known of each machine", .reads,
                input: [
                    .optional("InstancePropertyFilterList", .list(.structure([
                        .required("key", .string(values: NodeShapes.filterKeys + ["DocumentName"])),
                        .required("valueSet", NodeShapes.propertyValues),
                    ]), count: 1...40)),
                    .optional("FiltersWithOperator", .list(.structure([
                        .required("Key", .string(length: 1...100_000, pattern: "^.{1,100000}$")),
                        .required("Values", NodeShapes.propertyValues),
                        .optional(
                            "Operator",
                            .string(values: ["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan"])),
                    ]), count: 1...40)),
                    .optional("MaxResults", .integer(5...1000)), .optional("NextToken", .string()),
                ], handler: describeInstanceProperties),
            Operation(
                "ssm:UpdateManagedInstanceRole", "Change the role that is noted for a node", .writes,
                input: [
                    .required("InstanceId", NodeShapes.managedID), .required("IamRole", .string(length: 0...64)),
                ], handler: updateManagedInstanceRole),
            Operation(
                "ssm:DeregisterManagedInstance", "Remove a node; its agent is refused from then on", .writes,
                input: [.required("InstanceId", NodeShapes.managedID)], handler: deregisterManagedInstance),
        ]
    }

    private static let metadata = Shape.list(
        .structure([.required("Key", NodeShapes.text(1...128)), .required("Value", NodeShapes.text(1...2048))]))

    // MARK: Activations

    private static let activationLife = Duration.seconds(24 * 3600)
    private static let activationLifeMax = Duration.seconds(30 * 24 * 3600)

    @Sendable private nonisolated func createActivation(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        guard (input["RegistrationMetadata"]?.array ?? []).isEmpty else {
            throw ServiceError(
                .unsupportedOperation, "RegistrationMetadata is not supported; what is to be known of nodes are Tags.")
        }
        let now = clock.now
        let expiresAt = input["ExpirationDate"]?.timestamp ?? now + Self.activationLife
        guard expiresAt > now, expiresAt <= now + Self.activationLifeMax else {
            throw ServiceError(.invalidParameters, "ExpirationDate must be in the future, at most 30 days from now.")
        }
        let tags = [ManagedNode.Tag](json: input["Tags"])
        guard tags.count <= TagOperations.tagsMax else {
            throw ServiceError(.invalidParameters, "A node may have \(TagOperations.tagsMax) tags.")
        }
        var generator = SystemRandomNumberGenerator()
        let activation = Activation(
            id: Identifier(using: &generator).description, description: input["Description"]?.string ?? "",
            defaultName: input["DefaultInstanceName"]?.string ?? "", iamRole: input["IamRole"]?.string ?? "",
            limit: input["RegistrationLimit"]?.int ?? 1, registrations: 0, expiresAt: expiresAt, createdAt: now,
            tags: tags)
        let code = Self.activationCode(using: &generator)
        try await store.database.write(context) { transaction in
            try NodeStore.add(activation, code: code, in: transaction)
            try transaction.audit(
                "CreateActivation", on: Subject(.operation, activation.id), outcome: .success,
                detail: [
                    "RegistrationLimit": .integer(activation.limit),
                    "ExpirationDate": .string(activation.expiresAt.description),
                ])
        }
        return ["ActivationId": .string(activation.id), "ActivationCode": .string(code)]
    }

    /// 20 letters and digits: 119 bits.
    private static func activationCode(using generator: inout some RandomNumberGenerator) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let code = (0..<20).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] }
        return String(decoding: code, as: UTF8.self)
    }

    @Sendable private nonisolated func deleteActivation(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let id = input["ActivationId"]?.string ?? ""
        guard Identifier(id) != nil else {
            throw ServiceError(.invalidActivationID, "An activation id is a UUID, not '\(id)'.")
        }
        try await store.database.write(context) { transaction in
            guard try transaction.execute("DELETE FROM activations WHERE id = ?", id) > 0 else {
                throw ServiceError(.invalidActivationID, "There is no activation \(id).")
            }
            try transaction.audit("DeleteActivation", on: Subject(.operation, id), outcome: .success)
        }
        return [:]
    }

    @Sendable private nonisolated func describeActivations(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let filters = input["Filters"]?.array ?? []
        let matching = try await store.activations().filter { activation in
            filters.allSatisfy { filter in
                let value =
                    switch filter["FilterKey"]?.string {
                    case "ActivationIds": activation.id
                    case "DefaultInstanceName": activation.defaultName
                    default: activation.iamRole
                    }
                return filter["FilterValues"]?.strings.contains(value) ?? false
            }
        }
        let now = clock.now
        return try Page(
            of: matching, after: input["NextToken"]?.string, count: input["MaxResults"]?.int ?? 50, key: \.id
        ).json("ActivationList") { $0.json(now: now) }
    }

    // MARK: Nodes

    @Sendable private nonisolated func describeInstanceInformation(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let filter = try NodeFilter(information: input)
        let matching = try await nodes().filter(filter.matches)
        return try Page(
            of: matching, after: input["NextToken"]?.string, count: input["MaxResults"]?.int ?? 10, key: \.id
        ).json("InstanceInformationList", \.informationJSON)
    }

    @Sendable private nonisolated func describeInstanceProperties(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let filter = try NodeFilter(properties: input)
        let matching = try await nodes().filter(filter.matches)
        return try Page(
            of: matching, after: input["NextToken"]?.string, count: input["MaxResults"]?.int ?? 50, key: \.id
        ).json("InstanceProperties", \.propertiesJSON)
    }

    @Sendable private nonisolated func updateManagedInstanceRole(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let id = input["InstanceId"]?.string ?? ""
        let role = input["IamRole"]?.string ?? ""
        try await store.database.write(context) { transaction in
            let count = try transaction.execute(
                "UPDATE nodes SET iam_role = ? WHERE id = ? AND is_removed = 0", role, id)
            guard count > 0 else { throw Self.unknown(id) }
            try transaction.audit(
                "UpdateManagedInstanceRole", on: Subject(.node, id), outcome: .success,
                detail: ["IamRole": .string(role)])
        }
        return [:]
    }

    @Sendable private nonisolated func deregisterManagedInstance(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let id = input["InstanceId"]?.string ?? ""
        try await store.database.write(context) { transaction in
            let count = try transaction.execute(
                "UPDATE nodes SET is_removed = 1, ping_status = ? WHERE id = ? AND is_removed = 0",
                ManagedNode.PingStatus.connectionLost, id)
            guard count > 0 else { throw Self.unknown(id) }
            try transaction.audit("DeregisterManagedInstance", on: Subject(.node, id), outcome: .success)
        }
        await expel(id)
        return [:]
    }

    private static func unknown(_ node: String) -> ServiceError {
        ServiceError(.invalidInstanceID, "There is no managed node \(node).")
    }
}
