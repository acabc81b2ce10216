import Core
import Foundation
import Testing

@Suite("What no client should send")
struct MalformedInputTests {
    @Test("Every malformed request is answered with a status of the protocol, and the server goes on")
    func requests() throws {
        let seed = UInt32(truncatingIfNeeded: SeededGenerator.freshSeed())
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            let found = try scenario.python("malformed_requests.py", "\(seed)", "3000", within: 120)
            // Changes that leave a request sound are answered like one, so both kinds of answer must have come.
            let statuses = try found.json()
            for status in ["200", "400", "404", "413"] {
                #expect((statuses[status]?.int ?? 0) > 0, "seed \(seed): \(found.output)")
            }
            #expect(statuses["500"] == nil, "seed \(seed): nothing a client sends is the server's fault: \(found.output)")
            try expectWorking(scenario, server)
        }
    }

    @Test("Nonsense on the nodes and stream sockets, and below ZeroMQ, harms nobody")
    func sockets() throws {
        let seed = UInt32(truncatingIfNeeded: SeededGenerator.freshSeed())
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            let node = try scenario.onlineNode()
            try scenario.python("malformed_sockets.py", "\(seed)", "500", within: 120)
            try expectWorking(scenario, server)
            let run = try scenario.opsbus("run", "--shell", "echo unharmed", "--node", node, "--wait")
            #expect(run.exitCode == 0 && run.output.contains("unharmed"), "seed \(seed): \(run.output)\(run.errorOutput)")
        }
    }

    /// Publishing, subscribing and the data directory are as they should be, in the process that was there before.
    private func expectWorking(_ scenario: Scenario, _ server: ChildProcess) throws {
        #expect(server.isRunning, "\(server.errorOutput.suffix(2000))")
        let put = try scenario.opsbus("events", "put", "-s", "after.all", "-t", "t", "-d", "{}")
        #expect(put.exitCode == 0, "\(put.errorOutput)")
        let subscribed = try scenario.opsbus(
            "subscribe", "event/default/after.all/", "--from", "0", "--count", "1", "--timeout", "20s")
        #expect(subscribed.exitCode == 0, "\(subscribed.errorOutput)")
        server.send(SIGTERM)
        #expect(try server.wait() == 0)
        let doctor = try scenario.opsbus("doctor", "--data", "data")
        #expect(doctor.exitCode == 0, "\(doctor.output)")
    }
}
