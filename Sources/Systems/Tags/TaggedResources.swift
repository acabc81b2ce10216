internal import API
internal import Core
internal import Storage

/// The tags of managed nodes.
struct NodeTags: TaggedResources {
    var resourceType: String { "ManagedInstance" }

    func subject(_ id: String) -> Subject { Subject(.node, id) }

    func tags(of id: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> [ManagedNode.Tag] {
        let count: Int? = try transaction.queryOne(
            "SELECT count(*) FROM nodes WHERE id = ? AND is_removed = 0", id
        ) { try $0[0] }
        guard count == 1 else { throw ServiceError(.invalidResourceID, "There is no managed node \(id).") }
        return try transaction.query("SELECT key, value FROM node_tags WHERE node = ? ORDER BY key", id) { row in
            ManagedNode.Tag(key: try row[0], value: try row[1])
        }
    }

    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws {
        try NodeStore.setTags([tag], on: id, in: transaction)
    }

    func remove(_ key: String, from id: String, _ transaction: borrowing Transaction) throws {
        try transaction.execute("DELETE FROM node_tags WHERE node = ? AND key = ?", id, key)
    }
}

/// The tags of documents; those that come with OpsBus have none.
struct DocumentTags: TaggedResources {
    var resourceType: String { "Document" }

    func subject(_ id: String) -> Subject { Subject(.document, id) }

    func tags(of id: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> [ManagedNode.Tag] {
        let count: Int? = try transaction.queryOne("SELECT count(*) FROM documents WHERE name = ?", id) { try $0[0] }
        guard count == 1 else { throw ServiceError(.invalidResourceID, "There is no document \(id).") }
        return try transaction.query("SELECT key, value FROM document_tags WHERE name = ? ORDER BY key", id) { row in
            ManagedNode.Tag(key: try row[0], value: try row[1])
        }
    }

    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO document_tags (name, key, value) VALUES (?, ?, ?)
            ON CONFLICT (name, key) DO UPDATE SET value = excluded.value
            """, id, tag.key, tag.value)
    }

    func remove(_ key: String, from id: String, _ transaction: borrowing Transaction) throws {
        try transaction.execute("DELETE FROM document_tags WHERE name = ? AND key = ?", id, key)
    }
}
