import Core
import Platform
import Storage
import TestSupport

@testable import Events

/// An engine with archives in files, which a test closes and opens again as a crash and a restart would.
struct ArchiveCrashBed {
    let clock = ManualClock()
    let directory: TemporaryDirectory
    let journal: MemoryJournal

    init() throws {
        directory = try TemporaryDirectory()
        journal = MemoryJournal(clock: clock)
    }

    func open() throws -> TestEvents {
        try TestEvents(
            clock: clock, journal: journal, database: TestEvents.database(directory.path + "/state.db", clock: clock),
            blocks: TestEvents.blocks(directory.path + "/archives.db", clock: clock))
    }

    func close(_ engine: TestEvents) async {
        await engine.database.close()
        await engine.blocks.database.close()
    }
}
