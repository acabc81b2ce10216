internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations on schedules, as in the EventBridge Scheduler API.
/// - Source: botocore's model of `scheduler`, 2021-06-30.
struct SchedulerOperations: Sendable {
    let database: Database
    let planner: SchedulePlanner
    let timer: SchedulerTimer
    let caller: any OperationCaller
    let clock: any Clock

    private var account: Account { planner.account }

    static let name = Shape.name(1...64, CharacterRule(pattern: "[0-9a-zA-Z-_.]+", lettersDigitsAnd: "-_."))
    static let clientToken = Field.optional(
        "ClientToken", .name(1...64, CharacterRule(pattern: "[a-zA-Z0-9-_]+", lettersDigitsAnd: "-_")))
    static let page: [Field] = [
        .optional("NextToken", .string(length: 1...2048)), .optional("MaxResults", .integer(1...100)),
    ]
    static let pageQuery = ["NextToken": "NextToken", "MaxResults": "MaxResults", "NamePrefix": "NamePrefix"]
    private static let state = Shape.string(values: ["ENABLED", "DISABLED"])

    private static let definition: [Field] = [
        .required("ScheduleExpression", .string(length: 1...256)),
        .optional("ScheduleExpressionTimezone", .string(length: 1...50)),
        .optional("StartDate", .timestamp), .optional("EndDate", .timestamp),
        .optional("Description", .string(length: 0...512)), .optional("State", state),
        .optional(
            "KmsKeyArn",
            .string(
                length: 1...2048,
                pattern: #"arn:aws[a-z-]*:kms:[a-z0-9\-]+:\d{12}:(key|alias)\/[0-9a-zA-Z-_]*"#)),
        .required("Target", .structure(SchedulerTarget.fields)),
        .required(
            "FlexibleTimeWindow",
            .structure([
                .required("Mode", .string(values: ["OFF", "FLEXIBLE"])),
                .optional("MaximumWindowInMinutes", .integer(1...1440)),
            ])),
        .optional("ActionAfterCompletion", .string(values: ["NONE", "DELETE"])),
    ]
    private static let dates: [Field] = [
        .optional("CreationDate", .timestamp), .optional("LastModificationDate", .timestamp),
        .optional("StartDate", .timestamp), .optional("EndDate", .timestamp),
    ]

    var all: [Operation] {
        let name = Field.required("Name", SchedulerOperations.name)
        let group = Field.optional("GroupName", SchedulerOperations.name)
        let whole = [name, group, SchedulerOperations.clientToken] + SchedulerOperations.definition
        return [
            Operation(
                "scheduler:CreateSchedule", "Creates a schedule.", .writes, input: whole,
                route: Route(.post, "/schedules/{Name}"), handler: create),
            Operation(
                "scheduler:UpdateSchedule", "Replaces a schedule; what is not given gets its default.", .writes,
                input: whole, route: Route(.put, "/schedules/{Name}"), handler: update),
            Operation(
                "scheduler:GetSchedule", "Answers one schedule.", .reads, input: [name, group],
                output: SchedulerOperations.dates,
                route: Route(.get, "/schedules/{Name}", query: ["groupName": "GroupName"]), handler: get),
            Operation(
                "scheduler:DeleteSchedule", "Deletes a schedule; what it has still to call is not called.", .writes,
                input: [name, group, SchedulerOperations.clientToken],
                route: Route(
                    .delete, "/schedules/{Name}", query: ["groupName": "GroupName", "clientToken": "ClientToken"]),
                handler: delete),
            Operation(
                "scheduler:ListSchedules", "Lists schedules by group and name.", .reads,
                input: [
                    group, .optional("NamePrefix", SchedulerOperations.name),
                    .optional("State", SchedulerOperations.state),
                ] + SchedulerOperations.page,
                output: [.required("Schedules", .list(.structure(SchedulerOperations.dates)))],
                route: Route(
                    .get, "/schedules",
                    query: SchedulerOperations.pageQuery.merging(
                        ["ScheduleGroup": "GroupName", "State": "State"]) { $1 }), handler: list),
        ] + UpcomingTimes(database: database, planner: planner, clock: clock).all
    }

    // MARK: Writing

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let proposed = try proposal(input)
        let planner = planner
        let (answer, due) = try await database.write(context) { transaction in
            var due: Timestamp?
            let answer = try ClientTokens.once("CreateSchedule", input, on: proposed.subject, transaction) {
                transaction in
                try SchedulerOperations.requireGroup(proposed.group, transaction.reading)
                if try SchedulerStore.find(proposed.group, proposed.name, transaction.reading) != nil {
                    throw ServiceError(.resourceAlreadyExists, "Schedule \(proposed.name) already exists.")
                }
                guard try SchedulerStore.count(transaction.reading).schedules < Limits.schedulesMax else {
                    throw ServiceError(
                        .limitExceeded, "There are \(Limits.schedulesMax) schedules; no more are allowed.")
                }
                due = proposed.plan?.due
                return try put(proposed, "CreateSchedule", transaction, in: planner.account)
            }
            return (answer, due)
        }
        if let due { await timer.wake(for: due) }
        return answer
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let proposed = try proposal(input)
        let machine = try planner.machine(of: proposed)
        let planner = planner
        let (answer, due) = try await database.write(context) { transaction in
            var due: Timestamp?
            let answer = try ClientTokens.once("UpdateSchedule", input, on: proposed.subject, transaction) {
                transaction in
                guard let existing = try SchedulerStore.find(proposed.group, proposed.name, transaction.reading) else {
                    throw try SchedulerOperations.absent(proposed.group, proposed.name, transaction.reading)
                }
                let keeps = proposed.hasSameTimes(as: existing)
                let schedule = Schedule(
                    group: proposed.group, name: proposed.name, definition: proposed.definition,
                    created: existing.created, modified: transaction.now,
                    anchor: keeps ? existing.anchor : proposed.anchor,
                    plan: keeps ? existing.plan : proposed.isEnabled ? machine.first(from: transaction.now) : nil)
                due = schedule.plan?.due
                return try put(schedule, "UpdateSchedule", transaction, in: planner.account)
            }
            return (answer, due)
        }
        if let due { await timer.wake(for: due) }
        return answer
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (group, name) = place(input)
        return try await database.write(context) { transaction in
            let subject = Subject(.schedule, "\(group)/\(name)")
            return try ClientTokens.once("DeleteSchedule", input, on: subject, transaction) { transaction in
                guard try SchedulerStore.find(group, name, transaction.reading) != nil else {
                    throw try SchedulerOperations.absent(group, name, transaction.reading)
                }
                try SchedulerStore.delete(group, name, transaction)
                try transaction.audit("DeleteSchedule", on: subject, outcome: .success)
                return [:]
            }
        }
    }

    private func place(_ input: JSON) -> (group: String, name: String) {
        (input["GroupName"]?.string ?? Schedule.defaultGroup, input["Name"]?.string ?? "")
    }

    /// A new schedule as an input asks for it.
    /// - Throws: `ServiceError` `.validation`.
    private func proposal(_ input: JSON) throws -> Schedule {
        let now = clock.now
        let definition = try ScheduleDefinition.checked(input, now: now, planner, caller)
        let (group, name) = place(input)
        var schedule = Schedule(
            group: group, name: name, definition: definition, created: now, modified: now, anchor: now, plan: nil)
        if schedule.isEnabled { schedule.plan = try planner.machine(of: schedule).first(from: now) }
        return schedule
    }

    // MARK: Reading

    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (group, name) = place(input)
        return try await database.read { transaction in
            guard let schedule = try SchedulerStore.find(group, name, transaction) else {
                throw try SchedulerOperations.absent(group, name, transaction)
            }
            return schedule.json(in: planner.account)
        }
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let limit = input["MaxResults"]?.int ?? 100
        let filter = SchedulerStore.Filter(
            group: input["GroupName"]?.string, prefix: input["NamePrefix"]?.string ?? "",
            state: input["State"]?.string)
        // Names hold no slash.
        let token = (input["NextToken"]?.string ?? "/").split(separator: "/", omittingEmptySubsequences: false)
        guard token.count == 2 else { throw ServiceError(.validation, "The NextToken is not valid.") }
        let place = (group: String(token[0]), name: String(token[1]))
        let schedules = try await database.read { transaction in
            if let group = filter.group { try SchedulerOperations.requireGroup(group, transaction) }
            return try SchedulerStore.list(filter, after: place, limit: limit + 1, transaction)
        }
        var output: JSON = ["Schedules": .array(schedules.prefix(limit).map { $0.summary(in: account) })]
        if schedules.count > limit, let last = schedules.prefix(limit).last {
            output["NextToken"] = .string("\(last.group)/\(last.name)")
        }
        return output
    }

    // MARK: Absence

    static func requireGroup(_ name: String, _ transaction: borrowing ReadTransaction) throws {
        guard try SchedulerStore.tags(of: name, transaction) != nil else { throw noGroup(name) }
    }

    static func noGroup(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Schedule group \(name) does not exist.")
    }

    /// Why there is no such schedule: because there is no such group, or not in it.
    static func absent(
        _ group: String, _ name: String, _ transaction: borrowing ReadTransaction
    ) throws -> ServiceError {
        try requireGroup(group, transaction)
        return ServiceError(.resourceNotFound, "Schedule \(name) does not exist.")
    }
}

/// Writes a schedule, records it, and answers its ARN.
private func put(
    _ schedule: Schedule, _ action: String, _ transaction: borrowing Transaction, in account: Account
) throws -> JSON {
    try SchedulerStore.put(schedule, transaction)
    var detail: JSON = [
        "ScheduleExpression": .string(schedule.expression), "ScheduleExpressionTimezone": .string(schedule.zone),
        "State": schedule.definition["State"] ?? .null, "TargetArn": schedule.target["Arn"] ?? .null,
    ]
    detail["NextTime"] = schedule.plan.map { .string($0.scheduled.description) }
    try transaction.audit(action, on: schedule.subject, outcome: .success, detail: detail)
    return ["ScheduleArn": .string(schedule.arn(in: account))]
}
