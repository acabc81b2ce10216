internal import API
internal import Core
internal import Storage

/// Tags as an input gives them.
struct ResourceTags: Sendable {
    private(set) var values: [(key: String, value: String)] = []

    static let countMax = 50

    static let shape = Shape.list(
        .structure([
            .required("Key", .string(length: 1...128)), .required("Value", .string(length: 0...256)),
        ]))

    /// - Parameter json: Of the form of `shape`; nil for none.
    /// - Throws: `ServiceError` `.validation` for a key twice, or one that AWS keeps for itself.
    init(_ json: JSON?) throws(ServiceError) {
        for tag in json?.array ?? [] {
            let key = tag["Key"]?.string ?? ""
            if key.lowercased().hasPrefix("aws:") {
                throw ServiceError(.validation, "Tag key \(key) is not valid. Reason: the prefix aws: is reserved.")
            }
            if values.contains(where: { $0.key == key }) {
                throw ServiceError(.validation, "Tag key \(key) is given twice.")
            }
            values.append((key, tag["Value"]?.string ?? ""))
        }
    }
}

/// The table of the tags of rules and buses.
enum TagStore {
    /// Adds tags to a resource; a key it has already gets the new value.
    /// - Throws: `ServiceError` `.limitExceeded`, `StorageError`.
    static func add(_ tags: ResourceTags, to arn: String, _ transaction: borrowing Transaction) throws {
        for tag in tags.values {
            try transaction.execute(
                """
                INSERT INTO event_tags (arn, key, value) VALUES (?, ?, ?)
                ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value
                """, arn, tag.key, tag.value)
        }
        if tags.values.isEmpty { return }
        let count: Int? = try transaction.queryOne("SELECT count(*) FROM event_tags WHERE arn = ?", arn) { try $0[0] }
        guard (count ?? 0) <= ResourceTags.countMax else {
            throw ServiceError(.limitExceeded, "A resource has at most \(ResourceTags.countMax) tags.")
        }
    }

    static func remove(_ keys: [String], of arn: String, _ transaction: borrowing Transaction) throws(StorageError) {
        for key in keys {
            try transaction.execute("DELETE FROM event_tags WHERE arn = ? AND key = ?", arn, key)
        }
    }

    static func removeAll(of arn: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM event_tags WHERE arn = ?", arn)
    }

    /// As `ListTagsForResource` answers them, by key.
    static func list(of arn: String, _ transaction: borrowing ReadTransaction) throws -> [JSON] {
        try transaction.query("SELECT key, value FROM event_tags WHERE arn = ? ORDER BY key", arn) { row in
            let key: String = try row[0]
            let value: String = try row[1]
            return ["Key": .string(key), "Value": .string(value)]
        }
    }
}
