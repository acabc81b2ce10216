internal import API
internal import Core
internal import Storage

/// With which accounts a document is shared. There is one account here: what is said is kept, and it keeps a document
/// from being deleted.
extension DocumentOperations {
    private static let accountsMax = 1000
    /// Documents that may be shared with everyone.
    private static let publicMax = 5

    var sharing: [Operation] {
        let subject: [Field] = [.required("Name", DocumentShapes.newName), .required("PermissionType", .string())]
        return [
            Operation(
                "ssm:ModifyDocumentPermission", "Shares a document with accounts, or ends that.", .writes,
                input: subject + [
                    .optional("AccountIdsToAdd", DocumentShapes.accounts),
                    .optional("AccountIdsToRemove", DocumentShapes.accounts),
                    .optional(
                        "SharedDocumentVersion",
                        .string(length: 0...8, pattern: "([$]LATEST|[$]DEFAULT|[$]ALL)")),
                ], handler: modifyPermission),
            Operation(
                "ssm:DescribeDocumentPermission", "Lists the accounts that a document is shared with.", .reads,
                input: subject + [
                    .optional("MaxResults", .integer(1...200)), .optional("NextToken", .string()),
                ],
                output: [
                    .optional("AccountIds", .list(.string())),
                    .optional(
                        "AccountSharingInfoList",
                        .list(
                            .structure([
                                .optional("AccountId", .string()), .optional("SharedDocumentVersion", .string()),
                            ]))),
                    .optional("NextToken", .string()),
                ], handler: describePermission),
        ]
    }

    private static func checkType(_ input: JSON) throws(ServiceError) {
        guard let type = input["PermissionType"]?.string, type != "Share" else { return }
        throw ServiceError(
            .invalidPermissionType,
            "Value '\(type)' at 'permissionType' failed to satisfy constraint: "
                + "Member must satisfy enum value set: [Share].")
    }

    /// - Throws: `ServiceError` where all accounts are named beside some.
    private static func accounts(_ input: JSON, _ key: String) throws(ServiceError) -> [String] {
        let accounts = input[key]?.strings ?? []
        guard accounts.count < 2 || !accounts.contains(where: { $0.lowercased() == "all" }) else {
            throw ServiceError(
                .documentPermissionLimit, "Accounts can either be all or a group of AWS accounts")
        }
        return accounts
    }

    private func modifyPermission(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try Self.checkType(input)
        let name = input["Name"]?.string ?? ""
        let removed = try Self.accounts(input, "AccountIdsToRemove")
        let isKept = Set(removed.map { $0.lowercased() })
        let added = try Self.accounts(input, "AccountIdsToAdd").filter { !isKept.contains($0.lowercased()) }
        let version = input["SharedDocumentVersion"]?.string ?? "$DEFAULT"
        try await store.database.write(context) { transaction in
            let document = try Self.find(own: name, transaction)
            for account in removed {
                try transaction.execute(
                    "DELETE FROM document_shares WHERE name = ? AND lower(account) = lower(?)", name, account)
            }
            for account in added {
                try transaction.execute(
                    """
                    INSERT INTO document_shares (name, account, version) VALUES (?, ?, ?)
                    ON CONFLICT (name, account) DO UPDATE SET version = excluded.version
                    """, name, account, version)
            }
            try Self.checkLimits(name, transaction)
            try transaction.audit(
                "ModifyDocumentPermission", on: document.subject, outcome: .success,
                detail: [
                    "AccountIdsToAdd": .array(added.map { .string($0) }),
                    "AccountIdsToRemove": .array(removed.map { .string($0) }),
                ])
        }
        return [:]
    }

    /// - Throws: `ServiceError` `.documentPermissionLimit`
    private static func checkLimits(_ name: String, _ transaction: borrowing Transaction) throws {
        let counts: (accounts: Int, isPublic: Int, publics: Int)? = try transaction.queryOne(
            """
            SELECT sum(name = ?1), sum(name = ?1 AND lower(account) = 'all'), sum(lower(account) = 'all')
            FROM document_shares
            """, name
        ) { row in (try row[0] ?? 0, try row[1] ?? 0, try row[2] ?? 0) }
        guard let counts else { return }
        guard counts.accounts <= accountsMax else {
            throw ServiceError(
                .documentPermissionLimit, "A document can be shared with at most \(accountsMax) accounts.")
        }
        guard counts.isPublic == 0 || counts.publics <= publicMax else {
            throw ServiceError(.documentPermissionLimit, "At most \(publicMax) documents can be shared with everyone.")
        }
    }

    private func describePermission(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try Self.checkType(input)
        let name = input["Name"]?.string ?? ""
        let shares = try await store.database.read { transaction in
            _ = try Self.find(own: name, transaction)
            return try transaction.query(
                "SELECT account, version FROM document_shares WHERE name = ? ORDER BY id", name
            ) { row -> (account: String, version: String) in (try row[0], try row[1]) }
        }
        let page = try CountedPage(of: shares, input, countMax: 200)
        var output = page.json("AccountSharingInfoList") { share in
            ["AccountId": .string(share.account), "SharedDocumentVersion": .string(share.version)]
        }
        output["AccountIds"] = .array(page.items.map { .string($0.account) })
        return output
    }
}
