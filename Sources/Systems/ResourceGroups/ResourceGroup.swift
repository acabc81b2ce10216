internal import API
internal import Core
internal import Storage

/// A named query over the tags of managed nodes; who belongs to it is found out each time it is used.
struct ResourceGroup: Sendable, Hashable {
    var name: String
    var description: String
    /// As it was given.
    var queryText: String
    var query: ResourceQuery
    /// Of the group itself.
    var tags: [String: String]

    func arn(in account: Account) -> ARN { account.arn("resource-groups", "group/\(name)") }

    /// The API's `Group`.
    func json(in account: Account) -> JSON {
        [
            "GroupArn": .string(arn(in: account).description), "Name": .string(name),
            "Description": .string(description),
        ]
    }

    var queryJSON: JSON { ["Type": .string(ResourceQuery.type), "Query": .string(queryText)] }

    var tagsJSON: JSON {
        .object(
            JSONObject(
                tags.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: .string($0.value)) }))
    }
}

/// The query of a group: all keys, of each key any of its values; a key without values need only be there.
/// - Source: Resource Groups API reference, `ResourceQuery`, type `TAG_FILTERS_1_0`.
struct ResourceQuery: Sendable, Hashable {
    struct TagFilter: Sendable, Hashable {
        let key: String
        let values: [String]
    }

    static let type = "TAG_FILTERS_1_0"
    /// What nodes are.
    static let nodeType = "AWS::SSM::ManagedInstance"
    private static let everyType = "AWS::AllSupported"
    private static let filtersMax = 50
    private static let valuesMax = 20
    private static let typesMax = 50

    let types: [String]
    let filters: [TagFilter]

    /// - Parameter resourceQuery: `{Type, Query}`, whose query is JSON in a text.
    /// - Throws: `ServiceError` `.validation`.
    init(_ resourceQuery: JSON) throws(ServiceError) {
        let type = resourceQuery["Type"]?.string ?? ""
        guard type == ResourceQuery.type else {
            throw ServiceError(.validation, "The query type \(type) is not supported; \(ResourceQuery.type) is.")
        }
        let query: JSON
        do {
            query = try JSON(parsing: resourceQuery["Query"]?.string ?? "")
        } catch {
            throw ServiceError(.validation, "Query is no valid JSON: \(error)")
        }
        for member in query.object?.members ?? [] where !["ResourceTypeFilters", "TagFilters"].contains(member.key) {
            throw ServiceError(
                .validation, "Query has no member \(member.key); ResourceTypeFilters and TagFilters it has.")
        }
        types = try ResourceQuery.types(query["ResourceTypeFilters"])
        filters = try ResourceQuery.filters(query["TagFilters"])
    }

    private static func types(_ value: JSON?) throws(ServiceError) -> [String] {
        guard let types = value?.array?.compactMap(\.string), types.count == value?.array?.count,
            (1...typesMax).contains(types.count), types.allSatisfy(isType)
        else {
            throw ServiceError(
                .validation,
                "ResourceTypeFilters is a list of 1 to \(typesMax) types such as \(everyType) or \(nodeType).")
        }
        return types
    }

    private static func isType(_ text: String) -> Bool {
        text == everyType || text.hasPrefix("AWS::") && text.split(separator: ":").count == 3
    }

    private static func filters(_ value: JSON?) throws(ServiceError) -> [TagFilter] {
        let elements = value?.array ?? []
        guard value == nil || value?.array != nil, elements.count <= filtersMax else {
            throw ServiceError(.validation, "TagFilters is a list of at most \(filtersMax) filters.")
        }
        return try elements.map { element throws(ServiceError) in
            let values = element["Values"]?.array ?? []
            guard let key = element["Key"]?.string, (1...128).contains(key.unicodeScalars.count),
                values.count <= valuesMax, values.allSatisfy({ $0.string != nil })
            else {
                throw ServiceError(
                    .validation,
                    "A tag filter is {\"Key\": text, \"Values\": at most \(valuesMax) texts}, not \(element).")
            }
            return TagFilter(key: key, values: element["Values"]?.strings ?? [])
        }
    }

    /// Whether resources of a type can belong to the group.
    func includes(type: String) -> Bool { types.contains(ResourceQuery.everyType) || types.contains(type) }

    func matches(_ node: ManagedNode) -> Bool {
        includes(type: ResourceQuery.nodeType)
            && filters.allSatisfy { filter in
                node.tags.contains { tag in
                    tag.key == filter.key && (filter.values.isEmpty || filter.values.contains(tag.value))
                }
            }
    }
}

/// The table of groups.
enum ResourceGroupStore {
    static let migrations = [
        Migration(
            module: "resource-groups", number: 1, name: "groups",
            sql: """
                CREATE TABLE resource_groups (
                    name TEXT PRIMARY KEY, description TEXT NOT NULL, query TEXT NOT NULL, tags TEXT NOT NULL
                ) STRICT;
                """)
    ]

    static func group(
        _ name: String, in transaction: borrowing some Queryable & ~Copyable
    ) throws -> ResourceGroup? {
        try transaction.queryOne("SELECT name, description, query, tags FROM resource_groups WHERE name = ?", name) {
            try group($0)
        }
    }

    /// All groups by name.
    static func all(in transaction: borrowing some Queryable & ~Copyable) throws -> [ResourceGroup] {
        try transaction.query("SELECT name, description, query, tags FROM resource_groups ORDER BY name") {
            try group($0)
        }
    }

    private static func group(_ row: borrowing Row) throws -> ResourceGroup {
        let (name, description, text): (String, String, String) = (try row[0], try row[1], try row[2])
        let tags: JSON = try row[3]
        let pairs = (tags.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }
        return ResourceGroup(
            name: name, description: description, queryText: text,
            query: try ResourceQuery(["Type": .string(ResourceQuery.type), "Query": .string(text)]),
            tags: Dictionary(pairs) { $1 })
    }

    static func save(_ group: ResourceGroup, in transaction: borrowing Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO resource_groups (name, description, query, tags) VALUES (?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET
                description = excluded.description, query = excluded.query, tags = excluded.tags
            """, group.name, group.description, group.queryText, group.tagsJSON)
    }

    static func remove(_ name: String, in transaction: borrowing Transaction) throws {
        try transaction.execute("DELETE FROM resource_groups WHERE name = ?", name)
    }
}
