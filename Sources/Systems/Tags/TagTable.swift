internal import Storage

/// A table that holds the tags of one type of resource: the resource, `key`, `value`.
struct TagTable: Sendable {
    static let nodes = TagTable(name: "node_tags", owner: "node")
    static let documents = TagTable(name: "document_tags", owner: "name")
    static let parameters = TagTable(name: "parameter_tags", owner: "parameter")

    private let name: String
    /// The column with the resource.
    private let owner: String

    /// The tags of a resource, in the order of their keys.
    func tags(
        of resource: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> [ManagedNode.Tag] {
        try transaction.query("SELECT key, value FROM \(name) WHERE \(owner) = ? ORDER BY key", resource) { row in
            ManagedNode.Tag(key: try row[0], value: try row[1])
        }
    }

    /// Adds a tag or changes its value.
    func set(
        _ tag: ManagedNode.Tag, on resource: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO \(name) (\(owner), key, value) VALUES (?, ?, ?)
            ON CONFLICT (\(owner), key) DO UPDATE SET value = excluded.value
            """, resource, tag.key, tag.value)
    }

    func remove(
        _ key: String, from resource: String, _ transaction: borrowing Transaction
    ) throws(StorageError) {
        try transaction.execute("DELETE FROM \(name) WHERE \(owner) = ? AND key = ?", resource, key)
    }
}
