internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations that read lines.
struct LogReading: Sendable {
    let database: Database
    let account: Account
    /// How long is looked for lines where there are none.
    let shortPoll: Duration
    let clock: any Clock

    /// How often a call that waits looks for new lines.
    private static let waitInterval = Duration.milliseconds(200)
    private static let time = Shape.integer(0...Int.max)

    var all: [Operation] {
        let group = [
            Field.optional("logGroupName", LogOperations.group),
            .optional("logGroupIdentifier", .string(length: 1...2048)),
        ]
        return [
            Operation(
                "logs:DescribeLogStreams", "Lists the streams of a log group.", .reads,
                input: group + [
                    .optional("logStreamNamePrefix", LogOperations.stream),
                    .optional("orderBy", .string(values: ["LogStreamName", "LastEventTime"])),
                    .optional("descending", .boolean), .optional("nextToken", .string()),
                    .optional("limit", .integer(1...50)),
                ], handler: describeStreams),
            Operation(
                "logs:GetLogEvents", "Lists lines of one stream; the newest, unless startFromHead.", .reads,
                input: group + [
                    .required("logStreamName", LogOperations.stream), .optional("startTime", LogReading.time),
                    .optional("endTime", LogReading.time), .optional("nextToken", .string()),
                    .optional("limit", .integer(1...10_000)), .optional("startFromHead", .boolean),
                    .optional("unmask", .boolean),
                ], handler: get),
            Operation(
                "logs:FilterLogEvents",
                "Lists lines of a log group that match a pattern; the oldest first, unless startFromHead is false.",
                .reads,
                input: group + [
                    .optional("logStreamNames", .list(LogOperations.stream, count: 1...100)),
                    .optional("logStreamNamePrefix", LogOperations.stream), .optional("startTime", LogReading.time),
                    .optional("endTime", LogReading.time), .optional("filterPattern", .string(length: 0...1024)),
                    .optional("nextToken", .string()), .optional("limit", .integer(1...10_000)),
                    .optional("interleaved", .boolean), .optional("startFromHead", .boolean),
                    .optional("unmask", .boolean), .optional("OpsBusAfterEventId", .string(length: 1...20)),
                    .optional("OpsBusWaitSeconds", .integer(0...20)),
                ], handler: filter),
        ]
    }

    private func describeStreams(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let byTime = input["orderBy"]?.string == "LastEventTime"
        if byTime && input["logStreamNamePrefix"] != nil {
            throw ServiceError(
                .invalidParameterException, "Cannot order by LastEventTime with a logStreamNamePrefix.")
        }
        let group = try account.logGroup(of: input)
        var query = LogStreamQuery(group: group, limit: input["limit"]?.int ?? 50)
        query.prefix = input["logStreamNamePrefix"]?.string ?? ""
        query.ordersByTime = byTime
        query.isDescending = input["descending"]?.bool ?? false
        if let token = input["nextToken"]?.string {
            // A token of another list leads nowhere.
            guard token.hasPrefix("\(group)@") else { return ["logStreams": []] }
            query.after = String(token.dropFirst(group.count + 1))
        }
        let finished = query
        let (streams, isLast) = try await read(group) { try finished.run($0) }
        var output: JSON = ["logStreams": .array(streams.map { describe($0, in: group) })]
        if !isLast, let last = streams.last { output["nextToken"] = .string("\(group)@\(last.name)") }
        return output
    }

    private func describe(_ stream: LogStreamQuery.Stream, in group: String) -> JSON {
        let arn = account.arn("logs", "log-group:\(group):log-stream:\(stream.name)")
        var json: JSON = [
            "logStreamName": .string(stream.name), "creationTime": .integer(stream.created),
            "arn": .string(arn.description), "storedBytes": 0,
        ]
        json["firstEventTimestamp"] = stream.first.map { .integer($0) }
        json["lastEventTimestamp"] = stream.last.map { .integer($0) }
        json["lastIngestionTime"] = stream.ingested.map { .integer($0) }
        return json
    }

    /// A token leads forwards, `f/PLACE`, or backwards, `b/PLACE`, from where a page ended.
    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        var query = try query(input)
        query.streams = [input["logStreamName"]?.string ?? ""]
        query.newestFirst = input["startFromHead"]?.bool != true
        let token = input["nextToken"]?.string
        if let token {
            guard let place = LogQuery.Place(token.dropFirst(2)), token.hasPrefix("f/") || token.hasPrefix("b/") else {
                throw LogReading.badToken
            }
            query.newestFirst = token.hasPrefix("b/")
            if query.newestFirst { query.before = place } else { query.after = place }
        }
        let finished = query
        let lines = try await read(query.group) { transaction in
            guard try LogStore.hasStream(finished.streams[0], in: finished.group, transaction) else {
                throw LogOperations.noStream
            }
            return try finished.run(transaction).lines
        }
        let inOrder = query.newestFirst ? lines.reversed() : lines
        // Where there is nothing, the place stays: the same token comes back, which says that this is the end.
        let place = query.after ?? query.before ?? LogQuery.Place(time: query.times.lowerBound, id: 0)
        let first = inOrder.first.map { LogQuery.Place($0) } ?? place
        let last = inOrder.last.map { LogQuery.Place($0) } ?? place
        return [
            "events": .array(
                inOrder.map {
                    [
                        "timestamp": .integer($0.time), "message": .string($0.message),
                        "ingestionTime": .integer($0.ingested),
                    ]
                }),
            "nextForwardToken": .string("f/\(last.token)"), "nextBackwardToken": .string("b/\(first.token)"),
        ]
    }

    /// Additions of ours: `OpsBusAfterEventId` answers only lines that came after that one, and `OpsBusWaitSeconds`
    /// waits for them: this is how a group is followed.
    private func filter(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        var query = try query(input)
        query.streams = (input["logStreamNames"]?.array ?? []).compactMap(\.string)
        query.streamPrefix = input["logStreamNamePrefix"]?.string ?? ""
        query.pattern = try input["filterPattern"]?.string.map(LogFilterPattern.init)
        guard query.streams.isEmpty || query.streamPrefix.isEmpty else {
            throw ServiceError(
                .invalidParameterException, "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
        }
        query.newestFirst = input["startFromHead"]?.bool == false
        query.afterID = input["OpsBusAfterEventId"]?.string.flatMap { Int($0) }
        if let token = input["nextToken"]?.string {
            guard let place = LogQuery.Place(token) else { throw LogReading.badToken }
            if query.newestFirst { query.before = place } else { query.after = place }
        }
        let finished = query
        // The page after the last one is empty: nothing is waited for.
        let moment = query.after == nil ? shortPoll : .zero
        let wait = input["OpsBusWaitSeconds"]?.int.map { Duration.seconds($0) } ?? moment
        let interval = min(LogReading.waitInterval, wait / 4)
        let end = clock.now + wait
        var found = try await read(query.group) { try finished.run($0) }
        while found.lines.isEmpty, found.reached == nil, clock.now < end {
            try await clock.sleep(for: interval)
            found = try await read(query.group) { try finished.run($0) }
        }
        var output: JSON = [
            "events": .array(
                found.lines.map {
                    [
                        "logStreamName": .string($0.stream), "timestamp": .integer($0.time),
                        "message": .string($0.message), "ingestionTime": .integer($0.ingested),
                        "eventId": .string(String($0.id)),
                    ]
                }),
            "searchedLogStreams": [],
        ]
        output["nextToken"] = found.reached.map { .string($0.token) }
        return output
    }

    private func query(_ input: JSON) throws(ServiceError) -> LogQuery {
        var query = LogQuery(group: try account.logGroup(of: input), limit: input["limit"]?.int ?? 10_000)
        let start = input["startTime"]?.int ?? 0
        query.times = start..<max(start, input["endTime"]?.int ?? Int.max)
        return query
    }

    /// Reads from a group that exists.
    private func read<Value: Sendable>(
        _ group: String, _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> Value
    ) async throws -> Value {
        try await database.read { transaction in
            guard try LogStore.hasGroup(group, transaction) else { throw LogOperations.noGroup }
            return try body(transaction)
        }
    }

    private static let badToken = ServiceError(
        .invalidParameterException, "The specified nextToken is invalid.")
}
