internal import API
internal import Core
internal import Patterns
internal import Storage

/// Runs the pattern engine over journal records. Holds the engine's scratch memory, so it has one owner.
struct PatternMatching {
    private let scratch = MatcherScratch()

    /// The deliveries that the events of a slice cause, in order.
    /// - Parameter note: Told of each rule that matches, in the order of the journal.
    func deliveries(
        of slice: JournalSlice, _ catalog: RuleCatalog, _ note: (UInt64, Rule) -> Void = { _, _ in }
    ) -> [Delivery] {
        var deliveries: [Delivery] = []
        // Most slices hold events of one bus: its name is decoded and looked up once.
        var busBytes: [UInt8] = []
        var bus = ""
        var snapshot: PatternSnapshot?
        slice.forEach { record in
            guard let view = StreamEntryView(record.body), view.kind == .event else { return }
            if !view.bus.elementsEqual(busBytes) || bus.isEmpty {
                busBytes = Array(view.bus)
                bus = String(decoding: busBytes, as: UTF8.self)
                snapshot = catalog.snapshot(of: bus)
            }
            if !view.onlyRule.isEmpty, !view.isReplayed {
                let name = String(decoding: view.onlyRule, as: UTF8.self)
                if let entry = catalog.entry(bus, name), entry.rule.state.isEnabled {
                    note(record.sequence, entry.rule)
                    append(entry.rule, record, &deliveries)
                }
                return
            }
            guard let snapshot else { return }
            // A replay for some rules alone fires those of them that match.
            let names = view.onlyRule.split(separator: UInt8(ascii: "\n"))
            let chosen = names.isEmpty ? nil : Set(names.map(Array.init))
            scratch.match(view.payload, mayStopEarly: view.mayStopEarly, with: snapshot) { number in
                guard let entry = catalog.entry(number) else { return }
                if let chosen, !chosen.contains(Array(entry.rule.name.utf8)) { return }
                note(record.sequence, entry.rule)
                append(entry.rule, record, &deliveries)
            }
        }
        return deliveries
    }

    private func append(_ rule: Rule, _ record: borrowing JournalRecord, _ deliveries: inout [Delivery]) {
        guard let entry = StreamEntry(record.body) else { return }
        let occurrence = Occurrence(rule.options, entry)
        for target in rule.targets {
            deliveries.append(
                Delivery(
                    sequence: record.sequence, bus: rule.bus, rule: rule.name, target: target.id,
                    eventID: entry.eventID, attempts: 0, created: record.time, due: record.time, entry: entry,
                    occurrence: occurrence))
        }
    }
}

/// Lets a copyable owner hold the engine's scratch. Used by one thread at a time: its owner is an actor's state.
final class MatcherScratch {
    private var matcher = Patterns.Matcher()

    func match(
        _ event: UnsafeRawBufferPointer, mayStopEarly: Bool, with snapshot: PatternSnapshot, _ body: (UInt32) -> Void
    ) {
        // What is in the journal was checked when it was taken in; the engine has nothing left to refuse.
        try? matcher.match(event, with: snapshot, validated: mayStopEarly, body)
    }

    /// Matches an event that may be none.
    func match(
        _ event: UnsafeRawBufferPointer, validated: Bool, with snapshot: PatternSnapshot, _ body: (UInt32) -> Void
    ) throws(PatternError) {
        try matcher.match(event, with: snapshot, validated: validated, body)
    }
}
