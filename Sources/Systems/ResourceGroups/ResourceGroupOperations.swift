internal import API
internal import Core
internal import Storage

/// The part of the Resource Groups API that makes groups of managed nodes by their tags.
/// - Source: botocore's model of `resource-groups`, 2017-11-27.
struct ResourceGroupOperations: Sendable {
    let nodes: NodeService
    let database: Database
    let account: Account

    private static let groupsMax = 1000
    private static let name = Shape.name(
        1...300, CharacterRule(pattern: #"[a-zA-Z0-9_\.-]+"#, lettersDigitsAnd: "_.-"))
    private static let description = Shape.string(length: 0...1024, pattern: #"[\sa-zA-Z0-9_\.-]*"#)
    private static let query = Shape.structure([
        .required("Type", .string(length: 1...128, values: ["TAG_FILTERS_1_0", "CLOUDFORMATION_STACK_1_0"])),
        .required("Query", .string(length: 0...4096)),
    ])
    private static let tags = Shape.map(value, keys: key, count: 0...50)
    private static let groupFields: [Field] = [
        .optional(
            "GroupName",
            .string(length: 1...300, pattern: #"[a-zA-Z0-9_\.-]{1,300}|[a-zA-Z0-9_\.-]{1,150}/[a-z0-9]{26}"#)),
        .optional(
            "Group",
            .string(
                length: 1...1600,
                pattern: #"[a-zA-Z0-9_\.-]{1,300}|[a-zA-Z0-9_\.-]{1,150}/[a-z0-9]{26}|arn:aws.*:resource-groups:.+"#)),
    ]
    private static let arn = Field.required(
        "Arn", .string(length: 12...1600, pattern: "arn:aws(-[a-z]+)*:resource-groups:.+"))
    private static let label = Shape.string(length: 0...300, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#)
    private static let unsupported: [Field] = [
        .optional("Criticality", .integer(1...10)), .optional("Owner", label), .optional("DisplayName", label),
    ]
    private static let key = Shape.string(length: 1...128, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#)
    private static let value = Shape.string(length: 0...256, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#)

    var all: [Operation] { groupOperations + listOperations + tagOperations }

    private var groupOperations: [Operation] {
        [
            Operation(
                "resource-groups:CreateGroup", "Make a group of the nodes that have certain tags", .writes,
                input: [
                    .required("Name", Self.name), .optional("Description", Self.description),
                    .optional("ResourceQuery", Self.query), .optional("Tags", Self.tags),
                    .optional("Configuration", .any),
                ] + Self.unsupported,
                output: [.optional("Tags", .map(.string()))], route: Route(.post, "/groups"), handler: create),
            Operation(
                "resource-groups:GetGroup", "Show a group", .reads, input: Self.groupFields,
                route: Route(.post, "/get-group"), handler: get),
            Operation(
                "resource-groups:GetGroupQuery", "Show a group's query", .reads, input: Self.groupFields,
                route: Route(.post, "/get-group-query"), handler: getQuery),
            Operation(
                "resource-groups:UpdateGroup", "Change a group's description", .writes,
                input: Self.groupFields + [.optional("Description", Self.description)] + Self.unsupported,
                route: Route(.post, "/update-group"), handler: update),
            Operation(
                "resource-groups:UpdateGroupQuery", "Change who belongs to a group", .writes,
                input: Self.groupFields + [.required("ResourceQuery", Self.query)],
                route: Route(.post, "/update-group-query"), handler: updateQuery),
            Operation(
                "resource-groups:DeleteGroup", "Delete a group; its nodes stay", .writes, input: Self.groupFields,
                route: Route(.post, "/delete-group"), handler: delete),
        ]
    }

    private var listOperations: [Operation] {
        let filter = Shape.structure([
            .required("Name", .string()), .required("Values", .list(.string(length: 1...300), count: 1...5)),
        ])
        let page: [Field] = [
            .optional("Filters", .list(filter)), .optional("MaxResults", .integer(1...50)),
            .optional("NextToken", .string(length: 0...8192)),
        ]
        return [
            Operation(
                "resource-groups:ListGroups", "List the groups", .reads, input: page,
                route: Route(
                    .post, "/groups-list", query: ["maxResults": "MaxResults", "nextToken": "NextToken"]),
                handler: list),
            Operation(
                "resource-groups:ListGroupResources", "List the nodes that belong to a group now", .reads,
                input: Self.groupFields + page, route: Route(.post, "/list-group-resources"), handler: listResources),
        ]
    }

    private var tagOperations: [Operation] {
        let path = "/resources/{Arn}/tags"
        return [
            Operation(
                "resource-groups:Tag", "Add tags to a group", .writes,
                input: [Self.arn, .required("Tags", Self.tags)], output: [.optional("Tags", .map(.string()))],
                route: Route(.put, path), handler: tag),
            Operation(
                "resource-groups:Untag", "Remove tags from a group", .writes,
                input: [Self.arn, .required("Keys", .list(Self.key))], route: Route(.patch, path),
                handler: untag),
            Operation(
                "resource-groups:GetTags", "List the tags of a group", .reads, input: [Self.arn],
                output: [.optional("Tags", .map(.string()))], route: Route(.get, path), handler: getTags),
        ]
    }

    // MARK: Groups

    private static func refuseUnsupported(_ input: JSON) throws(ServiceError) {
        for name in ["Configuration", "Criticality", "Owner", "DisplayName"] {
            guard let value = input[name], !value.isNull, value != [] else { continue }
            throw ServiceError(.validation, "\(name) is not supported: a group here is a query over tags.")
        }
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try Self.refuseUnsupported(input)
        let name = input["Name"]?.string ?? ""
        guard !name.lowercased().hasPrefix("aws") else {
            throw ServiceError(.validation, "A group's name cannot begin with 'aws'.")
        }
        guard let resourceQuery = input["ResourceQuery"] else {
            throw ServiceError(.validation, "ResourceQuery is missing: it says which nodes belong to the group.")
        }
        let tags = (input["Tags"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }
        let group = ResourceGroup(
            name: name, description: input["Description"]?.string ?? "",
            queryText: resourceQuery["Query"]?.string ?? "", query: try ResourceQuery(resourceQuery),
            tags: Dictionary(tags) { $1 })
        try await database.write(context) { transaction in
            guard try ResourceGroupStore.group(name, in: transaction) == nil else {
                throw ServiceError(.validation, "There is a group \(name) already.")
            }
            let count: Int? = try transaction.queryOne("SELECT count(*) FROM resource_groups") { try $0[0] }
            guard (count ?? 0) < Self.groupsMax else {
                throw ServiceError(.validation, "There are \(Self.groupsMax) groups already; there cannot be more.")
            }
            try ResourceGroupStore.save(group, in: transaction)
            try audit("CreateGroup", group, in: transaction)
        }
        return ["Group": group.json(in: account), "ResourceQuery": group.queryJSON, "Tags": group.tagsJSON]
    }

    private func audit(_ action: String, _ group: ResourceGroup, in transaction: borrowing Transaction) throws {
        try transaction.audit(
            action, on: Subject(.operation, group.arn(in: account).description), outcome: .success,
            detail: ["Query": .string(group.queryText)])
    }

    /// The name of the group that the input names, by name or ARN.
    private func name(_ input: JSON) throws(ServiceError) -> String {
        guard let text = input["Group"]?.string ?? input["GroupName"]?.string ?? input["Arn"]?.string else {
            throw ServiceError(.validation, "Group is missing: the name or the ARN of a group.")
        }
        guard text.hasPrefix("arn:") else { return text }
        guard let arn = ARN(text), arn.service == "resource-groups", arn.resource.hasPrefix("group/") else {
            throw ServiceError(.validation, "\(text) is not the ARN of a group.")
        }
        return String(arn.resource.dropFirst("group/".count))
    }

    private static func require(
        _ name: String, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> ResourceGroup {
        guard let group = try ResourceGroupStore.group(name, in: transaction) else {
            throw ServiceError(.resourceNotFound, "There is no group \(name).")
        }
        return group
    }

    private func group(_ input: JSON) async throws -> ResourceGroup {
        let name = try name(input)
        return try await database.read { try Self.require(name, in: $0) }
    }

    private func change(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ body: @escaping @Sendable (inout ResourceGroup) throws -> Void
    ) async throws -> ResourceGroup {
        let name = try name(input)
        return try await database.write(context) { transaction in
            var group = try Self.require(name, in: transaction)
            try body(&group)
            try ResourceGroupStore.save(group, in: transaction)
            try audit(action, group, in: transaction)
            return group
        }
    }

    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        ["Group": try await group(input).json(in: account)]
    }

    private func getQuery(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = try await group(input)
        return ["GroupQuery": ["GroupName": .string(group.name), "ResourceQuery": group.queryJSON]]
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try Self.refuseUnsupported(input)
        let group = try await change("UpdateGroup", input, context) { group in
            group.description = input["Description"]?.string ?? group.description
        }
        return ["Group": group.json(in: account)]
    }

    private func updateQuery(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let resourceQuery = input["ResourceQuery"] ?? [:]
        let query = try ResourceQuery(resourceQuery)
        let group = try await change("UpdateGroupQuery", input, context) { group in
            group.query = query
            group.queryText = resourceQuery["Query"]?.string ?? ""
        }
        return ["GroupQuery": ["GroupName": .string(group.name), "ResourceQuery": group.queryJSON]]
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try name(input)
        let group = try await database.write(context) { transaction in
            let group = try Self.require(name, in: transaction)
            try ResourceGroupStore.remove(name, in: transaction)
            try audit("DeleteGroup", group, in: transaction)
            return group
        }
        return ["Group": group.json(in: account)]
    }

    // MARK: Lists

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        var groups = try await database.read { try ResourceGroupStore.all(in: $0) }
        for filter in input["Filters"]?.array ?? [] {
            guard filter["Name"]?.string == "resource-type" else {
                throw ServiceError(.validation, "Groups can be filtered by resource-type only.")
            }
            let types = filter["Values"]?.strings ?? []
            groups = groups.filter { group in types.contains { group.query.includes(type: $0) } }
        }
        let page = try Page(
            of: groups, after: input["NextToken"]?.string, count: input["MaxResults"]?.int ?? 50, key: \.name)
        var output = page.json("Groups") { $0.json(in: account) }
        output["GroupIdentifiers"] = .array(
            page.items.map { group in
                [
                    "GroupName": .string(group.name), "GroupArn": .string(group.arn(in: account).description),
                    "Description": .string(group.description),
                ]
            })
        return output
    }

    private func listResources(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = try await group(input)
        var isWanted = true
        for filter in input["Filters"]?.array ?? [] {
            guard filter["Name"]?.string == "resource-type" else {
                throw ServiceError(.validation, "Resources can be filtered by resource-type only.")
            }
            isWanted = isWanted && filter["Values"]?.strings.contains(ResourceQuery.nodeType) == true
        }
        let members = isWanted ? try await nodes.nodes().filter(group.query.matches) : []
        let page = try Page(
            of: members, after: input["NextToken"]?.string, count: input["MaxResults"]?.int ?? 50, key: \.id)
        let identifiers = page.items.map { node -> JSON in
            [
                "ResourceArn": .string(node.arn(in: account).description),
                "ResourceType": .string(ResourceQuery.nodeType),
            ]
        }
        var output = page.json("Resources") { node in
            [
                "Identifier": [
                    "ResourceArn": .string(node.arn(in: account).description),
                    "ResourceType": .string(ResourceQuery.nodeType),
                ]
            ]
        }
        output["ResourceIdentifiers"] = .array(identifiers)
        output["QueryErrors"] = []
        return output
    }

    // MARK: Tags

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let added = input["Tags"] ?? [:]
        _ = try await change("Tag", input, context) { group in
            for member in added.object?.members ?? [] { group.tags[member.key] = member.value.string ?? "" }
            guard group.tags.count <= 50 else { throw ServiceError(.validation, "A group may have 50 tags.") }
        }
        return ["Arn": input["Arn"] ?? .null, "Tags": added]
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let keys = input["Keys"]?.strings ?? []
        _ = try await change("Untag", input, context) { group in
            for key in keys { group.tags[key] = nil }
        }
        return ["Arn": input["Arn"] ?? .null, "Keys": .array(keys.map { .string($0) })]
    }

    private func getTags(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        ["Arn": input["Arn"] ?? .null, "Tags": try await group(input).tagsJSON]
    }
}
