internal import API
internal import Core
internal import Platform
internal import Storage

/// Follows the events of a bus in the journal, in their order, from the one after the pipe's creation on.
///
/// How far the pipe has come is in the database; what comes after that is taken again after a crash.
struct BusPipeSource: PipeSource {
    let pipe: String
    let bus: String
    let batchMax: Int
    let journal: any Journal
    let database: Database
    let arrivals: JournalArrivals
    let log: Log
    /// Records of the journal between two notes of how far the pipe has come, though none was for it.
    private static let notedAfter: UInt64 = 10_000

    let redelivers = false

    func receive(_ context: OperationContext) async throws -> [PipeRecord] {
        var noted = try await database.read { [pipe] in try PipeStore.cursor(of: pipe, $0) } ?? journal.lastSequence
        // What was received and not finished is received again.
        var position = noted
        var records: [PipeRecord] = []
        while true {
            try Task.checkCancellation()
            if position >= journal.lastSequence {
                if position > noted + BusPipeSource.notedAfter {
                    try await note(position)
                    noted = position
                }
                try await arrivals.wait(after: position, journal)
                continue
            }
            position = try read(after: position, into: &records)
            if !records.isEmpty { return records }
        }
    }

    func complete(
        _ records: [PipeRecord], _ context: OperationContext, while mayWait: () async -> Bool
    ) async throws -> [PipeRecord] { records }

    /// Reads a piece of the journal.
    /// - Returns: The last record looked at.
    private func read(after position: UInt64, into records: inout [PipeRecord]) throws -> UInt64 {
        let start = max(position, journal.oldestSequence - 1)
        if start > position {
            log.warning(
                "pipe/\(pipe): the journal no longer has records \(position + 1) to \(start), which it has not seen")
        }
        let slice = try journal.read(after: start, bytesMax: 1 << 20)
        var last = slice.lastSequence
        var found: [PipeRecord] = []
        slice.forEach { record in
            guard found.count < batchMax, let entry = StreamEntry(record.body), entry.kind == .event, entry.bus == bus,
                entry.onlyRule == nil, let event = try? JSON(parsing: entry.payload)
            else { return }
            found.append(
                PipeRecord(
                    identifier: entry.eventID.description, receives: 1, group: bus, json: event,
                    receipt: String(record.sequence), hops: entry.hops))
            if found.count == batchMax { last = record.sequence }
        }
        records = found
        return max(last, start)
    }

    func finish(_ records: [PipeRecord], _ context: OperationContext) async throws {
        guard let last = records.compactMap({ UInt64($0.receipt) }).max() else { return }
        try await note(last)
    }

    private func note(_ sequence: UInt64) async throws {
        try await database.maintain { [pipe] transaction in
            if sequence > (try PipeStore.cursor(of: pipe, transaction.reading) ?? 0) {
                try PipeStore.setCursor(sequence, of: pipe, transaction)
            }
        }
    }
}
