internal import API
internal import Core
internal import Storage

/// The operations on the tags of rules and event buses.
struct TagOperations: Sendable {
    let database: Database
    let matcher: Matcher
    let buses: BusDirectory
    let account: Account

    var all: [Operation] {
        let arn = Field.required("ResourceARN", .string(length: 1...1600))
        return [
            Operation(
                "events:TagResource", "Adds tags to a rule or an event bus.", .writes,
                input: [arn, .required("Tags", ResourceTags.shape)], handler: tag),
            Operation(
                "events:UntagResource", "Removes tags from a rule or an event bus.", .writes,
                input: [arn, .required("TagKeys", .list(.string(length: 1...128)))], handler: untag),
            Operation(
                "events:ListTagsForResource", "Lists the tags of a rule or an event bus.", .reads, input: [arn],
                output: [.optional("Tags", .list(.structure([])))], handler: list),
        ]
    }

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let resource = try await resource(input)
        let tags = try ResourceTags(input["Tags"])
        try await database.write(context) { transaction in
            try TagStore.add(tags, to: resource.arn, transaction)
            try transaction.audit("TagResource", on: resource.subject, outcome: .success)
        }
        return [:]
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let resource = try await resource(input)
        let keys = (input["TagKeys"]?.array ?? []).compactMap(\.string)
        try await database.write(context) { transaction in
            try TagStore.remove(keys, of: resource.arn, transaction)
            try transaction.audit("UntagResource", on: resource.subject, outcome: .success)
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let resource = try await resource(input)
        return ["Tags": .array(try await database.read { try TagStore.list(of: resource.arn, $0) })]
    }

    /// What an ARN names: `rule/NAME`, `rule/BUS/NAME` or `event-bus/NAME`. Only the names count, so that clients of
    /// any region find it.
    private func resource(_ input: JSON) async throws(ServiceError) -> (arn: String, subject: Subject) {
        let text = input["ResourceARN"]?.string ?? ""
        guard let arn = ARN(text), arn.service == "events" else {
            throw ServiceError(
                .validation, "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format.")
        }
        if let name = arn.name(ofType: "event-bus") {
            guard let bus = buses.snapshot.name(of: name) else {
                throw ServiceError(.resourceNotFound, "Event bus \(name) does not exist.")
            }
            return (buses.snapshot.arn(of: bus), Subject(.bus, bus))
        }
        guard let path = arn.name(ofType: "rule") else {
            throw ServiceError(
                .validation, "Parameter ResourceARN is not valid. Reason: only rules and event buses have tags.")
        }
        let parts = path.split(separator: "/").map(String.init)
        let name = parts.last ?? ""
        let bus = parts.count > 1 ? parts.dropLast().joined(separator: "/") : BusDirectory.defaultBus
        guard let rule = await matcher.catalog.entry(bus, name)?.rule else { throw RuleOperations.noRule(name, bus) }
        return (rule.arn(in: account).description, rule.subject)
    }
}
