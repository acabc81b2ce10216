import Foundation
import Testing

@Suite("The agent as a service of systemd")
struct AgentUnitTests {
    @Test("systemd finds nothing to object to in the unit")
    func verified() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze") else {
            print("not tried, for there is no systemd-analyze on this machine")
            return
        }
        try Scenario.run { scenario in
            let unit = try scenario.opsbus(
                "agent", "--print-unit", "--nodes", "tcp://bus.example:7403", "--run-as", "nobody", "--limit-cpu", "1h",
                "--agent-state", "/var/lib/with blank/100%")
            #expect(unit.exitCode == 0, "\(unit.errorOutput)")
            try scenario.write(unit.output, to: "opsbus-agent.service")
            let verdict = try scenario.start(
                "/usr/bin/systemd-analyze", ["verify", scenario.path("opsbus-agent.service")], name: "systemd-analyze")
            #expect(try verdict.wait() == 0)
            // It has a look at the machine's own units as well.
            #expect(!verdict.errorOutput.contains("opsbus-agent"), "\(verdict.errorOutput)")
        }
    }
}
