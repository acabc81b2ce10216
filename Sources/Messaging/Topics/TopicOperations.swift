internal import API
internal import Core
internal import Platform
internal import Storage

/// Topics: fan-out points whose messages go to the subscribers of `topic/<name>/` on the stream, and into the queues
/// that are subscribed to them.
struct TopicOperations: Sendable {
    let calls: TopicCalls

    private static let tagsMax = 50
    private static let displayNameCharactersMax = 100
    private static let tag = Shape.structure([
        .required("Key", .string(length: 1...128)), .required("Value", .string(length: 0...256)),
    ])
    private static let resource = Field.required("ResourceArn", .string(length: 1...1011))

    /// What can be set, and the values that are allowed; empty for any.
    private static let attributes: [String: [String]] = [
        "DisplayName": [], "Policy": [], "DeliveryPolicy": [], "KmsMasterKeyId": [], "TracingConfig": [],
        "SignatureVersion": ["1", "2"], "FifoTopic": ["true", "false"], "ContentBasedDeduplication": ["true", "false"],
        "FifoThroughputScope": ["Topic", "MessageGroup"],
    ]

    var all: [Operation] {
        [
            Operation(
                "sns:CreateTopic", "Creates a topic; one that exists is answered.", .writes,
                input: [
                    .required("Name", .string()), .optional("Attributes", .map(.string())),
                    .optional("Tags", .list(TopicOperations.tag)),
                    .optional("DataProtectionPolicy", .unsupported("messages are not searched for sensitive data")),
                ], output: [.optional("TopicArn", .string())], handler: create),
            Operation(
                "sns:DeleteTopic", "Deletes a topic; one that does not exist is no error.", .writes,
                input: [TopicCalls.topicARN], handler: delete),
            Operation(
                "sns:ListTopics", "Lists topics by name, a hundred at a time.", .reads,
                input: [.optional("NextToken", .string(length: 0...256))],
                output: [.optional("Topics", .list(.any)), .optional("NextToken", .string())], handler: list),
            Operation(
                "sns:GetTopicAttributes", "Answers how a topic is set up.", .reads, input: [TopicCalls.topicARN],
                output: [.optional("Attributes", .map(.string()))], handler: getAttributes),
            Operation(
                "sns:SetTopicAttributes", "Sets up a topic, one attribute at a time.", .writes,
                input: [
                    TopicCalls.topicARN, .required("AttributeName", .string()), .optional("AttributeValue", .string()),
                ], handler: setAttribute),
            Operation(
                "sns:TagResource", "Sets tags of a topic.", .writes,
                input: [TopicOperations.resource, .required("Tags", .list(TopicOperations.tag))],
                handler: tag),
            Operation(
                "sns:UntagResource", "Removes tags of a topic.", .writes,
                input: [TopicOperations.resource, .required("TagKeys", .list(.string(length: 1...128)))],
                handler: untag),
            Operation(
                "sns:ListTagsForResource", "Lists the tags of a topic.", .reads, input: [TopicOperations.resource],
                output: [.optional("Tags", .list(.any))], handler: listTags),
        ] + TopicPermissions(calls: calls, standard: defaultPolicy).all
    }

    // MARK: Making and finding

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        var given = Topic(name: name, attributes: [:], tags: [])
        for member in input["Attributes"]?.object?.members ?? [] {
            try TopicOperations.set(member.key, member.value.string ?? "", on: &given, creating: true)
        }
        try TopicOperations.check(name, isFIFO: given.isFIFO)
        given.tags = .array(try TopicOperations.merge([], input["Tags"]))
        let topic = given
        try await calls.database.write(context) { transaction in
            if let existing = try TopicStore.find(name, transaction) {
                try TopicOperations.compare(topic, with: existing, hasTags: input["Tags"] != nil)
            } else {
                try TopicStore.insert(topic, transaction)
            }
            try transaction.audit("CreateTopic", on: topic.subject, outcome: .success)
        }
        return ["TopicArn": .string(calls.arn(name))]
    }

    private static func check(_ name: String, isFIFO: Bool) throws(ServiceError) {
        let plain = isFIFO && name.hasSuffix(".fifo") ? String(name.dropLast(5)) : name
        guard (1...256).contains(name.utf8.count), !plain.isEmpty, CharacterRule.word.allows(plain),
            isFIFO == name.hasSuffix(".fifo")
        else { throw TopicMessage.invalid("Topic Name") }
    }

    /// A topic that exists is answered to who wants it as it is.
    private static func compare(_ given: Topic, with existing: Topic, hasTags: Bool) throws(ServiceError) {
        for member in given.attributes.object?.members ?? [] where existing.attributes[member.key] != member.value {
            throw TopicMessage.invalid("Attributes Reason: Topic already exists with different attributes")
        }
        if hasTags && Set(given.tags.array ?? []) != Set(existing.tags.array ?? []) {
            throw TopicMessage.invalid("Tags Reason: Topic already exists with different tags")
        }
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        try await calls.database.write(context) { transaction in
            try TopicStore.delete(name, transaction)
            try transaction.audit("DeleteTopic", on: Subject(.topic, name), outcome: .success)
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let offset = try TopicCalls.offset(input["NextToken"])
        let topics = try await calls.database.read { transaction in
            try transaction.query(
                "SELECT name FROM topics ORDER BY name LIMIT ? OFFSET ?", TopicCalls.pageSize + 1, offset
            ) { row -> JSON in ["TopicArn": .string(calls.arn(try row[0]))] }
        }
        return TopicCalls.page("Topics", topics, after: offset)
    }

    // MARK: Attributes

    private static func set(
        _ name: String, _ text: String, on topic: inout Topic, creating: Bool
    ) throws(ServiceError) {
        if name == "ArchivePolicy" || name.hasSuffix("FeedbackRoleArn") || name.hasSuffix("FeedbackSampleRate") {
            throw TopicMessage.invalid("AttributeName: OpsBus has no \(name)")
        }
        guard let allowed = attributes[name], creating || name != "FifoTopic" else {
            throw TopicMessage.invalid("AttributeName")
        }
        guard name != "DisplayName" || text.unicodeScalars.count <= displayNameCharactersMax else {
            throw TopicMessage.invalid("DisplayName: It must be at most \(displayNameCharactersMax) characters long")
        }
        let text = allowed.contains(text.lowercased()) ? text.lowercased() : text
        guard text.isEmpty || allowed.isEmpty || allowed.contains(text) else {
            throw TopicMessage.invalid(
                "Attributes Reason: \(name) must be one of \(allowed.joined(separator: ", ")), not '\(text)'")
        }
        if text == "false" && name == "FifoTopic" { return }
        var value = text
        if name == "Policy" || name == "DeliveryPolicy", !text.isEmpty {
            guard let json = try? JSON(parsing: text), json.object != nil else {
                throw TopicMessage.invalid("\(name): it is no JSON object")
            }
            if name == "Policy" { value = json.text }
            if name == "DeliveryPolicy" { _ = try DeliveryPolicy(topic: text) }
        }
        topic.attributes[name] = value.isEmpty ? nil : .string(value)
    }

    private func setAttribute(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let attribute = input["AttributeName"]?.string ?? ""
        let value = input["AttributeValue"]?.string ?? ""
        try await calls.database.write(context) { transaction in
            var topic = try TopicStore.topic(name, transaction)
            try TopicOperations.set(attribute, value, on: &topic, creating: false)
            try TopicStore.update(topic, transaction)
            try transaction.audit(
                "SetTopicAttributes", on: topic.subject, outcome: .success,
                detail: ["AttributeName": .string(attribute), "AttributeValue": .string(value)])
        }
        return [:]
    }

    private func getAttributes(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try calls.name(input["TopicArn"])
        let (topic, counts) = try await calls.database.read { transaction in
            let states: [Subscription.State] = [.confirmed, .pending, .ended]
            let counts = try states.map { JSON.string(String(try SubscriptionStore.count($0, of: name, transaction))) }
            return (try TopicStore.topic(name, transaction), counts)
        }
        let policy = topic.attributes["DeliveryPolicy"]?.string
        var attributes: JSON = [
            "TopicArn": .string(calls.arn(name)), "Owner": .string(calls.account.id), "DisplayName": "",
            "Policy": .string(defaultPolicy(name).text), "DeliveryPolicy": "",
            "EffectiveDeliveryPolicy": .string(DeliveryPolicy.effective(topic: policy).text),
            "SubscriptionsConfirmed": counts[0], "SubscriptionsPending": counts[1], "SubscriptionsDeleted": counts[2],
        ]
        if topic.isFIFO { attributes["ContentBasedDeduplication"] = "false" }
        for member in topic.attributes.object?.members ?? [] { attributes[member.key] = member.value }
        return ["Attributes": attributes]
    }

    /// Who may use a topic that has no policy of its own: its owner.
    private func defaultPolicy(_ name: String) -> JSON {
        [
            "Version": "2008-10-17", "Id": "__default_policy_ID",
            "Statement": [
                [
                    "Effect": "Allow", "Sid": "__default_statement_ID", "Principal": ["AWS": "*"],
                    "Action": .array(TopicPermissions.actions.map { .string("SNS:\($0)") }),
                    "Resource": .string(calls.arn(name)),
                    "Condition": ["StringEquals": ["AWS:SourceOwner": .string(calls.account.id)]],
                ]
            ],
        ]
    }

    // MARK: Tags

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await setTags("TagResource", input, context) { tags throws(ServiceError) in
            try TopicOperations.merge(tags, input["Tags"])
        }
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let keys = Set((input["TagKeys"]?.array ?? []).compactMap(\.string))
        return try await setTags("UntagResource", input, context) { tags throws(ServiceError) in
            tags.filter { !keys.contains($0["Key"]?.string ?? "") }
        }
    }

    private func tagged(_ input: JSON) throws(ServiceError) -> String {
        do throws(ServiceError) {
            return try calls.name(input["ResourceArn"])
        } catch {
            throw TopicOperations.noResource
        }
    }

    private func setTags(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ change: @escaping @Sendable ([JSON]) throws(ServiceError) -> [JSON]
    ) async throws -> JSON {
        let name = try tagged(input)
        try await calls.database.write(context) { transaction in
            var topic = try TopicOperations.tagged(name, transaction)
            topic.tags = .array(try change(topic.tags.array ?? []))
            try TopicStore.update(topic, transaction)
            try transaction.audit(action, on: topic.subject, outcome: .success, detail: ["Tags": topic.tags])
        }
        return [:]
    }

    private func listTags(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try tagged(input)
        return ["Tags": try await calls.database.read { try TopicOperations.tagged(name, $0).tags }]
    }

    private static func tagged(
        _ name: String, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> Topic {
        guard let topic = try TopicStore.find(name, transaction) else { throw noResource }
        return topic
    }

    private static let noResource = ServiceError(.resourceNotFound, "Resource does not exist")

    private static func merge(_ old: [JSON], _ new: JSON?) throws(ServiceError) -> [JSON] {
        var tags = old
        let keys = (new?.array ?? []).map { $0["Key"] }
        guard Set(keys).count == keys.count else { throw TopicMessage.invalid("Duplicated keys are not allowed.") }
        for tag in new?.array ?? [] {
            if let index = tags.firstIndex(where: { $0["Key"] == tag["Key"] }) {
                tags[index] = tag
            } else {
                tags.append(tag)
            }
        }
        guard tags.count <= tagsMax else {
            throw ServiceError(.tagLimitExceeded, "Could not complete request: tag quota of per resource exceeded")
        }
        return tags
    }
}
