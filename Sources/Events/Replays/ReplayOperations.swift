internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations on replays, as in the EventBridge API.
struct ReplayOperations: Sendable {
    let database: Database
    let archiver: Archiver
    let blocks: ArchiveBlocks
    let runner: ReplayRunner
    let matcher: Matcher
    let buses: BusDirectory
    let account: Account
    let clock: any Clock

    /// How long replays are listed, and kept once they have ended.
    static let listed = Duration.seconds(90 * 86_400)

    private static let replayName = Field.required("ReplayName", .name(1...64, .resourceName))
    private static let reference: [Field] = [
        .optional("ReplayArn", .string()), .optional("State", .string()), .optional("StateReason", .string()),
        .optional("ReplayStartTime", .timestamp),
    ]
    private static let summary: [Field] = [
        .optional("ReplayName", .string()), .optional("EventSourceArn", .string()), .optional("State", .string()),
        .optional("StateReason", .string()), .optional("EventStartTime", .timestamp),
        .optional("EventEndTime", .timestamp), .optional("EventLastReplayedTime", .timestamp),
        .optional("ReplayStartTime", .timestamp), .optional("ReplayEndTime", .timestamp),
    ]
    private static let destination = Shape.structure([
        .required("Arn", .string(length: 1...1600)),
        .optional("FilterArns", .list(.string(length: 1...1600))),
    ])

    var all: [Operation] {
        [
            Operation(
                "events:StartReplay", "Sends the events that an archive holds to their bus once more.", .writes,
                input: [
                    ReplayOperations.replayName, .optional("Description", .string(length: 0...512, pattern: ".*")),
                    .required("EventSourceArn", ArchiveOperations.arn),
                    .required("EventStartTime", .timestamp), .required("EventEndTime", .timestamp),
                    .required("Destination", ReplayOperations.destination),
                    .optional(
                        "OpsBus",
                        .structure([
                            .optional("DryRun", .boolean),
                            .optional("EventsPerSecond", .integer(1...ReplayMachine.eventsPerSecondMax)),
                        ])),
                ], output: ReplayOperations.reference, handler: { try await start($0, $1) }),
            Operation(
                "events:DescribeReplay", "Answers one replay and how far it has come.", .reads,
                input: [ReplayOperations.replayName],
                output: ReplayOperations.summary + [
                    .optional("ReplayArn", .string()), .optional("Description", .string()),
                    .optional("Destination", ReplayOperations.destination),
                ], handler: { input, _ in try await describe(input) }),
            Operation(
                "events:ListReplays", "Lists the replays of the last 90 days by name.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...64, .resourceName)),
                    .optional("State", .string(values: ReplayMachine.State.allCases.map(\.rawValue))),
                    .optional("EventSourceArn", ArchiveOperations.arn),
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ],
                output: [
                    .optional("Replays", .list(.structure(ReplayOperations.summary))),
                    .optional("NextToken", .string()),
                ], handler: { input, _ in try await list(input) }),
            Operation(
                "events:CancelReplay", "Ends a replay; what it has sent stays sent.", .writes,
                input: [ReplayOperations.replayName], output: ReplayOperations.reference,
                handler: { try await cancel($0, $1) }),
        ]
    }

    // MARK: Starting

    private func start(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try buses.resolve(arn: input["Destination"]?["Arn"]?.string ?? "", parameter: "Destination.Arn")
        let archive = try await archive(input)
        guard archive.bus == bus else {
            throw invalid("Destination.Arn", "Cross event bus replay is not permitted.")
        }
        guard let start = input["EventStartTime"]?.timestamp, let end = input["EventEndTime"]?.timestamp, start < end
        else { throw invalid("EventEndTime", "EventStartTime must be before EventEndTime.") }
        let filters = (input["Destination"]?["FilterArns"]?.array ?? []).compactMap(\.string)
        let rules = try await rules(filters, bus)
        // The replay is of what the archive holds now.
        try await archiver.catchUp()
        let replay = Replay(
            name: input["ReplayName"]?.string ?? "", description: input["Description"]?.string,
            archiveName: archive.name, archive: archive.id, bus: bus, rules: rules, filterARNs: filters, start: start,
            end: end, lastBlock: try await blocks.lastBlock(), isDryRun: input["OpsBus"]?["DryRun"]?.bool ?? false,
            principal: context.principal,
            machine: ReplayMachine(
                started: clock.now,
                eventsPerSecond: input["OpsBus"]?["EventsPerSecond"]?.int ?? ReplayMachine.eventsPerSecondDefault))
        try await database.write(context) { transaction in
            guard try ReplayStore.find(replay.name, transaction) == nil else {
                throw ServiceError(.resourceAlreadyExists, "Replay \(replay.name) already exists.")
            }
            guard try ReplayStore.active(transaction).count < Limits.replaysActiveMax else {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
            try ReplayStore.insert(replay, transaction)
            try transaction.audit(
                "StartReplay", on: replay.subject, outcome: .success,
                detail: [
                    "ArchiveName": .string(archive.name), "EventStartTime": .string(start.description),
                    "EventEndTime": .string(end.description), "DryRun": .bool(replay.isDryRun),
                    "Rules": .array(rules.map { .string($0) }),
                ])
        }
        await runner.add(replay)
        return reference(replay)
    }

    private func reference(_ replay: Replay) -> JSON {
        [
            "ReplayArn": .string(replay.arn(in: account).description),
            "State": .string(replay.machine.state.rawValue),
            "ReplayStartTime": .string(replay.machine.started.millisecondDescription),
        ]
    }

    private func archive(_ input: JSON) async throws(ServiceError) -> Archive {
        let text = input["EventSourceArn"]?.string ?? ""
        guard let name = ARN(text)?.name(ofType: "archive") else {
            throw invalid("EventSourceArn", "Must contain an archive ARN.")
        }
        guard let archive = await archiver.archives[name] else {
            throw invalid("EventSourceArn", "Archive \(name) does not exist.")
        }
        return archive
    }

    /// The rules that the ARNs name.
    private func rules(_ filters: [String], _ bus: String) async throws(ServiceError) -> [String] {
        guard filters.count <= Limits.replayRulesMax else {
            throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
        }
        let catalog = await matcher.catalog
        var rules: [String] = []
        for text in filters {
            guard let path = ARN(text)?.name(ofType: "rule") else {
                throw invalid("Destination.FilterArns", "Must contain rule ARNs.")
            }
            let name: String
            if let slash = path.firstIndex(of: "/") {
                guard path[..<slash] == bus else {
                    throw invalid("Destination.FilterArns", "Rule \(path) is on another event bus than the archive.")
                }
                name = String(path[path.index(after: slash)...])
            } else {
                name = path
            }
            guard catalog.entry(bus, name) != nil else { throw RuleOperations.noRule(name, bus) }
            if !rules.contains(name) { rules.append(name) }
        }
        return rules
    }

    private func invalid(_ parameter: String, _ reason: String) -> ServiceError {
        ServiceError(.validation, "Parameter \(parameter) is not valid. Reason: \(reason)")
    }

    // MARK: Looking and ending

    private func describe(_ input: JSON) async throws -> JSON {
        let name = input["ReplayName"]?.string ?? ""
        await runner.settle(name)
        guard let replay = try await database.read({ try ReplayStore.find(name, $0) }) else {
            throw ReplayOperations.noReplay(name)
        }
        return replay.json(in: account)
    }

    private static func noReplay(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Replay \(name) does not exist.")
    }

    private func list(_ input: JSON) async throws -> JSON {
        try ListFilter.check(input, "ListReplays")
        await runner.settleAll()
        let since = clock.now - ReplayOperations.listed
        let prefix = input["NamePrefix"]?.string ?? ""
        let state = input["State"]?.string
        let source = input["EventSourceArn"]?.string
        let replays = try await database.read { try ReplayStore.list(since: since, $0) }.filter { replay in
            replay.name.hasPrefix(prefix) && (state == nil || state == replay.machine.state.rawValue)
                && (source == nil || source == account.arn("events", "archive/\(replay.archiveName)").description)
        }
        let page = Page(replays, by: \.name, input)
        var output: JSON = ["Replays": .array(page.items.map { $0.summary(in: account) })]
        output["NextToken"] = page.nextToken
        return output
    }

    private func cancel(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["ReplayName"]?.string ?? ""
        let replay = try await database.write(context) { transaction in
            guard var replay = try ReplayStore.find(name, transaction) else { throw ReplayOperations.noReplay(name) }
            guard replay.machine.cancel() else {
                throw ServiceError(
                    .illegalStatus, "Replay \(name) is not in a valid state for this operation.")
            }
            try ReplayStore.update(replay, transaction)
            try transaction.audit("CancelReplay", on: replay.subject, outcome: .success)
            return replay
        }
        await runner.changed(replay)
        return reference(replay)
    }
}
