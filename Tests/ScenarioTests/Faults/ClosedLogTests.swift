import Foundation
import Testing

@Suite("The program that reads the log ends")
struct ClosedLogTests {
    @Test("A server goes on when nobody reads what it logs any more")
    func closedPipe() throws {
        try Scenario.run { scenario in
            guard mkfifo(scenario.path("log"), 0o600) == 0 else { throw ScenarioError("no pipe: \(errno)") }
            let command = "exec '\(Scenario.program)' serve 2> log"
            let server = try scenario.start("/bin/sh", ["-c", command], name: "server")
            let reader = try scenario.start("/usr/bin/head", ["-n", "1", "log"], name: "head")
            #expect(try reader.wait() == 0)
            // What it logs about this call and all before it finds no reader.
            try eventually("the server answers") { try scenario.opsbus("nodes", "list").exitCode == 0 }
            #expect(server.isRunning)
            server.send(SIGTERM)
            #expect(try server.wait() == 0)
        }
    }
}
