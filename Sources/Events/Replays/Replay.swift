internal import API
internal import Core
internal import Storage

/// Sends the events that an archive holds to their bus once more.
/// - Source: `StartReplay` of the EventBridge API, field by field.
struct Replay: Sendable, Hashable {
    let name: String
    let description: String?
    let archiveName: String
    let archive: Identifier
    let bus: String
    /// Names of the rules it is for alone; empty for all.
    let rules: [String]
    /// The rules as they were given.
    let filterARNs: [String]
    /// Of the events' own times, both included.
    let start: Timestamp
    let end: Timestamp
    /// The archive's last block when the replay was started: what came later is not part of it.
    let lastBlock: Int64
    /// Whether it only says which rules would match.
    let isDryRun: Bool
    let principal: Principal
    var machine: ReplayMachine
    /// How many events each rule would match; of a dry run only.
    var matches: [String: Int] = [:]

    var subject: Subject { Subject(.replay, name) }

    func arn(in account: Account) -> ARN { account.arn("events", "replay/\(name)") }

    var window: ArchiveBlocks.Window { .init(archive: archive, times: start...end, lastBlock: lastBlock) }

    /// Who replays, and why; for the audit log.
    var context: OperationContext { OperationContext(principal: principal, cause: subject) }

    /// The event as it is put on the bus once more: with the replay's name, and with it as its cause.
    /// - Returns: Nil for an entry of an unknown format.
    func entry(of event: ArchivedEvent) -> StreamEntry? {
        guard var entry = event.body.withUnsafeBytes({ StreamEntry($0) }),
            let place = entry.payload.withUnsafeBytes(Replay.place)
        else { return nil }
        entry.payload.insert(contentsOf: #""replay-name":"\#(name)","#.utf8, at: place)
        entry.principal = principal
        entry.cause = Replay.subject(name, entry.eventID)
        entry.replay = name
        // What it is a trace of has ended.
        entry.traceHeader = nil
        entry.onlyRule = rules.isEmpty ? nil : rules.joined(separator: "\n")
        // A publisher who repeats the event must not be told that it is there already, and this must not either.
        entry.hasPublisherIdentifier = false
        return entry
    }

    /// Where the replay's name goes into an envelope: before `resources`; nil for what is no envelope.
    private static func place(in envelope: UnsafeRawBufferPointer) -> Int? {
        var cursor = JSONCursor(envelope)
        var place: Int?
        _ = cursor.members { cursor, key in
            guard !cursor.isText(key, "resources") else {
                place = key.range.lowerBound - 1
                return false
            }
            return cursor.string() != nil
        }
        return place
    }

    /// What the audit log calls an event put on its bus by a replay.
    static func subject(_ replay: String, _ event: Identifier) -> Subject { Subject(.replay, "\(replay)/\(event)") }
}

extension Replay {
    /// What `ListReplays` answers of each.
    func summary(in account: Account) -> JSON {
        var json: JSON = [
            "ReplayName": .string(name),
            "EventSourceArn": .string(account.arn("events", "archive/\(archiveName)").description),
            "State": .string(machine.state.rawValue), "EventStartTime": .string(start.millisecondDescription),
            "EventEndTime": .string(end.millisecondDescription),
            "ReplayStartTime": .string(machine.started.millisecondDescription),
        ]
        json["StateReason"] = machine.reason.map { .string($0) }
        json["EventLastReplayedTime"] = machine.lastEventTime.map { .string($0.millisecondDescription) }
        json["ReplayEndTime"] = machine.ended.map { .string($0.millisecondDescription) }
        return json
    }

    /// What `DescribeReplay` answers.
    func json(in account: Account) -> JSON {
        var json = summary(in: account)
        json["ReplayArn"] = .string(arn(in: account).description)
        json["Description"] = description.map { .string($0) }
        var destination: JSON = ["Arn": .string(account.arn("events", "event-bus/\(bus)").description)]
        if !filterARNs.isEmpty { destination["FilterArns"] = .array(filterARNs.map { .string($0) }) }
        json["Destination"] = destination
        var own: JSON = [
            "DryRun": .bool(isDryRun), "EventCount": .integer(machine.eventCount),
            "EventsPerSecond": .integer(machine.eventsPerSecond),
        ]
        if isDryRun {
            own["Matches"] = .array(
                matches.sorted { $0.key < $1.key }.map { rule, count in
                    let arn = Rule(name: rule, bus: bus).arn(in: account)
                    return ["RuleArn": .string(arn.description), "EventCount": .integer(count)]
                })
        }
        json["OpsBus"] = own
        return json
    }
}
