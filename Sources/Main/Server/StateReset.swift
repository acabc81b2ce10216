internal import API
internal import Core
internal import Events
internal import Platform
internal import Storage

/// Wipes all state of a running server, for test suites: as if it were new, but for what it is made of.
///
/// The journal stays as it is; its readers go on after its end, so that nothing in it is matched or replayed again.
actor StateReset {
    /// The tables that stay; any other is emptied, so that a new one cannot be forgotten.
    static let keptTables: [String: String] = [
        "schema_versions": "how the tables are laid out",
        "audit": "what was done is never undone, and neither is a reset",
        "audit_chain": "the end of the audit log",
        "keys": "who may call",
        "access_keys": "who may call",
        "nodes": "machines are there whatever a test does, this one among them",
        "node_tags": "belong to the machines",
    ]

    private let database: Database
    private let journal: any Journal
    private let engines: [any Resettable]
    private let rules: RuleLoader?
    private let clock: any Clock
    private let log: Log
    private let turn = Turn()

    /// - Parameters:
    ///   - engines: Those that call others before those that are called.
    ///   - rules: Brings back what files say; nil where there are none.
    init(
        database: Database, journal: any Journal, engines: [any Resettable], rules: RuleLoader?, clock: any Clock,
        log: Log
    ) {
        self.database = database
        self.journal = journal
        self.engines = engines
        self.rules = rules
        self.clock = clock
        self.log = log
    }

    /// Returns when all is wiped and what files say is back.
    /// - Throws: `StorageError`; the state is then as it was, and the engines go on with it where they can.
    func run(_ context: OperationContext) async throws {
        await turn.take()
        defer { turn.leave() }
        let start = clock.monotonic
        for engine in engines { await engine.suspend() }
        var failures: [any Error] = []
        do { try await wipe(context) } catch { failures.append(error) }
        for engine in engines {
            do { try await engine.resume() } catch { failures.append(error) }
        }
        if let failure = failures.first { throw failure }
        try await rules?.load()
        log.info("all state was wiped in \((clock.monotonic - start).microseconds / 1000) ms")
    }

    private func wipe(_ context: OperationContext) async throws {
        let journal = journal
        try await database.write(context) { transaction in
            try transaction.deleteAllRows(except: Set(StateReset.keptTables.keys))
            let last = journal.lastSequence
            try JournalCursor.reset(to: last, transaction)
            try transaction.audit(
                "Reset", on: Subject(.state, "all"), outcome: .success, detail: ["LastSequence": .integer(last)])
        }
    }
}
