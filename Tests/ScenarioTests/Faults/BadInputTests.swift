import Core
import Foundation
import Testing

@Suite("Nonsense on the sockets")
struct BadInputTests {
    @Test("Damaged messages on all three sockets are answered with clear errors, and the server goes on")
    func mutations() throws {
        let seed = UInt32.random(in: 0...UInt32.max)
        try Scenario.run { scenario in
            let server = try scenario.startServer("--embedded-agent", "false")
            let result = try scenario.python("mutate.py", String(seed), "1500", within: 90)
            // Both what was refused and what was harmless happened, so something was tried.
            let report = try result.json()
            for status in ["200", "400", "404", "413"] {
                #expect((report["Requests"]?[status]?.int ?? 0) > 0, "\(report.text)")
            }
            #expect(server.isRunning)
            server.send(SIGTERM)
            #expect(try server.wait() == 0)
            #expect(try scenario.opsbus("doctor", "--data", "data").exitCode == 0)
        }
    }
}
