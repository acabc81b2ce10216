import Core
import Events
import Foundation
import Platform
import Storage
import Testing

@testable import Main

struct HealthCheckTests {
    /// A data directory with some records, which lasts as long as the test.
    private final class Fixture {
        let path = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID())").path()

        init() async throws {
            let directory = try Storage.DataDirectory(path)
            let database = try Database(
                path: directory.databasePath, migrations: eventsMigrations, clock: SystemClock(),
                log: Log(component: "test", minimum: .error))
            for index in 1...5 {
                try await database.write(.system) { transaction in
                    try transaction.audit("PutRule", on: Subject(.rule, "r\(index)"), outcome: .success)
                }
            }
            await database.close()
            let journal = try SegmentJournal(directory: directory.journalPath)
            for _ in 0..<5 {
                var batch = JournalBatch()
                batch.append(topic: Array("event/a/b/c/".utf8), body: Array(repeating: 7, count: 100))
                _ = try await journal.append(batch)
            }
            journal.close()
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    @Test func `A sound directory is healthy`() async throws {
        let fixture = try await Fixture()
        let outcome = await opsbus(["doctor", "--data", fixture.path])
        #expect(outcome.exitCode == .success, "\(outcome.output)")
        #expect(outcome.lines.last == "The data directory is healthy.")
        #expect(outcome.output.contains("5 records in 1 segment,"))
        #expect(outcome.output.contains("5 records, the hash chain is whole"))
        let verified = await opsbus(["audit", "verify", "--data", fixture.path])
        #expect(verified.exitCode == .success, "\(verified.output)\(verified.errors)")
    }

    @Test func `A flipped byte in the journal is found and explained`() async throws {
        let fixture = try await Fixture()
        let segments = try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/journal")
            .filter { !$0.contains("topics") }.sorted()
        let path = fixture.path + "/journal/" + (try #require(segments.first))
        var content = try Data(contentsOf: URL(filePath: path))
        // In the middle of the first record's body.
        let place = try #require(content.firstRange(of: Data(repeating: 7, count: 50)))
        content[place.lowerBound + 20] ^= 1
        try content.write(to: URL(filePath: path))
        let outcome = await opsbus(["doctor", "--data", fixture.path, "-o", "json"])
        #expect(outcome.exitCode == .failure)
        let report = try JSON(parsing: outcome.output)
        #expect(report["Healthy"] == false)
        let bad = (report["Findings"]?.array ?? []).filter { $0["Verdict"] == "bad" }
        #expect(bad.map { $0["Part"] } == ["journal"])
        #expect(await opsbus(["audit", "verify", "--data", fixture.path]).exitCode == .failure)
    }

    @Test func `A directory that is none is named`() async {
        let outcome = await opsbus(["doctor", "--data", "/nonexistent"])
        #expect(outcome.exitCode == .failure)
        #expect(outcome.output.contains("/nonexistent is no directory"))
    }

    @Test func `An empty directory lacks its database`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let findings = HealthCheck(directory: path).findings()
        #expect(findings.first { $0.part == "database" }?.verdict == .bad)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
    }
}
