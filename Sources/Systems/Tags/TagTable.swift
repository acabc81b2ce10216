internal import API
internal import Core
internal import Storage

/// The tags of one type of resource: a table with the resource, `key` and `value`.
struct TagTable: Sendable {
    /// As the API has it: `Document`.
    let resourceType: String
    private let kind: Subject.Kind
    private let name: String
    /// The column with the resource.
    private let owner: String
    /// Where a resource stands, up to the comparison with its id.
    private let resource: String
    /// For errors.
    private let noun: String
    /// The resource as the tables have it.
    private let key: @Sendable (_ id: String) -> String

    static let nodes = TagTable(
        resourceType: "ManagedInstance", kind: .node, name: "node_tags", owner: "node",
        resource: "nodes WHERE is_removed = 0 AND id", noun: "managed node"
    ) { $0 }
    /// Those that come with OpsBus have none.
    static let documents = TagTable(
        resourceType: "Document", kind: .document, name: "document_tags", owner: "name",
        resource: "documents WHERE name", noun: "document"
    ) { $0 }
    static let parameters = TagTable(
        resourceType: "Parameter", kind: .parameter, name: "parameter_tags", owner: "parameter",
        resource: "parameters WHERE key", noun: "parameter", key: ParameterName.key)

    func subject(_ id: String) -> Subject { Subject(kind, id) }

    /// - Throws: `ServiceError` `.invalidResourceID` where there is no such resource.
    func require(_ id: String, _ transaction: borrowing some Queryable & ~Copyable) throws {
        let count: Int? = try transaction.queryOne("SELECT count(*) FROM \(resource) = ?", key(id)) { try $0[0] }
        guard count == 1 else { throw ServiceError(.invalidResourceID, "There is no \(noun) \(id).") }
    }

    /// The tags of a resource, in the order of their keys.
    func tags(of id: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> [ManagedNode.Tag] {
        try transaction.query("SELECT key, value FROM \(name) WHERE \(owner) = ? ORDER BY key", key(id)) { row in
            ManagedNode.Tag(key: try row[0], value: try row[1])
        }
    }

    /// Adds a tag or changes its value.
    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO \(name) (\(owner), key, value) VALUES (?, ?, ?)
            ON CONFLICT (\(owner), key) DO UPDATE SET value = excluded.value
            """, key(id), tag.key, tag.value)
    }

    /// Removes a tag; one that is not there is no error.
    func remove(_ tag: String, from id: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM \(name) WHERE \(owner) = ? AND key = ?", key(id), tag)
    }
}
