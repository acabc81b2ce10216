import Core
import Foundation
import Testing

@Suite("The data directory in wrong hands")
struct DataDirectoryTests {
    @Test("A second server on the same data directory refuses to start and names the first")
    func second() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            // On endpoints of its own, so that nothing but the directory is in its way.
            let second = try scenario.opsbus(
                "serve", "--requests", "ipc://\(scenario.path("r2"))", "--stream", "ipc://\(scenario.path("s2"))",
                "--nodes", "ipc://\(scenario.path("n2"))")
            #expect(second.exitCode == 1)
            #expect(second.errorOutput.contains("process \(server.processIdentifier) "), "\(second.errorOutput)")
            #expect(try scenario.opsbus("version").exitCode == 0)
            #expect(try scenario.opsbus("rules", "list").exitCode == 0, "the first goes on")
        }
    }

    @Test("Doctor calls a directory healthy beside its server, after it, and after a crash")
    func healthy() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            try putEvents(scenario)
            for state in ["running", "killed", "stopped"] {
                let doctor = try scenario.opsbus("doctor", "--data", "data")
                #expect(doctor.exitCode == 0, "\(state): \(doctor.output)")
                #expect(doctor.output.contains("every checksum and link is right"), "\(state): \(doctor.output)")
                if state == "running" { server.kill() }
                if state == "killed" {
                    let again = try scenario.startServer()
                    again.send(SIGTERM)
                    #expect(try again.wait() == 0)
                }
            }
        }
    }

    @Test("One byte changed in a segment is found and its place named", arguments: [1, 2, 3])
    func damagedSegment(quarter: Int) throws {
        try Scenario.run { scenario in
            try stopAfterEvents(scenario)
            let names = try FileManager.default.contentsOfDirectory(atPath: scenario.path("data/journal"))
            let segment = try #require(names.sorted().first { $0.hasSuffix(".seg") })
            // Within what is written: a segment is allocated in advance.
            let report = try scenario.opsbus("audit", "verify", "--data", "data", "-o", "json").json()
            let bytes = try #require(report["Journal"]?["Bytes"]?.int)
            try flip(scenario.path("data/journal/\(segment)"), at: bytes * quarter / 4)
            let doctor = try scenario.opsbus("doctor", "--data", "data")
            #expect(doctor.exitCode == 1, "\(doctor.output)")
            #expect(doctor.output.contains(segment), "\(doctor.output)")
            #expect(doctor.output.contains("BAD"), "\(doctor.output)")
            let verify = try scenario.opsbus("audit", "verify", "--data", "data")
            #expect(verify.exitCode == 1 && verify.output.contains("broken"), "\(verify.output)")
        }
    }

    @Test("Damage in the last commit is told from an unfinished write, because its events had been handled")
    func damagedEnd() throws {
        try Scenario.run { scenario in
            try scenario.write(
                """
                Name: some
                EventPattern: {source: [some.app]}
                Targets: [{Id: log, Arn: "arn:aws:logs:::log-group:/some"}]
                """, to: "rules/some.yaml")
            let server = try scenario.startServer("--rules", "rules")
            try putEvents(scenario)
            try eventually("all are handled") { try scenario.logged("/some").count == 60 }
            server.kill()
            let report = try scenario.opsbus("audit", "verify", "--data", "data", "-o", "json").json()
            #expect(report["Intact"] == true, "\(report.text)")
            let bytes = try #require(report["Journal"]?["Bytes"]?.int)
            try flip(scenario.path("data/journal/00000000000000000001.seg"), at: bytes - 300)
            let doctor = try scenario.opsbus("doctor", "--data", "data")
            #expect(doctor.exitCode == 1 && doctor.output.contains("BAD      journal"), "\(doctor.output)")
            let verify = try scenario.opsbus("audit", "verify", "--data", "data")
            #expect(verify.exitCode == 1 && verify.output.contains("broken"), "\(verify.output)")
        }
    }

    @Test("A changed audit record is found by its number")
    func changedAuditRecord() throws {
        try Scenario.run { scenario in
            try stopAfterEvents(scenario)
            try scenario.python(
                "sql.py", scenario.path("data/state.db"), "UPDATE audit SET principal = 'x' WHERE sequence = 1")
            let doctor = try scenario.opsbus("doctor", "--data", "data")
            #expect(doctor.exitCode == 1 && doctor.output.contains("record 1"), "\(doctor.output)")
            let verify = try scenario.opsbus("audit", "verify", "--data", "data")
            #expect(verify.exitCode == 1 && verify.output.contains("record 1"), "\(verify.output)")
        }
    }

    @Test("A damaged page of the database is found, and a server explains why it cannot start")
    func damagedDatabase() throws {
        try Scenario.run { scenario in
            try stopAfterEvents(scenario)
            try flip(scenario.path("data/state.db"), at: 3)
            let doctor = try scenario.opsbus("doctor", "--data", "data")
            #expect(doctor.exitCode == 1 && doctor.output.contains("BAD      database"), "\(doctor.output)")
            let serve = try scenario.opsbus("serve")
            #expect(serve.exitCode == 1, "\(serve.errorOutput)")
            #expect(serve.errorOutput.contains("state.db"), "\(serve.errorOutput)")
        }
    }

    @Test("Doctor of what is no data directory says so")
    func noDirectory() throws {
        try Scenario.run { scenario in
            let doctor = try scenario.opsbus("doctor", "--data", "nowhere")
            #expect(doctor.exitCode == 1 && doctor.output.contains("nowhere is no directory"), "\(doctor.output)")
        }
    }

    /// Puts events in several commits: damage of the last one alone looks like an unfinished write.
    private func putEvents(_ scenario: Scenario) throws {
        for part in 1...6 {
            let line = #"{"Source": "some.app", "DetailType": "t", "Detail": "{\"part\": \#(part)}"}"#
            let lines = Array(repeating: line, count: 10).joined(separator: "\n")
            let put = try scenario.opsbus("events", "put", "-", input: lines)
            guard put.output == "10 put, 0 failed\n" else { throw ScenarioError(put.output + put.errorOutput) }
        }
    }

    private func stopAfterEvents(_ scenario: Scenario) throws {
        let server = try scenario.startServer()
        try putEvents(scenario)
        server.send(SIGTERM)
        #expect(try server.wait() == 0)
    }

    private func flip(_ path: String, at offset: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(offset))
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data([byte ^ 0x20]))
        try file.close()
    }
}
