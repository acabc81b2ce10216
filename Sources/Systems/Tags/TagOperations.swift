internal import API
internal import Core
internal import Storage

/// The operations on the tags of resources, as in the SSM API.
struct TagOperations: Sendable {
    private let database: Database
    private let tables: [TagTable]

    static let tagsMax = 50
    static let tooMany = ServiceError(.tooManyTags, "A resource may have \(tagsMax) tags.")

    /// Types that the API knows; those without tags here are refused as unknown resources would be.
    private static let types = [
        "Document", "ManagedInstance", "MaintenanceWindow", "Parameter", "PatchBaseline", "OpsItem", "OpsMetadata",
        "Automation", "Association", "CloudConnector",
    ]

    init(database: Database, tables: [TagTable]) {
        self.database = database
        self.tables = tables
    }

    var all: [Operation] {
        let resource: [Field] = [.required("ResourceType", .string()), .required("ResourceId", .string())]
        return [
            Operation(
                "ssm:AddTagsToResource", "Add tags to a node or a document, or change their values", .writes,
                input: resource + [.required("Tags", DocumentShapes.tags)], handler: add),
            Operation(
                "ssm:RemoveTagsFromResource", "Remove tags from a node or a document", .writes,
                input: resource + [.required("TagKeys", .list(DocumentShapes.tagKey))], handler: remove),
            Operation(
                "ssm:ListTagsForResource", "List the tags of a node or a document", .reads, input: resource,
                output: [.optional("TagList", DocumentShapes.tags)], handler: list),
        ]
    }

    private func find(_ input: JSON) throws(ServiceError) -> (table: TagTable, id: String) {
        let type = input["ResourceType"]?.string ?? ""
        guard let found = tables.first(where: { $0.resourceType == type }) else {
            let known = tables.map(\.resourceType).joined(separator: ", ")
            let reason = Self.types.contains(type) ? "has no tags here yet" : "is not a type of resource"
            throw ServiceError(.invalidResourceType, "'\(type)' \(reason); these have: \(known).")
        }
        return (found, input["ResourceId"]?.string ?? "")
    }

    private func add(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (table, id) = try find(input)
        let tags = [ManagedNode.Tag](json: input["Tags"])
        if let reserved = tags.first(where: { $0.key.lowercased().hasPrefix("aws:") }) {
            throw ServiceError(.validation, "The tag key \(reserved.key) begins with aws:, which is reserved.")
        }
        try await database.write(context) { transaction in
            try table.require(id, transaction)
            let old = try table.tags(of: id, transaction)
            guard Set((old + tags).map(\.key)).count <= Self.tagsMax else { throw Self.tooMany }
            for tag in tags { try table.set(tag, on: id, transaction) }
            try transaction.audit(
                "AddTagsToResource", on: table.subject(id), outcome: .success, detail: ["Tags": tags.json])
        }
        return [:]
    }

    private func remove(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (table, id) = try find(input)
        let keys = input["TagKeys"]?.strings ?? []
        try await database.write(context) { transaction in
            try table.require(id, transaction)
            for key in keys { try table.remove(key, from: id, transaction) }
            try transaction.audit(
                "RemoveTagsFromResource", on: table.subject(id), outcome: .success,
                detail: ["TagKeys": .array(keys.map { .string($0) })])
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (table, id) = try find(input)
        let tags = try await database.read { transaction in
            try table.require(id, transaction)
            return try table.tags(of: id, transaction)
        }
        return ["TagList": tags.json]
    }
}
