internal import API
internal import Core
internal import Platform
internal import Storage

/// Topics: fan-out points whose messages go to the subscribers of `topic/<name>/` on the stream.
struct TopicOperations: Sendable {
    let database: Database
    let account: Account

    private static let name = CharacterRule(pattern: "[a-zA-Z0-9_-]+", lettersDigitsAnd: "_-")
    private static let messageBytesMax = 256 << 10

    var all: [Operation] {
        [
            Operation(
                "sns:CreateTopic", "Creates a topic; one that exists is answered.", .writes,
                input: [.required("Name", .string())], handler: create),
            Operation(
                "sns:DeleteTopic", "Deletes a topic; one that does not exist is no error.", .writes,
                input: [.required("TopicArn", .string())], handler: delete),
            Operation(
                "sns:ListTopics", "Lists topics by name, a hundred at a time.", .reads,
                input: [.optional("NextToken", .string(length: 0...256))], handler: list),
            Operation(
                "sns:Publish", "Sends a message to the subscribers of a topic.", .writes,
                input: [
                    .required("TopicArn", .string()), .required("Message", .string()),
                    .optional("Subject", .string(length: 1...100)),
                    .optional("OpsBusMessageId", .string(length: 36...36)),
                ], handler: publish),
        ]
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        guard (1...256).contains(name.utf8.count), TopicOperations.name.allows(name) else {
            throw ServiceError(.invalidParameter, "Invalid parameter: Topic Name")
        }
        try await database.write(context) { try TopicOperations.create(name, $0) }
        return ["TopicArn": .string(account.arn("sns", name).description)]
    }

    /// Creates a topic unless it exists.
    static func create(_ name: String, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            "INSERT INTO topics (name, attributes, created) VALUES (?, '{}', ?) ON CONFLICT DO NOTHING", name,
            transaction.now)
        try transaction.audit("CreateTopic", on: Subject(.topic, name), outcome: .success)
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try name(input)
        try await database.write(context) { transaction in
            try transaction.execute("DELETE FROM topics WHERE name = ?", name)
            try transaction.audit("DeleteTopic", on: Subject(.topic, name), outcome: .success)
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let after = input["NextToken"]?.string ?? ""
        let names: [String] = try await database.read { transaction in
            try transaction.query("SELECT name FROM topics WHERE name > ? ORDER BY name LIMIT 100", after) { try $0[0] }
        }
        var output: JSON = [
            "Topics": .array(names.map { ["TopicArn": .string(account.arn("sns", $0).description)] })
        ]
        if names.count == 100, let last = names.last { output["NextToken"] = .string(last) }
        return output
    }

    /// The same `OpsBusMessageId`, an addition of ours, publishes once.
    private func publish(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try name(input)
        let message = input["Message"]?.string ?? ""
        if message.isEmpty { throw ServiceError(.invalidParameter, "Invalid parameter: Empty message") }
        guard message.utf8.count <= TopicOperations.messageBytesMax else {
            throw ServiceError(.invalidParameter, "Invalid parameter: Message too long")
        }
        let arn = account.arn("sns", name).description
        var random = BlockRandom()
        let chosen = try TopicOperations.chosenIdentifier(input)
        let identifier = (chosen ?? Identifier(using: &random)).description
        try await database.write(context) { transaction in
            let exists = try transaction.queryOne("SELECT 1 FROM topics WHERE name = ?", name) { _ in true }
            guard exists == true else { throw ServiceError(.notFound, "Topic does not exist") }
            let isNew =
                try chosen == nil
                || transaction.execute(
                    "INSERT INTO topic_messages (id, time) VALUES (?, ?) ON CONFLICT DO NOTHING", identifier,
                    transaction.now) == 1
            try transaction.audit(
                "Publish", on: Subject(.topic, name), outcome: .success,
                detail: isNew
                    ? ["MessageId": .string(identifier)] : ["MessageId": .string(identifier), "Repeated": true])
            guard isNew else { return }
            var body: JSON = [
                "Type": "Notification", "MessageId": .string(identifier), "TopicArn": .string(arn),
                "Message": .string(message), "Timestamp": .string(transaction.now.millisecondDescription),
            ]
            body["Subject"] = input["Subject"]
            try transaction.publish(body, to: StreamTopic.topic(name))
        }
        return ["MessageId": .string(identifier)]
    }

    private static func chosenIdentifier(_ input: JSON) throws(ServiceError) -> Identifier? {
        guard let text = input["OpsBusMessageId"]?.string else { return nil }
        guard let identifier = Identifier(text) else {
            throw ServiceError(.invalidParameter, "Invalid parameter: OpsBusMessageId Reason: \(text) is not a UUID")
        }
        return identifier
    }

    private func name(_ input: JSON) throws(ServiceError) -> String {
        let text = input["TopicArn"]?.string ?? ""
        guard let parsed = ARN(text) else {
            let count = text.split(separator: ":", omittingEmptySubsequences: false).count
            throw ServiceError(
                .invalidParameter,
                "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not \(count)")
        }
        let arn = account.resolve(parsed)
        guard arn.service == "sns", arn.account == account.id, arn.region == account.region else {
            throw ServiceError(.invalidParameter, "Invalid parameter: TopicArn Reason: \(text) is no topic here")
        }
        return arn.resource
    }
}
