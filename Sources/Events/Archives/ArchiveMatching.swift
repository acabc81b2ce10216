internal import Core
internal import Patterns
internal import Storage

/// Finds out which archives keep the events of journal records. Holds the engine's scratch memory, so it has one owner.
struct ArchiveMatching {
    /// What makes a block.
    struct Key: Hashable {
        let archive: Identifier
        let minute: Int64
    }

    private let scratch = MatcherScratch()
    private var buses: [String: Bus] = [:]
    /// By their keys in the pattern sets.
    private var archives: [Archive] = []

    /// The archives of one bus.
    private struct Bus {
        let patterns = PatternSet()
        /// Those without a pattern.
        var takers: [Archive] = []
    }

    init() {}

    /// - Throws: `ServiceError` `.invalidEventPattern`.
    init(_ archives: [Archive]) throws {
        self.archives = archives
        for (number, archive) in archives.enumerated() {
            let pattern = try RuleCatalog.compile(archive.eventPattern)
            var bus = buses[archive.bus] ?? Bus()
            if let pattern {
                bus.patterns.add(pattern, for: UInt32(number))
            } else {
                bus.takers.append(archive)
            }
            buses[archive.bus] = bus
        }
    }

    /// Adds the events of a slice that are to be kept. What a replay put on a bus is not kept again.
    func collect(_ slice: JournalSlice, into blocks: inout [Key: ArchiveBlock]) {
        var busBytes: [UInt8] = []
        var bus: Bus?
        var snapshot: PatternSnapshot?
        var keepers: [Archive] = []
        slice.forEach { record in
            guard let view = StreamEntryView(record.body), view.kind == .event, !view.isReplayed else { return }
            if !view.bus.elementsEqual(busBytes) || busBytes.isEmpty {
                busBytes = Array(view.bus)
                bus = buses[String(decoding: busBytes, as: UTF8.self)]
                snapshot = bus?.patterns.snapshot
            }
            guard let bus, let snapshot else { return }
            keepers.removeAll(keepingCapacity: true)
            keepers.append(contentsOf: bus.takers)
            if snapshot.ruleCount > 0 {
                scratch.match(view.payload, mayStopEarly: view.mayStopEarly, with: snapshot) { number in
                    keepers.append(archives[Int(number)])
                }
            }
            if keepers.isEmpty { return }
            let time = ArchivedEvent.time(of: view.payload) ?? record.time
            for archive in keepers where record.sequence > archive.startSequence {
                let key = Key(archive: archive.id, minute: ArchivePosition.minute(of: time))
                blocks[key, default: ArchiveBlock()].append(record, time: time, payloadBytes: view.payload.count)
            }
        }
    }
}
