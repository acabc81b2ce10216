internal import API
internal import Core
internal import Patterns
internal import Storage

/// The operations on events themselves: putting them, testing patterns, explaining rules.
struct EventOperations: Sendable {
    let ingest: EventIngest
    let matcher: Matcher
    let buses: BusDirectory
    let journal: any Journal

    var all: [Operation] {
        [
            Operation(
                "events:PutEvents", "Puts events on buses; answered when they are durable.", .writes,
                input: [.required("Entries", .list(.any, count: 1...Limits.putEventsEntriesMax))],
                handler: { try await put($0, $1) }),
            Operation(
                "events:PutCloudEvents", "Puts CloudEvents in JSON format on a bus.", .writes,
                input: [
                    .optional("CloudEvent", .any), .optional("CloudEvents", .list(.any, count: 1...1000)),
                    .optional("EventBusName", .string(length: 1...1600)),
                ], handler: putCloudEvents),
            Operation(
                "events:TestEventPattern", "Says whether a pattern matches an event.", .reads,
                input: [
                    .required("EventPattern", .string(length: 0...Limits.eventPatternBytesMax)),
                    .required("Event", .string()),
                ], handler: testPattern),
            Operation(
                "events:ExplainRule", "Says why a rule does or does not match an event.", .reads,
                input: [
                    .required("Rule", .name(1...64, .resourceName)), RuleOperations.busName,
                    .optional("Event", .string()), .optional("EventId", .string(length: 36...36)),
                ], handler: explain),
            Operation(
                "events:DescribeEvent", "Answers an event by its id, from the journal.", .reads,
                input: [.required("EventId", .string(length: 36...36))], handler: describe),
        ]
    }

    private func put(_ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        let answer = await ingest.putEvents(input.bytes, context)
        guard let json = try? JSON(parsing: answer.body) else {
            throw ServiceError(.internalFailure, "Internal Service Failure")
        }
        if answer.status != 200 {
            throw ServiceError(json: json) ?? ServiceError(.internalFailure, "Internal Service Failure")
        }
        return json
    }

    private func putCloudEvents(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let single = input["CloudEvent"].map { [$0] }
        guard let events = single ?? input["CloudEvents"]?.array, single == nil || input["CloudEvents"] == nil else {
            throw ServiceError(.validation, "Give either CloudEvent, one event, or CloudEvents, a list.")
        }
        let entries = try events.map { try CloudEvent.entry($0, bus: input["EventBusName"]?.string) }
        return try await put(["Entries": .array(entries)], context)
    }

    // MARK: Patterns

    private func testPattern(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let pattern = try RuleCatalog.compile(input["EventPattern"]?.string ?? "")
        guard let event = try? JSON(parsing: input["Event"]?.string ?? ""), event.object != nil else {
            throw ServiceError(.validation, "Parameter Event is not valid.")
        }
        for member in ["id", "account", "source", "time", "region", "resources", "detail-type"]
        where event[member] == nil {
            throw ServiceError(.validation, "Parameter Event is not valid. Reason: it has no \(member).")
        }
        return ["Result": .bool(try pattern?.explain(event.bytes).matches ?? false)]
    }

    private func explain(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try buses.resolve(input)
        let name = input["Rule"]?.string ?? ""
        guard let entry = await matcher.catalog.entry(bus, name) else { throw RuleOperations.noRule(name, bus) }
        let (event, eventBus) = try event(input)
        if let eventBus, eventBus != bus {
            return [
                "Result": false, "State": .string(entry.rule.state.rawValue),
                "Explanation": .string("The event was put on bus \(eventBus); the rule is on bus \(bus)."),
            ]
        }
        guard let pattern = entry.pattern else {
            return ["Result": false, "Explanation": "The rule has no event pattern; it fires by schedule only."]
        }
        let explanation = try pattern.explain(event)
        var text = explanation.description
        if !entry.rule.state.isEnabled { text += "\nThe rule is DISABLED: it matches nothing until it is enabled." }
        return [
            "Result": .bool(explanation.matches && entry.rule.state.isEnabled), "Explanation": .string(text),
            "State": .string(entry.rule.state.rawValue),
        ]
    }

    /// - Returns: The event, and the bus it was put on where that is known.
    private func event(_ input: JSON) throws -> (text: [UInt8], bus: String?) {
        if let text = input["Event"]?.string { return (Array(text.utf8), nil) }
        guard let identifier = input["EventId"]?.string else {
            throw ServiceError(.validation, "Give either Event, an event's JSON text, or EventId.")
        }
        let entry = try find(identifier).entry
        return (entry.payload, entry.bus)
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let found = try find(input["EventId"]?.string ?? "")
        var output: JSON = [
            "Sequence": .integer(found.sequence), "EventBusName": .string(found.entry.bus),
            "IngestionTime": .string(found.time.millisecondDescription),
            "Principal": .string(found.entry.principal.name), "Hops": .integer(found.entry.hops),
            "Event": try JSON(parsing: found.entry.payload),
        ]
        output["Cause"] = found.entry.cause.map { .string($0.description) }
        return output
    }

    private func find(_ identifier: String) throws -> (sequence: UInt64, time: Timestamp, entry: StreamEntry) {
        guard let wanted = Identifier(identifier) else {
            throw ServiceError(.validation, "EventId must be a UUID, not '\(identifier)'.")
        }
        var found: (UInt64, Timestamp, StreamEntry)?
        try journal.scan(after: journal.oldestSequence - 1, matching: Array(wanted.description.utf8)) { record in
            guard let view = StreamEntryView(record.body), view.kind == .event, view.eventID == wanted else {
                return true
            }
            found = StreamEntry(record.body).map { (record.sequence, record.time, $0) }
            return false
        }
        guard let found else {
            throw ServiceError(.resourceNotFound, "There is no event \(identifier) in the journal.")
        }
        return found
    }
}
