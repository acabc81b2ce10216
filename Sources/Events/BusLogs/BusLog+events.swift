internal import API
internal import Core
internal import Storage

extension BusLog {
    /// What the rules made of one event.
    struct Match: Sendable {
        /// The event's place in the journal.
        let sequence: UInt64
        let rule: Rule
    }

    /// Notes the events of a slice of the journal, once their deliveries are decided.
    /// - Parameters:
    ///   - matches: In the order of the journal.
    ///   - deliveries: Those made; an event that is a repeat to a rule makes none.
    ///   - buses: As they were when the matches were found.
    nonisolated func noteEvents(
        of slice: JournalSlice, _ matches: [Match], _ deliveries: [Delivery], _ buses: BusDirectory.Snapshot,
        now: Timestamp
    ) {
        let deliveries = Dictionary(grouping: deliveries, by: \.sequence)
        var matches = matches[...]
        slice.forEach { record in
            let found = matches.prefix { $0.sequence == record.sequence }.map(\.rule)
            matches = matches.dropFirst(found.count)
            guard let view = StreamEntryView(record.body), view.kind == .event else { return }
            let bus = String(decoding: view.bus, as: UTF8.self)
            guard let settings = buses.log(of: bus), settings.level >= .info else { return }
            // As with events of AWS's own services: those that nobody asks for are not worth a line.
            if found.isEmpty && BusLog.isOfService(record.topic) { return }
            var records: [BusLogRecord] = []
            func add(_ step: BusLogRecord.Step, at time: Timestamp, _ details: BusLogRecord.Details) {
                records.append(BusLogRecord(step: step, time: time, event: view.eventID, details: details))
            }
            let event = BusLogRecord.Details.event(Array(view.payload))
            add(.eventReceipt, at: record.time, event)
            add(.ingestSuccess, at: record.time, event)
            add(.ruleMatchStart, at: now, event)
            for rule in found {
                let made = (deliveries[record.sequence] ?? []).filter { $0.rule == rule.name }
                add(.ruleMatch, at: now, .members(members(of: rule, made)))
            }
            if found.isEmpty { add(.noRuleMatched, at: now, .members([:])) }
            self.add(records, of: bus, settings)
        }
    }

    private nonisolated func members(of rule: Rule, _ deliveries: [Delivery]) -> JSON {
        [
            "rule_arn": .string(rule.arn(in: account).description),
            "target_arns": .array(rule.targets.map { .string($0.arn.description) }),
            "invocation_ids": .array(deliveries.map { .string($0.invocationID.description) }),
        ]
    }

    /// Whether the source in a topic `event/BUS/SOURCE/…` begins with `aws.`, which publishers cannot claim.
    private static func isOfService(_ topic: UnsafeRawBufferPointer) -> Bool {
        let components = topic.split(separator: UInt8(ascii: "/"), maxSplits: 3, omittingEmptySubsequences: false)
        return components.count > 2 && components[2].starts(with: "aws.".utf8)
    }

    /// Notes an event that was refused.
    nonisolated func noteRefused(_ refused: EntryAcceptance.Refused, now: Timestamp) {
        guard let settings = buses.snapshot.log(of: refused.bus) else { return }
        var receipt = BusLogRecord(step: .eventReceipt, time: now)
        receipt.details = .members(refused.members)
        var failure = receipt
        failure.step = .ingestFailure
        failure.failure = BusLogRecord.Failure(
            message: "\(refused.code.rawValue): \(refused.message)", service: "events", status: refused.code.status)
        add([receipt, failure], of: refused.bus, settings)
    }
}
