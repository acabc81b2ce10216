internal import API
internal import Core
internal import Storage

/// A CURVE key that may connect, the principal it stands for, and what that principal may do.
struct RegisteredKey: Sendable, Hashable {
    var name: String
    /// 40 characters of Z85.
    var publicKey: String
    var allow: [Permission]
    /// Whether it belongs to the agent of a managed node, which needs no activation then.
    var isNode: Bool

    static func all(_ transaction: borrowing ReadTransaction) throws -> [RegisteredKey] {
        try transaction.query("SELECT name, public_key, allow, node FROM keys ORDER BY name") { row in
            let allow: JSON = try row[2]
            return RegisteredKey(
                name: try row[0], publicKey: try row[1],
                allow: (allow.array ?? []).compactMap { $0.string.flatMap(Permission.init) }, isNode: try row[3])
        }
    }

    /// The key that a fresh encrypted server registers by itself.
    static func administrator(publicKey: String) -> RegisteredKey {
        RegisteredKey(
            name: "admin", publicKey: publicKey, allow: ["*"].compactMap(Permission.init), isNode: false)
    }

    /// Registers the key, in place of the name's earlier one.
    func put(_ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO keys (name, public_key, allow, node, created) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET public_key = excluded.public_key, allow = excluded.allow,
                node = excluded.node
            """, name, publicKey, json["Allow"], isNode, transaction.now)
        try transaction.audit("PutKey", on: Subject(.key, name), outcome: .success, detail: json)
    }

    /// What a node's key is for: registering without an activation.
    private static let registration = "ssm:RegisterManagedInstance"

    func allows(_ action: String, on resource: String) -> Bool {
        isNode && action == RegisteredKey.registration || allow.contains { $0.allows(action, on: resource) }
    }

    var json: JSON {
        [
            "Name": .string(name), "PublicKey": .string(publicKey),
            "Allow": .array(allow.map { .string($0.description) }), "Node": .bool(isNode),
        ]
    }
}

/// What a principal may do: an action, and where it matters on what. `*` stands for any text.
///
/// Written `ACTION` or `ACTION RESOURCE`: `events:PutEvents`, `ssm:*`, `bus:Subscribe event/default/*`.
struct Permission: Sendable, Hashable, CustomStringConvertible {
    let action: String
    let resource: String

    /// Nil where the action is not of the form `service:Name`, or there are more than two words.
    init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 1 || words.count == 2, words[0] == "*" || words[0].contains(":") else { return nil }
        action = words[0]
        resource = words.count == 2 ? words[1] : "*"
    }

    /// The permissions that a list of texts grants; nil where there is no list.
    /// - Throws: `ServiceError` `.validation`.
    static func list(_ texts: JSON?) throws(ServiceError) -> [Permission]? {
        guard let texts = texts?.array else { return nil }
        var permissions: [Permission] = []
        for text in texts {
            guard let permission = text.string.flatMap(Permission.init) else {
                throw ServiceError(
                    .validation,
                    "'\(text.string ?? "")' is no permission; write ACTION or ACTION RESOURCE, such as "
                        + "events:PutEvents or 'bus:Subscribe event/default/*'.")
            }
            permissions.append(permission)
        }
        return permissions
    }

    var description: String { resource == "*" ? action : "\(action) \(resource)" }

    /// What a key may do unless it is said: publish, subscribe and read.
    static let publisherAndSubscriber = [
        "events:PutEvents", "events:PutCloudEvents", "bus:Subscribe", "bus:ReadStream", "bus:Acknowledge",
        "bus:DescribeStream", "bus:DescribeSubscriber",
    ].compactMap(Permission.init)

    func allows(_ action: String, on resource: String) -> Bool {
        Permission.matches(Array(self.action.utf8), Array(action.utf8))
            && Permission.matches(Array(self.resource.utf8), Array(resource.utf8))
    }

    /// Greedy matching with `*`: going back to the last star is enough, so the cost is bounded by the product of the
    /// lengths.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var patternIndex = 0
        var textIndex = 0
        var star: (pattern: Int, text: Int)?
        while textIndex < text.count {
            if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") {
                star = (patternIndex, textIndex)
                patternIndex += 1
            } else if patternIndex < pattern.count, pattern[patternIndex] == text[textIndex] {
                patternIndex += 1
                textIndex += 1
            } else if let last = star {
                patternIndex = last.pattern + 1
                textIndex = last.text + 1
                star = (last.pattern, textIndex)
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
