internal import API
internal import Core
internal import Patterns
internal import Storage

/// `BacktestPattern`: an edited pattern against what an archive holds.
struct BacktestOperation: Sendable {
    let archiver: Archiver
    let blocks: ArchiveBlocks
    let matcher: Matcher
    let buses: BusDirectory

    /// Events looked at in one call; the rest is for the next.
    private static let bytesPerCall = 64 << 20
    private static let eventsPerRead = 10_000

    var operation: Operation {
        Operation(
            "events:BacktestPattern",
            "Says which archived events an edited pattern would have matched, beside the current one.", .reads,
            input: [
                .required("ArchiveName", .name(1...48, .resourceName)),
                .required("EventPattern", .string(length: 0...Limits.eventPatternBytesMax)),
                .optional("CurrentPattern", .string(length: 0...Limits.eventPatternBytesMax)),
                .optional("Rule", .name(1...64, .resourceName)), RuleOperations.busName,
                .optional("EventStartTime", .timestamp), .optional("EventEndTime", .timestamp),
                .optional("NextToken", .string(length: 1...2048)),
            ], handler: { input, _ in try await run(input) })
    }

    private func run(_ input: JSON) async throws -> JSON {
        let name = input["ArchiveName"]?.string ?? ""
        guard let archive = await archiver.archives[name] else { throw ArchiveOperations.noArchive(name) }
        guard let edited = try RuleCatalog.compile(input["EventPattern"]?.string) else { return [:] }
        var backtest = Backtest(edited: edited, current: try await current(input, archive))
        try await archiver.catchUp()
        let start = input["EventStartTime"]?.timestamp ?? Timestamp(microseconds: .min)
        let end = input["EventEndTime"]?.timestamp ?? Timestamp(microseconds: .max)
        guard start <= end else {
            throw ServiceError(
                .validation,
                "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
        }
        var place = try await place(input)
        let window = ArchiveBlocks.Window(archive: archive.id, times: start...end, lastBlock: place.lastBlock)
        var bytes = 0
        var isLast = false
        while !isLast, bytes < BacktestOperation.bytesPerCall {
            let page = try await blocks.read(window, after: place.position, limit: BacktestOperation.eventsPerRead)
            for event in page.events {
                try event.body.withUnsafeBytes { body in
                    guard let view = StreamEntryView(body) else { return }
                    try backtest.add(view.payload, validated: view.mayStopEarly)
                }
            }
            bytes += page.bytes
            isLast = page.isLast
            place.position = page.events.last?.position ?? place.position
        }
        var output = backtest.outcome.json
        if !isLast { output["NextToken"] = .string(place.token) }
        return output
    }

    private func current(_ input: JSON, _ archive: Archive) async throws -> Pattern? {
        if let text = input["CurrentPattern"]?.string { return try RuleCatalog.compile(text) }
        guard let rule = input["Rule"]?.string else { return nil }
        let bus = input["EventBusName"] == nil ? archive.bus : try buses.resolve(input)
        guard let entry = await matcher.catalog.entry(bus, rule) else { throw RuleOperations.noRule(rule, bus) }
        return entry.pattern
    }

    /// How far the calls have come.
    private struct Place {
        var position: ArchivePosition?
        /// As it was at the first call: all of them look at the same events.
        let lastBlock: Int64

        var token: String {
            let position = position ?? ArchivePosition(minute: 0, block: 0, index: -1)
            return "\(position.minute),\(position.block),\(position.index),\(lastBlock)"
        }
    }

    private func place(_ input: JSON) async throws -> Place {
        guard let token = input["NextToken"]?.string else { return Place(lastBlock: try await blocks.lastBlock()) }
        let numbers = token.split(separator: ",").compactMap { Int64($0) }
        guard numbers.count == 4, let index = Int(exactly: numbers[2]) else {
            throw ServiceError(.validation, "Parameter NextToken is not valid.")
        }
        return Place(
            position: ArchivePosition(minute: numbers[0], block: numbers[1], index: index), lastBlock: numbers[3])
    }
}
