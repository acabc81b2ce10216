internal import API
internal import Core
internal import Storage

/// Reviews of versions: who asked for one, and what came of it. A review binds no one; it is on record.
extension DocumentOperations {
    /// What a review may be asked to do.
    private enum Action: String {
        case send = "SendForReview"
        case update = "UpdateReview"
        case approve = "Approve"
        case reject = "Reject"

        /// What the version's review is then.
        var status: String {
            switch self {
            case .send, .update: "PENDING"
            case .approve: "APPROVED"
            case .reject: "REJECTED"
            }
        }
    }

    var reviewing: [Operation] {
        let name = Field.required("Name", DocumentShapes.newName)
        let version = Field.optional("DocumentVersion", DocumentShapes.version)
        return [
            Operation(
                "ssm:UpdateDocumentMetadata", "Sends a version of a document for review, or reviews it.", .writes,
                input: [
                    name, version,
                    .required(
                        "DocumentReviews",
                        .structure([
                            .required(
                                "Action", .string(values: ["SendForReview", "UpdateReview", "Approve", "Reject"])),
                            .optional("Comment", DocumentShapes.reviewComment),
                        ])),
                ], handler: updateMetadata),
            Operation(
                "ssm:ListDocumentMetadataHistory", "Lists the reviews of a version of a document.", .reads,
                input: [name, version, .required("Metadata", .string(values: ["DocumentReviews"]))]
                    + DocumentShapes.page,
                output: [
                    .optional("Name", .string()), .optional("DocumentVersion", .string()),
                    .optional("Author", .string()),
                    .optional(
                        "Metadata",
                        .structure([
                            .optional(
                                "ReviewerResponse",
                                .list(
                                    .structure([
                                        .optional("CreateTime", .timestamp), .optional("UpdatedTime", .timestamp),
                                        .optional("ReviewStatus", .string()),
                                        .optional("Comment", DocumentShapes.reviewComment),
                                        .optional("Reviewer", .string()),
                                    ])))
                        ])), .optional("NextToken", .string()),
                ], handler: listMetadata),
        ]
    }

    private func updateMetadata(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let number = input["DocumentVersion"]?.string
        let review = input["DocumentReviews"] ?? [:]
        guard let action = review["Action"]?.string.flatMap(Action.init) else { return [:] }
        let comment = review["Comment"]?[0]?["Content"]?.string
        try await store.database.write(context) { transaction in
            _ = try Self.find(own: name, transaction)
            let version = try DocumentStore.find(name, version: number, transaction)
            let isPending = version.reviewStatus == Action.send.status
            guard isPending != (action == .send) else {
                let state = isPending ? "is under review already" : "is not under review"
                throw ServiceError(
                    .invalidDocumentOperation,
                    "Version \(version.number) of \(name) \(state); \(action.rawValue) is not possible.")
            }
            if action == .update {
                try transaction.execute(
                    """
                    UPDATE document_reviews SET comment = ?, updated = ?
                    WHERE id = (SELECT max(id) FROM document_reviews WHERE name = ? AND version = ?)
                    """, comment, transaction.now, name, version.number)
            } else {
                try transaction.execute(
                    """
                    INSERT INTO document_reviews (name, version, reviewer, status, comment, created, updated)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """, name, version.number, context.principal.name, action.status, comment, transaction.now,
                    transaction.now)
            }
            try transaction.audit(
                "UpdateDocumentMetadata", on: version.subject, outcome: .success,
                detail: ["DocumentVersion": .integer(version.number), "Action": .string(action.rawValue)])
        }
        return [:]
    }

    private func listMetadata(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let number = input["DocumentVersion"]?.string
        let (version, reviews) = try await store.database.read { transaction in
            let version = try DocumentStore.find(name, version: number, transaction)
            let reviews = try transaction.query(
                """
                SELECT reviewer, status, comment, created, updated FROM document_reviews
                WHERE name = ? AND version = ? ORDER BY id DESC
                """, name, version.number
            ) { row -> JSON in
                let (reviewer, status): (String, String) = (try row[0], try row[1])
                let comment: String? = try row[2]
                let (created, updated): (Timestamp, Timestamp) = (try row[3], try row[4])
                var json: JSON = [
                    "Reviewer": .string(reviewer), "ReviewStatus": .string(status),
                    "CreateTime": JSON(epoch: created), "UpdatedTime": JSON(epoch: updated),
                ]
                json["Comment"] = comment.map { [["Type": "Comment", "Content": .string($0)]] }
                return json
            }
            return (version, reviews)
        }
        let page = try CountedPage(of: reviews, input)
        return [
            "Name": .string(name), "DocumentVersion": .string(String(version.number)),
            "Author": .string(version.author), "Metadata": ["ReviewerResponse": .array(page.items)],
            "NextToken": .string(page.nextToken),
        ]
    }
}
