internal import API
internal import Access
internal import Core
internal import Storage

/// An event bus as it is kept: what the name alone does not say.
struct EventBus: Sendable {
    var name: String
    var description: String?
    /// Kept for clients that read it back; OpsBus seals nothing with keys of others.
    var kmsKey: String?
    /// `DeadLetterConfig`, `{"Arn": …}`. The service uses it for what it cannot decrypt, which does not occur here.
    var deadLetterConfig: JSON?
    /// `LogConfig`, `{"Level": …, "IncludeDetail": …}`: see `BusLog`.
    var logConfig: JSON?
    /// The resource policy as JSON text.
    var policy: String?
    var created: Timestamp
    var modified: Timestamp

    /// The members that `CreateEventBus` and `UpdateEventBus` answer of what they were given.
    var settings: JSON {
        var json: JSON = [:]
        json["Description"] = description.map { .string($0) }
        json["KmsKeyIdentifier"] = kmsKey.map { .string($0) }
        json["DeadLetterConfig"] = deadLetterConfig
        json["LogConfig"] = logConfig
        return json
    }

    /// Takes over the settings that an input names.
    mutating func set(_ input: JSON) {
        description = input["Description"]?.string ?? description
        kmsKey = input["KmsKeyIdentifier"]?.string ?? kmsKey
        deadLetterConfig = input["DeadLetterConfig"] ?? deadLetterConfig
        logConfig = input["LogConfig"] ?? logConfig
    }
}

/// The table of event buses. The default bus has a row like the others.
enum BusStore {
    /// Buses by name.
    static func all(_ transaction: borrowing ReadTransaction) throws -> [EventBus] {
        try transaction.query("SELECT \(columns) FROM buses ORDER BY name", row: read)
    }

    static func find(_ name: String, _ transaction: borrowing ReadTransaction) throws -> EventBus? {
        try transaction.queryOne("SELECT \(columns) FROM buses WHERE name = ?", name, row: read)
    }

    private static let columns = "name, description, kms_key, dead_letter, log_config, policy, created, modified"

    private static func read(_ row: borrowing Row) throws -> EventBus {
        let created: Timestamp = try row[6]
        let modified: Timestamp? = try row[7]
        return EventBus(
            name: try row[0], description: try row[1], kmsKey: try row[2], deadLetterConfig: try row[3],
            logConfig: try row[4], policy: try row[5], created: created, modified: modified ?? created)
    }

    static func put(_ bus: EventBus, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO buses (name, description, kms_key, dead_letter, log_config, policy, created, modified)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET description = excluded.description, kms_key = excluded.kms_key,
                dead_letter = excluded.dead_letter, log_config = excluded.log_config, policy = excluded.policy,
                modified = excluded.modified
            """, bus.name, bus.description, bus.kmsKey, bus.deadLetterConfig, bus.logConfig, bus.policy, bus.created,
            bus.modified)
    }
}
