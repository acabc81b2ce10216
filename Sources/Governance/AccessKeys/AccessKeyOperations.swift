internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations on access keys, as in the IAM API, and the question who one is, as in that of STS.
///
/// A principal is named by `UserName`, and what it may do stands with its keys: `Allow` is ours. `DurationSeconds`,
/// ours too, makes the key temporary, with a session token.
struct AccessKeyOperations: Sendable {
    let database: Database
    let directory: AccessKeyDirectory
    let vault: Vault
    let account: Account
    let clock: any Clock

    private static let keysMax = 10_000
    /// Of one principal; one more takes the place of the oldest.
    private static let sessionKeysPerPrincipalMax = 100
    private static let durationSeconds = 60...31_536_000
    private static let sessionSeconds = 900...129_600
    private static let sessionSecondsDefault = 43_200

    private static let user = Field.optional("UserName", .string(length: 1...128, pattern: #"[\w+=,.@-]+"#))
    private static let shown: [Field] = [
        .optional("UserName", .string()), .optional("AccessKeyId", .string()), .optional("Status", .string()),
        .optional("CreateDate", .timestamp), .optional("Allow", .list(.string())),
        .optional("Expiration", .timestamp),
    ]

    var all: [Operation] {
        [
            Operation(
                "iam:CreateAccessKey", "Makes an access key for a principal; its secret is answered this once.", .writes,
                input: [
                    .required("UserName", .name(1...64, .resourceName)),
                    .optional("Allow", .list(.string(length: 1...512), count: 1...100)),
                    .optional("DurationSeconds", .integer(AccessKeyOperations.durationSeconds)),
                ],
                output: [
                    .required(
                        "AccessKey",
                        .structure(
                            AccessKeyOperations.shown + [
                                .optional("SecretAccessKey", .string(), sensitive: true),
                                .optional("SessionToken", .string(), sensitive: true),
                            ]))
                ], handler: create),
            Operation(
                "iam:ListAccessKeys", "Lists access keys without their secrets.", .reads,
                input: [
                    AccessKeyOperations.user,
                    .optional("Marker", .unsupported("all keys are listed at once")),
                    .optional("MaxItems", .unsupported("all keys are listed at once")),
                ],
                output: [
                    .required("AccessKeyMetadata", .list(.structure(AccessKeyOperations.shown))),
                    .required("IsTruncated", .boolean),
                ], handler: list),
            Operation(
                "iam:DeleteAccessKey", "Removes an access key: what is signed with it is refused from now on.", .writes,
                input: [
                    .required("AccessKeyId", .string(length: 16...128, pattern: #"[\w]+"#)),
                    AccessKeyOperations.user,
                ], handler: delete),
            Operation(
                "sts:GetCallerIdentity", "Answers who the caller is.", .reads,
                output: [.required("UserId", .string()), .required("Account", .string()), .required("Arn", .string())],
                handler: { [account] _, context in AccessKeyOperations.identity(of: context.principal, in: account) }),
            Operation(
                "sts:GetSessionToken",
                "Makes a temporary access key that may do what its caller may do at the time of each use; the oldest "
                    + "of a hundred makes room for the next.", .writes,
                input: [
                    .optional("DurationSeconds", .integer(AccessKeyOperations.sessionSeconds)),
                    .optional("SerialNumber", .unsupported("there are no devices for a second factor")),
                    .optional("TokenCode", .unsupported("there are no devices for a second factor")),
                    .optional("MinimumSessionTokenSize", .unsupported("all session tokens have one size")),
                ],
                output: [
                    .required(
                        "Credentials",
                        .structure([
                            .required("AccessKeyId", .string()),
                            .required("SecretAccessKey", .string(), sensitive: true),
                            .required("SessionToken", .string(), sensitive: true),
                            .required("Expiration", .timestamp),
                        ]))
                ], handler: session),
        ]
    }

    private static func identity(of principal: Principal, in account: Account) -> JSON {
        let arn = account.arn(of: principal)
        return [
            "UserId": .string(arn.name(ofType: "user") ?? account.id), "Account": .string(account.id),
            "Arn": .string(arn.description),
        ]
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["UserName"]?.string ?? ""
        if [Principal.local.name, Principal.system.name].contains(name) {
            throw ServiceError(.validation, "The name \(name) is reserved.")
        }
        let allow = try Permission.list(input["Allow"]) ?? Permission.publisherAndSubscriber
        let duration = input["DurationSeconds"]?.int.map { Duration.seconds($0) }
        let key = try await create("CreateAccessKey", name, allow, duration, context)
        var shown = key.json(at: key.created)
        shown["SecretAccessKey"] = .string(key.secret)
        shown["SessionToken"] = key.sessionToken.map { .string($0) }
        return ["AccessKey": shown]
    }

    /// A key without permissions of its own: what its principal's others allow holds for it too, and is gone when they
    /// are.
    private func session(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let seconds = input["DurationSeconds"]?.int ?? AccessKeyOperations.sessionSecondsDefault
        let key = try await create("GetSessionToken", context.principal.name, [], .seconds(seconds), context)
        var credentials: JSON = [
            "AccessKeyId": .string(key.identifier), "SecretAccessKey": .string(key.secret),
        ]
        credentials["SessionToken"] = key.sessionToken.map { .string($0) }
        credentials["Expiration"] = key.expiry.map { .string($0.description) }
        return ["Credentials": credentials]
    }

    private func create(
        _ action: String, _ name: String, _ allow: [Permission], _ duration: Duration?, _ context: OperationContext
    ) async throws -> AccessKey {
        let (vault, directory) = (vault, directory)
        return try await database.write(context) { transaction in
            try transaction.execute("DELETE FROM access_keys WHERE expiry <= ?", transaction.now)
            if allow.isEmpty { try AccessKeyOperations.makeRoomForSession(of: name, transaction) }
            let count: Int? = try transaction.queryOne("SELECT count(*) FROM access_keys") { try $0[0] }
            guard (count ?? 0) < AccessKeyOperations.keysMax else {
                throw ServiceError(.limitExceeded, "There are \(AccessKeyOperations.keysMax) access keys; delete some.")
            }
            var random = BlockRandom()
            let now = transaction.now
            let key = AccessKey(
                principal: name, allow: allow, created: now, expiry: duration.map { now + $0 }, using: &random)
            try key.insert(transaction, vault)
            try transaction.audit(
                action, on: Subject(.key, key.identifier), outcome: .success, detail: key.json(at: now))
            try AccessKeyOperations.publish(transaction, vault, to: directory)
            return key
        }
    }

    /// Everyone may ask for session keys, and nobody may take all the keys there can be with them.
    private static func makeRoomForSession(of name: String, _ transaction: borrowing Transaction) throws {
        try transaction.execute(
            """
            DELETE FROM access_keys WHERE id IN (
                SELECT id FROM access_keys WHERE principal = ? AND allow = '[]' ORDER BY created DESC, id DESC
                LIMIT -1 OFFSET ?)
            """, name, sessionKeysPerPrincipalMax - 1)
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["UserName"]?.string
        let vault = vault
        let keys = try await database.read { try AccessKey.all($0, vault) }
        let now = clock.now
        let shown = keys.filter { name == nil || $0.principal == name }.map { $0.json(at: now) }
        return ["AccessKeyMetadata": .array(shown), "IsTruncated": false]
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let identifier = input["AccessKeyId"]?.string ?? ""
        let name = input["UserName"]?.string
        let (vault, directory) = (vault, directory)
        try await database.write(context) { transaction in
            let count = try transaction.execute(
                "DELETE FROM access_keys WHERE id = ? AND principal = coalesce(?, principal)", identifier, name)
            guard count == 1 else {
                throw ServiceError(
                    .resourceNotFound, "The Access Key with id \(identifier) cannot be found.")
            }
            try transaction.audit("DeleteAccessKey", on: Subject(.key, identifier), outcome: .success)
            try AccessKeyOperations.publish(transaction, vault, to: directory)
        }
        return [:]
    }

    /// Lets the keys as they are now decide, once they are durable.
    private static func publish(
        _ transaction: borrowing Transaction, _ vault: Vault, to directory: AccessKeyDirectory
    ) throws {
        let keys = try AccessKey.all(transaction.reading, vault)
        transaction.afterCommit { directory.replace(with: keys) }
    }
}
