internal import API
internal import Core
internal import Storage

/// The operations on registered keys; of our own.
struct KeyOperations: Sendable {
    let database: Database
    let authorizer: KeyAuthorizer

    private static let name = Shape.name(1...64, .resourceName)
    private static let z85 = CharacterRule(
        pattern: #"[A-Za-z0-9.\-:+=^!/*?&<>()\[\]{}@%$#]+"#, lettersDigitsAnd: ".-:+=^!/*?&<>()[]{}@%$#")

    var all: [Operation] {
        [
            Operation(
                "bus:PutKey", "Registers a CURVE public key under a name, replacing the name's earlier key.", .writes,
                input: [
                    .required("Name", KeyOperations.name), .required("PublicKey", .name(40...40, KeyOperations.z85)),
                    .optional("Allow", .list(.string(length: 1...512), count: 1...100)), .optional("Node", .boolean),
                ], handler: put),
            Operation(
                "bus:DeleteKey", "Removes a key: it makes no new connection, and what it asks is refused.", .writes,
                input: [.required("Name", KeyOperations.name)], handler: delete),
            Operation(
                "bus:ListKeys", "Lists the registered keys by name.", .reads,
                handler: { _, _ in
                    let keys = try await database.read { try RegisteredKey.all($0) }
                    return ["Keys": .array(keys.map(\.json))]
                }),
        ]
    }

    private func put(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if [Principal.local.name, Principal.system.name].contains(name) {
            throw ServiceError(.validation, "The name \(name) is reserved.")
        }
        let standard = input["Node"]?.bool == true ? [] : Permission.publisherAndSubscriber
        let allow = try Permission.list(input["Allow"]) ?? standard
        let key = RegisteredKey(
            name: name, publicKey: input["PublicKey"]?.string ?? "", allow: allow,
            isNode: input["Node"]?.bool ?? false)
        let authorizer = authorizer
        try await database.write(context) { transaction in
            let owner: String? = try transaction.queryOne(
                "SELECT name FROM keys WHERE public_key = ? AND name <> ?", key.publicKey, key.name
            ) { try $0[0] }
            if let owner {
                throw ServiceError(.resourceAlreadyExists, "This public key is registered already, as \(owner).")
            }
            try key.put(transaction)
            try KeyOperations.publish(transaction, to: authorizer)
        }
        return key.json
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let authorizer = authorizer
        try await database.write(context) { transaction in
            guard try transaction.execute("DELETE FROM keys WHERE name = ?", name) == 1 else {
                throw ServiceError(.resourceNotFound, "There is no key \(name).")
            }
            try transaction.audit("DeleteKey", on: Subject(.key, name), outcome: .success)
            try KeyOperations.publish(transaction, to: authorizer)
        }
        return [:]
    }

    /// Lets the keys as they are now decide, once they are durable: in the order of the transactions, so that of two
    /// changes made at a time the later one stays.
    private static func publish(_ transaction: borrowing Transaction, to authorizer: KeyAuthorizer) throws {
        let keys = try RegisteredKey.all(transaction.reading)
        transaction.afterCommit { authorizer.replace(with: keys) }
    }
}
