internal import API
internal import Core
internal import Storage

/// Resources of one type that carry tags.
protocol TaggedResources: Sendable {
    /// As the API has it: `Document`.
    var resourceType: String { get }

    func subject(_ id: String) -> Subject

    /// The tags of a resource, in the order of their keys.
    /// - Throws: `ServiceError` `.invalidResourceID` where there is no such resource.
    func tags(of id: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> [ManagedNode.Tag]

    /// Adds a tag or changes its value.
    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws

    /// Removes a tag; one that is not there is no error.
    func remove(_ key: String, from id: String, _ transaction: borrowing Transaction) throws
}

/// The operations on the tags of resources, as in the SSM API.
struct TagOperations: Sendable {
    private let database: Database
    private let resources: [any TaggedResources]

    static let tagsMax = 50
    static let tooMany = ServiceError(.tooManyTags, "A resource may have \(tagsMax) tags.")

    /// Types that the API knows; those without resources here are refused as unknown resources would be.
    private static let types = [
        "Document", "ManagedInstance", "MaintenanceWindow", "Parameter", "PatchBaseline", "OpsItem", "OpsMetadata",
        "Automation", "Association", "CloudConnector",
    ]

    init(database: Database, resources: [any TaggedResources]) {
        self.database = database
        self.resources = resources
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

    private func find(_ input: JSON) throws(ServiceError) -> (resources: any TaggedResources, id: String) {
        let type = input["ResourceType"]?.string ?? ""
        guard let found = resources.first(where: { $0.resourceType == type }) else {
            let known = resources.map(\.resourceType).joined(separator: ", ")
            let reason = Self.types.contains(type) ? "has no tags here yet" : "is not a type of resource"
            throw ServiceError(.invalidResourceType, "'\(type)' \(reason); these have: \(known).")
        }
        return (found, input["ResourceId"]?.string ?? "")
    }

    private func add(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (resources, id) = try find(input)
        let tags = [ManagedNode.Tag](json: input["Tags"])
        if let reserved = tags.first(where: { $0.key.lowercased().hasPrefix("aws:") }) {
            throw ServiceError(.validation, "The tag key \(reserved.key) begins with aws:, which is reserved.")
        }
        try await database.write(context) { transaction in
            let old = try resources.tags(of: id, transaction)
            guard Set((old + tags).map(\.key)).count <= Self.tagsMax else { throw Self.tooMany }
            for tag in tags { try resources.set(tag, on: id, transaction) }
            try transaction.audit(
                "AddTagsToResource", on: resources.subject(id), outcome: .success, detail: ["Tags": tags.json])
        }
        return [:]
    }

    private func remove(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (resources, id) = try find(input)
        let keys = input["TagKeys"]?.strings ?? []
        try await database.write(context) { transaction in
            _ = try resources.tags(of: id, transaction)
            for key in keys { try resources.remove(key, from: id, transaction) }
            try transaction.audit(
                "RemoveTagsFromResource", on: resources.subject(id), outcome: .success,
                detail: ["TagKeys": .array(keys.map { .string($0) })])
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (resources, id) = try find(input)
        let tags = try await database.read { try resources.tags(of: id, $0) }
        return ["TagList": tags.json]
    }
}
