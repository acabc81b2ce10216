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
        return try TagTable.nodes.tags(of: id, transaction)
    }

    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws {
        try TagTable.nodes.set(tag, on: id, transaction)
    }

    func remove(_ key: String, from id: String, _ transaction: borrowing Transaction) throws {
        try TagTable.nodes.remove(key, from: id, transaction)
    }
}

/// The tags of documents; those that come with OpsBus have none.
struct DocumentTags: TaggedResources {
    var resourceType: String { "Document" }

    func subject(_ id: String) -> Subject { Subject(.document, id) }

    func tags(of id: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> [ManagedNode.Tag] {
        let count: Int? = try transaction.queryOne("SELECT count(*) FROM documents WHERE name = ?", id) { try $0[0] }
        guard count == 1 else { throw ServiceError(.invalidResourceID, "There is no document \(id).") }
        return try TagTable.documents.tags(of: id, transaction)
    }

    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws {
        try TagTable.documents.set(tag, on: id, transaction)
    }

    func remove(_ key: String, from id: String, _ transaction: borrowing Transaction) throws {
        try TagTable.documents.remove(key, from: id, transaction)
    }
}

/// The tags of parameters.
struct ParameterTags: TaggedResources {
    var resourceType: String { "Parameter" }

    func subject(_ id: String) -> Subject { Subject(.parameter, id) }

    func tags(of id: String, _ transaction: borrowing some Queryable & ~Copyable) throws -> [ManagedNode.Tag] {
        let key = ParameterName.key(id)
        guard try ParameterStore.latest(key, transaction) != nil else {
            throw ServiceError(.invalidResourceID, "There is no parameter \(id).")
        }
        return try TagTable.parameters.tags(of: key, transaction)
    }

    func set(_ tag: ManagedNode.Tag, on id: String, _ transaction: borrowing Transaction) throws {
        try TagTable.parameters.set(tag, on: ParameterName.key(id), transaction)
    }

    func remove(_ key: String, from id: String, _ transaction: borrowing Transaction) throws {
        try TagTable.parameters.remove(key, from: ParameterName.key(id), transaction)
    }
}
