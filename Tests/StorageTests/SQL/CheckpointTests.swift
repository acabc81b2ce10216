import Core
import Foundation
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite struct CheckpointTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private var logBytes: Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: scratch.database + "-wal")
        return attributes?[.size] as? Int ?? 0
    }

    @Test func `The write-ahead log starts over while writing goes on`() async throws {
        let database = try openNotes(scratch.database)
        let block = [UInt8](repeating: 5, count: 1 << 20)
        // Without checkpoints the log would pass 200 MB; at 128 MB writing waits for it to be copied.
        for _ in 0..<50 {
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask { try await database.write(.system) { try $0.note("\(UUID())", body: block) } }
                }
                try await group.waitForAll()
            }
        }
        #expect(logBytes < 136 << 20)
        #expect(try Files.read(scratch.database).count > 80 << 20, "most has been moved")
        await database.close()
        #expect(try AuditLog.verify(path: scratch.database).recordCount == 200)
    }

    @Test func `The write-ahead log is emptied when nothing has been written for a while`() async throws {
        let clock = HeldClock()
        let database = try Database(path: scratch.database, migrations: [notesMigration], clock: clock, log: quiet)
        let block = [UInt8](repeating: 5, count: 2 << 20)
        try await database.write(.system) { try $0.note("large", body: block) }
        #expect(logBytes > 2 << 20)
        try await clock.sleeperArrived()
        try await database.write(.system) { try $0.note("another") }
        // When this returns, the writer has also done what follows the commit before.
        try await database.maintain { _ in }
        clock.wake()
        // The second write came during the first sleep, so there must be a second one before anything is done.
        try await clock.sleeperArrived()
        #expect(logBytes > 2 << 20)
        clock.wake()
        try await eventually("the log is empty") { logBytes == 0 }
        #expect(try await database.read { try $0.notes() } == ["another", "large"])
        await database.close()
    }

    @Test func `Transactions that change nothing do not keep the write-ahead log from being emptied`() async throws {
        let clock = HeldClock()
        let database = try Database(path: scratch.database, migrations: [notesMigration], clock: clock, log: quiet)
        try await database.write(.system) { try $0.note("large", body: [UInt8](repeating: 5, count: 2 << 20)) }
        try await clock.sleeperArrived()
        for _ in 0..<3 { try await database.maintain { _ in } }
        clock.wake()
        try await eventually("the log is empty") { logBytes == 0 }
        await database.close()
    }
}

/// A clock whose sleepers the test wakes.
private final class HeldClock: Platform.Clock {
    private let sleeper = Mutex<CheckedContinuation<Void, Never>?>(nil)

    var now: Timestamp { SystemClock().now }
    var monotonic: Duration { SystemClock().monotonic }

    func sleep(until time: Timestamp) async throws {
        await withCheckedContinuation { continuation in sleeper.withLock { $0 = continuation } }
    }

    func sleeperArrived() async throws {
        try await eventually("somebody sleeps") { sleeper.withLock { $0 != nil } }
    }

    func wake() {
        let continuation = sleeper.withLock { sleeper in
            let continuation = sleeper
            sleeper = nil
            return continuation
        }
        continuation?.resume()
    }
}
