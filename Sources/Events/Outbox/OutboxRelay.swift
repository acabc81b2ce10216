internal import Core
internal import Platform
internal import Storage

/// Moves what transactions have emitted from the outbox to the journal: each entry exactly once.
///
/// An entry is appended first and removed from the outbox afterwards. What a crash leaves between the two is found at
/// the next start: the removal also notes how far the journal had come, and every entry carries its outbox row.
actor OutboxRelay {
    private let outbox: Outbox
    private let database: Database
    private let journal: any Journal
    private let clock: any Clock
    private let log: Log
    private var follower: Task<Void, Never>?
    /// Appended, and not removed yet because the database refused: done first, before anything is appended again.
    private var removal: (row: Int64, sequence: UInt64)?
    private let turn = Turn()

    static let cursorName = "outbox"
    private static let entriesPerBatch = 512

    init(database: Database, journal: any Journal, clock: any Clock, log: Log) {
        outbox = Outbox(database)
        self.database = database
        self.journal = journal
        self.clock = clock
        self.log = log
    }

    /// Finishes what an earlier run left, and goes on moving entries as they come.
    func start() async throws {
        try await dropAppended()
        follower = Task { await self.follow() }
    }

    /// Moves what is there and returns.
    func stop() async {
        follower?.cancel()
        await follower?.value
        do {
            try await moveAll()
        } catch {
            log.warning("the outbox could not be emptied; the next start does it: \(error)")
        }
    }

    private func follow() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                try await moveAll()
                failures = 0
            } catch {
                failures += 1
                log.error("the outbox cannot be moved to the journal: \(error)")
                try? await clock.sleep(for: .milliseconds(100 << min(failures, 6)))
                continue
            }
            var arrivals = outbox.arrivals.makeAsyncIterator()
            guard await arrivals.next() != nil else { return }
        }
    }

    /// Removes entries that the journal has already.
    private func dropAppended() async throws {
        var sequence = try await database.read { try JournalCursor.read(OutboxRelay.cursorName, $0) }
        // Nothing before the retained range can still be in the outbox; and a journal that lost its end goes on there.
        sequence = min(max(sequence, journal.oldestSequence - 1), journal.lastSequence)
        var lastRow: Int64 = 0
        while sequence < journal.lastSequence {
            let slice = try journal.read(after: sequence, bytesMax: 1 << 20)
            slice.forEach { record in
                if let row = StreamEntryView(record.body)?.outboxRow { lastRow = max(lastRow, row) }
            }
            sequence = slice.lastSequence
        }
        let position = sequence
        try await outbox.remove(through: lastRow) { try JournalCursor.write(position, OutboxRelay.cursorName, $0) }
    }

    /// Moves nothing until `resume`.
    func suspend() async {
        await turn.take()
        removal = nil
    }

    /// Goes on with what the database holds now.
    func resume() { turn.leave() }

    private func moveAll() async throws {
        await turn.take()
        defer { turn.leave() }
        while true {
            try await removeAppended()
            let entries = try await outbox.pending(limit: OutboxRelay.entriesPerBatch)
            guard let last = entries.last else { return }
            var batch = JournalBatch()
            for entry in entries {
                var body = entry.body
                StreamEntry.setOutboxRow(entry.id, in: &body)
                batch.append(topic: Array(entry.topic.utf8), body: body)
            }
            removal = (last.id, try await journal.append(batch).lastSequence)
        }
    }

    private func removeAppended() async throws {
        guard let removal else { return }
        try await outbox.remove(through: removal.row) { transaction in
            try JournalCursor.write(removal.sequence, OutboxRelay.cursorName, transaction)
        }
        self.removal = nil
    }
}
