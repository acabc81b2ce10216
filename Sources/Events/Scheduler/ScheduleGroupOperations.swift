internal import API
internal import Core
internal import Storage

/// The operations on groups of schedules and on their tags, as in the EventBridge Scheduler API.
struct ScheduleGroupOperations: Sendable {
    let database: Database
    let account: Account

    private static let tags = Shape.list(
        .structure([
            .required("Key", .string(length: 1...128)), .required("Value", .string(length: 1...256)),
        ]), count: 0...200)
    private static let tagsMax = 50
    private static let dates: [Field] = [
        .optional("CreationDate", .timestamp), .optional("LastModificationDate", .timestamp),
    ]

    var all: [Operation] {
        let name = Field.required("Name", SchedulerOperations.name)
        let path = "/schedule-groups/{Name}"
        return [
            Operation(
                "scheduler:CreateScheduleGroup", "Creates a group of schedules.", .writes,
                input: [
                    name, .optional("Tags", ScheduleGroupOperations.tags), SchedulerOperations.clientToken,
                ], route: Route(.post, path), handler: create),
            Operation(
                "scheduler:GetScheduleGroup", "Answers one group of schedules.", .reads, input: [name],
                output: ScheduleGroupOperations.dates, route: Route(.get, path), handler: get),
            Operation(
                "scheduler:DeleteScheduleGroup", "Deletes a group with its schedules.", .writes,
                input: [name, SchedulerOperations.clientToken],
                route: Route(.delete, path, query: ["clientToken": "ClientToken"]), handler: delete),
            Operation(
                "scheduler:ListScheduleGroups", "Lists groups of schedules by name.", .reads,
                input: [.optional("NamePrefix", SchedulerOperations.name)] + SchedulerOperations.page,
                output: [.required("ScheduleGroups", .list(.structure(ScheduleGroupOperations.dates)))],
                route: Route(.get, "/schedule-groups", query: SchedulerOperations.pageQuery), handler: list),
        ] + tagging
    }

    private var tagging: [Operation] {
        let arn = Field.required(
            "ResourceArn",
            .string(
                length: 1...1011,
                pattern: #"arn:aws[a-z-]*:scheduler:[a-z0-9\-]+:\d{12}:schedule-group\/[0-9a-zA-Z-_.]+"#))
        let path = "/tags/{ResourceArn}"
        return [
            Operation(
                "scheduler:TagResource", "Adds tags to a group of schedules, replacing those of the same keys.",
                .writes, input: [arn, .required("Tags", ScheduleGroupOperations.tags)], route: Route(.post, path),
                handler: tag),
            Operation(
                "scheduler:UntagResource", "Removes tags from a group of schedules.", .writes,
                input: [arn, .required("TagKeys", .list(.string(length: 1...128), count: 0...200))],
                route: Route(.delete, path, query: ["TagKeys": "TagKeys"]), handler: untag),
            Operation(
                "scheduler:ListTagsForResource", "Lists the tags of a group of schedules.", .reads, input: [arn],
                route: Route(.get, path), handler: listTags),
        ]
    }

    // MARK: Groups

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let tags = ScheduleGroupOperations.object(input["Tags"])
        let arn = ScheduleGroup.arn(name, in: account)
        return try await database.write(context) { transaction in
            let subject = ScheduleGroup.subject(name)
            return try ClientTokens.once("CreateScheduleGroup", input, on: subject, transaction) { transaction in
                guard try SchedulerStore.tags(of: name, transaction.reading) == nil else {
                    throw ServiceError(.resourceAlreadyExists, "Schedule group \(name) already exists.")
                }
                guard try SchedulerStore.count(transaction.reading).groups < Limits.scheduleGroupsMax else {
                    throw ServiceError(
                        .limitExceeded, "There are \(Limits.scheduleGroupsMax) schedule groups; no more are allowed.")
                }
                try ScheduleGroupOperations.check(tags)
                try transaction.execute(
                    "INSERT INTO schedule_groups (name, created, modified, tags) VALUES (?, ?, ?, ?)", name,
                    transaction.now, transaction.now, JSON.object(tags))
                try transaction.audit("CreateScheduleGroup", on: subject, outcome: .success)
                return ["ScheduleGroupArn": .string(arn)]
            }
        }
    }

    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let group = try await database.read { try SchedulerStore.groups(named: name, $0).first }
        guard let group else { throw SchedulerOperations.noGroup(name) }
        return group.json(in: account)
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if name == Schedule.defaultGroup {
            throw ServiceError(.validation, "The default schedule group cannot be deleted.")
        }
        return try await database.write(context) { transaction in
            let subject = ScheduleGroup.subject(name)
            return try ClientTokens.once("DeleteScheduleGroup", input, on: subject, transaction) { transaction in
                try SchedulerOperations.requireGroup(name, transaction.reading)
                try SchedulerStore.delete(group: name, transaction)
                try transaction.audit("DeleteScheduleGroup", on: subject, outcome: .success)
                return [:]
            }
        }
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let limit = input["MaxResults"]?.int ?? 100
        let groups = try await database.read { transaction in
            try SchedulerStore.groups(
                prefix: input["NamePrefix"]?.string ?? "", after: input["NextToken"]?.string ?? "", limit: limit + 1,
                transaction)
        }
        var output: JSON = ["ScheduleGroups": .array(groups.prefix(limit).map { $0.json(in: account) })]
        if groups.count > limit { output["NextToken"] = .string(groups[limit - 1].name) }
        return output
    }

    // MARK: Tags

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let added = ScheduleGroupOperations.object(input["Tags"])
        return try await changeTags("TagResource", input, context) { tags in
            for tag in added { tags[tag.key] = tag.value }
        }
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let keys = (input["TagKeys"]?.array ?? []).compactMap(\.string)
        return try await changeTags("UntagResource", input, context) { tags in
            for key in keys { tags[key] = nil }
        }
    }

    private func changeTags(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ change: @escaping @Sendable (inout JSONObject) -> Void
    ) async throws -> JSON {
        let group = group(input)
        try await database.write(context) { transaction in
            guard var tags = try SchedulerStore.tags(of: group, transaction.reading)?.object else {
                throw SchedulerOperations.noGroup(group)
            }
            change(&tags)
            try ScheduleGroupOperations.check(tags)
            try transaction.execute("UPDATE schedule_groups SET tags = ? WHERE name = ?", JSON.object(tags), group)
            try transaction.audit(action, on: ScheduleGroup.subject(group), outcome: .success, detail: input)
        }
        return [:]
    }

    private func listTags(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = group(input)
        let tags = try await database.read { try SchedulerStore.tags(of: group, $0) }
        guard let tags = tags?.object else { throw SchedulerOperations.noGroup(group) }
        return ["Tags": .array(tags.map { ["Key": .string($0.key), "Value": $0.value] })]
    }

    /// The group that an ARN names, which has the form of one.
    private func group(_ input: JSON) -> String {
        input["ResourceArn"]?.string.flatMap { ARN($0) }?.name(ofType: "schedule-group") ?? ""
    }

    private static func object(_ tags: JSON?) -> JSONObject {
        var object = JSONObject()
        for tag in tags?.array ?? [] { object[tag["Key"]?.string ?? ""] = tag["Value"] ?? "" }
        return object
    }

    private static func check(_ tags: JSONObject) throws(ServiceError) {
        if tags.count > tagsMax {
            throw ServiceError(.validation, "A schedule group has at most \(tagsMax) tags, not \(tags.count).")
        }
    }
}
