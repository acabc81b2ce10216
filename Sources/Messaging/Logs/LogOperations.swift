internal import API
internal import Core
internal import Platform
internal import Storage
internal import Synchronization

/// Log groups: where rules write what they match, and anybody else lines of text.
///
/// Members are spelled as in the CloudWatch Logs API. A group keeps the newest 100,000 lines.
/// - Source: botocore's model of `logs`, 2014-03-28.
struct LogOperations: Sendable {
    let database: Database
    let account: Account
    let shortPoll: Duration
    let clock: any Clock
    private let growth = LogGrowth()

    /// - Parameter shortPoll: How long is looked for lines where there are none.
    init(database: Database, account: Account, shortPoll: Duration, clock: any Clock) {
        self.database = database
        self.account = account
        self.shortPoll = shortPoll
        self.clock = clock
    }

    static let group = Shape.name(
        1...512, CharacterRule(pattern: #"[\.\-_/#A-Za-z0-9]+"#, lettersDigitsAnd: ".-_/#"))
    /// What lines come from; taken and not kept.
    private static let entity = Shape.structure([
        .optional(
            "keyAttributes", .map(.string(length: 1...512), keys: .string(length: 1...32), count: 2...4)),
        .optional("attributes", .map(.string(length: 1...512), keys: .string(length: 1...256), count: 0...10)),
    ])
    static let stream = Shape.string(length: 1...512, pattern: "[^:*]*")
    static let identifierPattern: TextPattern = #"[\w#+=/:,.@-]*"#
    /// The name of a group, or its ARN.
    static let identifier = Shape.string(length: 1...2048, pattern: identifierPattern)
    private static let kind = Shape.string(values: ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"])
    private static let retentionDays = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ]

    var all: [Operation] {
        let group = Field.required("logGroupName", LogOperations.group)
        let stream = Field.required("logStreamName", LogOperations.stream)
        return [
            Operation(
                "logs:CreateLogGroup", "Creates a log group.", .writes,
                input: [
                    group, .optional("kmsKeyId", .string(length: 0...256)), .optional("tags", LogTags.map),
                    .optional("logGroupClass", LogOperations.kind), .optional("deletionProtectionEnabled", .boolean),
                ], handler: createGroup),
            Operation(
                "logs:DeleteLogGroup", "Deletes a log group with its lines.", .writes, input: [group],
                handler: deleteGroup),
            Operation(
                "logs:DescribeLogGroups", "Lists log groups by name.", .reads,
                input: [
                    .optional("logGroupNamePrefix", LogOperations.group),
                    .optional("logGroupNamePattern", .string(length: 0...512)),
                    .optional("logGroupClass", LogOperations.kind),
                    .optional("logGroupIdentifiers", .list(LogOperations.identifier, count: 1...50)),
                    .optional(
                        "accountIdentifiers",
                        .list(.string(length: 12...12, pattern: #"^\d{12}$"#), count: 0...20)),
                    .optional("includeLinkedAccounts", .boolean),
                    .optional("nextToken", .string(length: 1...Int.max)),
                    .optional("limit", .integer(1...50)),
                ], handler: describeGroups),
            Operation(
                "logs:PutRetentionPolicy", "Says how many days a log group keeps its lines.", .writes,
                input: [group, .required("retentionInDays", .integer(1...3653))], handler: putRetention),
            Operation(
                "logs:DeleteRetentionPolicy", "Lets a log group keep its lines whatever their age.", .writes,
                input: [group], handler: deleteRetention),
            Operation(
                "logs:CreateLogStream", "Creates a stream in a log group.", .writes, input: [group, stream],
                handler: createStream),
            Operation(
                "logs:DeleteLogStream", "Deletes a stream with its lines.", .writes, input: [group, stream],
                handler: deleteStream),
            Operation(
                "logs:PutLogEvents", "Appends lines to a stream.", .writes,
                input: [
                    group, stream,
                    .required(
                        "logEvents",
                        .list(
                            .structure([
                                .required("timestamp", .integer(0...Int.max)),
                                .required("message", .string(length: 1...LogQuery.bytesMax)),
                            ]), count: 1...10_000)),
                    .optional("sequenceToken", .string(length: 1...Int.max)), .optional("entity", LogOperations.entity),
                    .optional("OpsBusToken", .string(length: 1...64)),
                ], handler: put),
        ] + LogReading(database: database, account: account, shortPoll: shortPoll, clock: clock).all
            + LogTags(database: database, account: account).all
    }

    private func createGroup(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = input["logGroupName"]?.string ?? ""
        if input["deletionProtectionEnabled"]?.bool == true {
            throw ServiceError(.invalidParameterException, "OpsBus does not protect log groups from being deleted.")
        }
        try await database.write(context) { transaction in
            guard try LogStore.createGroup(group, transaction) else {
                throw ServiceError(.resourceAlreadyExists, "The specified log group already exists")
            }
            try transaction.execute(
                "UPDATE log_groups SET tags = ?, class = ?, kms_key = ? WHERE name = ?", input["tags"] ?? [:],
                input["logGroupClass"]?.string ?? "STANDARD", input["kmsKeyId"]?.string, group)
            try transaction.audit("CreateLogGroup", on: Subject(.log, group), outcome: .success)
        }
        return [:]
    }

    private func deleteGroup(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await change("DeleteLogGroup", input, context) { group, transaction in
            try LogStore.deleteGroup(group, transaction)
        }
    }

    private func putRetention(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let days = input["retentionInDays"]?.int ?? 0
        guard LogOperations.retentionDays.contains(days) else {
            let allowed = LogOperations.retentionDays.map(String.init).joined(separator: ", ")
            throw ServiceError(.invalidParameterException, "retentionInDays must be one of: \(allowed).")
        }
        return try await setRetention(days, "PutRetentionPolicy", input, context)
    }

    private func deleteRetention(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await setRetention(nil, "DeleteRetentionPolicy", input, context)
    }

    private func setRetention(
        _ days: Int?, _ action: String, _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        try await change(action, input, context) { group, transaction in
            try transaction.execute("UPDATE log_groups SET retention_days = ? WHERE name = ?", days, group)
            try LogStore.trim(group, transaction)
        }
    }

    private func createStream(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let stream = input["logStreamName"]?.string ?? ""
        return try await change("CreateLogStream", input, context) { group, transaction in
            guard try LogStore.createStream(stream, in: group, transaction) else {
                throw ServiceError(.resourceAlreadyExists, "The specified log stream already exists")
            }
        }
    }

    private func deleteStream(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let stream = input["logStreamName"]?.string ?? ""
        return try await change("DeleteLogStream", input, context) { group, transaction in
            guard try LogStore.hasStream(stream, in: group, transaction) else { throw LogOperations.noStream }
            try LogStore.deleteStream(stream, in: group, transaction)
        }
    }

    /// With an `OpsBusToken`, an addition of ours that rules use, group and stream need no creation, and the same
    /// token appends once.
    private func put(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let group = input["logGroupName"]?.string ?? ""
        let stream = input["logStreamName"]?.string ?? ""
        let token = input["OpsBusToken"]?.string
        let given = (input["logEvents"]?.array ?? []).map {
            (time: $0["timestamp"]?.int ?? 0, message: $0["message"]?.string ?? "")
        }
        guard zip(given, given.dropFirst()).allSatisfy({ $0.time <= $1.time }) else {
            throw ServiceError(
                .invalidParameterException,
                "Log events in a single PutLogEvents request must be in chronological order.")
        }
        let bytes = given.reduce(0) { $0 + LogQuery.bytes(of: $1.message) }
        guard bytes <= LogQuery.bytesMax || token != nil else {
            throw ServiceError(
                .invalidParameterException, "Upload too large: \(bytes) bytes exceeds limit of \(LogQuery.bytesMax)")
        }
        let growth = growth
        let taken = try await database.write(context) { transaction in
            if token != nil {
                _ = try LogStore.createGroup(group, transaction)
                _ = try LogStore.createStream(stream, in: group, transaction)
            }
            guard try LogStore.hasStream(stream, in: group, transaction) else {
                throw try LogStore.hasGroup(group, transaction) ? LogOperations.noStream : LogOperations.noGroup
            }
            // What rules write is as old as its event.
            let taken =
                try token == nil
                ? LogAge(
                    given.map(\.time), now: transaction.now,
                    retentionDays: LogStore.retentionDays(of: group, transaction)) : LogAge(all: given.count)
            let lines = Array(given[taken.range])
            if !lines.isEmpty { try LogStore.append(lines, to: stream, in: group, token: token, transaction) }
            if growth.mustTrim(group, added: lines.count) { try LogStore.trim(group, transaction) }
            try transaction.audit("PutLogEvents", on: Subject(.log, group), outcome: .success)
            return taken
        }
        var output: JSON = ["nextSequenceToken": .string(LogOperations.sequenceToken)]
        output["rejectedLogEventsInfo"] = taken.rejected
        return output
    }

    /// Long without a meaning, and still looked for by clients: as many digits as the service's.
    private static let sequenceToken = String(repeating: "0", count: 55) + "1"

    /// A change to a group that exists, with its audit record.
    private func change(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ body: @escaping @Sendable (_ group: String, borrowing Transaction) throws -> Void
    ) async throws -> JSON {
        let group = input["logGroupName"]?.string ?? ""
        try await database.write(context) { transaction in
            guard try LogStore.hasGroup(group, transaction) else { throw LogOperations.noGroup }
            try body(group, transaction)
            try transaction.audit(action, on: Subject(.log, group), outcome: .success, detail: input)
        }
        return [:]
    }

    private func describeGroups(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let limit = input["limit"]?.int ?? 50
        if input["logGroupNamePrefix"] != nil && input["logGroupNamePattern"] != nil {
            throw ServiceError(
                .invalidParameterException,
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        }
        var query = LogStore.GroupQuery(limit: limit + 1)
        query.prefix = input["logGroupNamePrefix"]?.string ?? ""
        query.part = input["logGroupNamePattern"]?.string ?? ""
        query.kind = input["logGroupClass"]?.string
        query.names = try (input["logGroupIdentifiers"]?.array ?? []).map { identifier throws(ServiceError) in
            try account.logGroup(identifier.string ?? "")
        }
        query.after = input["nextToken"]?.string ?? ""
        let finished = query
        let groups = try await database.read { try LogStore.groups(finished, $0) }
        var output: JSON = ["logGroups": .array(groups.prefix(limit).map(describe))]
        if groups.count > limit { output["nextToken"] = .string(groups[limit - 1].name) }
        return output
    }

    private func describe(_ group: LogStore.Group) -> JSON {
        let arn = account.arn("logs", "log-group:\(group.name)").description
        var json: JSON = [
            "logGroupName": .string(group.name), "creationTime": .integer(group.created), "metricFilterCount": 0,
            "arn": .string(arn + ":*"), "logGroupArn": .string(arn), "storedBytes": .integer(group.bytes),
            "logGroupClass": .string(group.kind),
        ]
        json["kmsKeyId"] = group.kmsKey.map { .string($0) }
        json["retentionInDays"] = group.retentionDays.map { .integer($0) }
        return json
    }

    static let noGroup = ServiceError(.resourceNotFound, "The specified log group does not exist.")
    static let noStream = ServiceError(.resourceNotFound, "The specified log stream does not exist.")
}

/// How many lines each group has got since its oldest were removed, so that they are looked for now and then only.
private final class LogGrowth: Sendable {
    private let lines = Mutex<[String: Int]>([:])
    private static let linesUntrimmedMax = 1000

    /// Counts lines added to a group, and says whether it is time to remove its oldest.
    func mustTrim(_ group: String, added count: Int) -> Bool {
        lines.withLock { lines in
            let sum = lines[group, default: 0] + count
            lines[group] = sum < LogGrowth.linesUntrimmedMax ? sum : nil
            return sum >= LogGrowth.linesUntrimmedMax
        }
    }
}
