import Core
import Foundation
import Testing

@Suite("How processes begin and end")
struct ProcessTests {
    @Test("Exit codes tell what went wrong, and why stands on standard error alone")
    func exitCodes() throws {
        try Scenario.run { scenario in
            func expect(_ words: String..., exitCode: Int32, says: String) throws {
                let outcome = try scenario.opsbus(words)
                #expect(outcome.exitCode == exitCode, "\(words): \(outcome.exitCode) \(outcome.errorOutput)")
                #expect(outcome.errorOutput.hasPrefix("opsbus: "), "\(words): \(outcome.errorOutput)")
                #expect(outcome.errorOutput.contains(says), "\(words): \(outcome.errorOutput)")
                #expect(outcome.output.isEmpty, "\(words): \(outcome.output)")
            }
            try expect("frobnicate", exitCode: 64, says: "frobnicate")
            try expect("events", "put", "--sauce", "x", exitCode: 64, says: "--sauce")
            try expect("rules", "describe", exitCode: 64, says: "NAME")
            try expect("rules", "list", exitCode: 69, says: "is the server running")
            try expect("serve", "--retention", "soon", exitCode: 64, says: "soon")
            try scenario.write("retension: 7d\n", to: "bad.yaml")
            try expect("serve", "--config", "bad.yaml", exitCode: 78, says: "retension")
            try scenario.startServer()
            try expect("rules", "describe", "nothere", exitCode: 1, says: "nothere")
            try expect("call", "events:NoSuchThing", "{}", exitCode: 1, says: "NoSuchThing")
            #expect(try scenario.opsbus("rules", "list").exitCode == 0)
        }
    }

    @Test("A server told to end while clients publish ends cleanly and loses nothing", arguments: [SIGTERM, SIGINT])
    func ended(signal: Int32) throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            let burst = try scenario.startPython(
                "burst.py", ["burst", scenario.path("acknowledged"), scenario.path("refused"), "100000"])
            try eventually("events are acknowledged") { scenario.text("acknowledged").utf8.count > 37 * 200 }
            server.send(signal)
            #expect(try server.wait() == 0, "\(server.errorOutput.suffix(2000))")
            burst.kill()
            let doctor = try scenario.opsbus("doctor", "--data", "data")
            #expect(doctor.exitCode == 0, "\(doctor.output)")

            try scenario.startServer()
            let acknowledged = Set(scenario.text("acknowledged").split(separator: "\n").filter { $0.utf8.count == 36 })
            let kept = try scenario.python("stream_ids.py", "event/default/burst/").output.split(separator: "\n")
            #expect(acknowledged.subtracting(kept).isEmpty, "\(acknowledged.count) acknowledged, \(kept.count) kept")
            #expect(kept.count == Set(kept).count)
        }
    }

    @Test("A server told to end while a command runs ends soon, and the command has a definite end after the next start")
    func endedDuringCommand() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            let node = try scenario.onlineNode()
            let sent = try scenario.opsbus("run", "--shell", "echo $$ > \(scenario.path("running")); exec sleep 600", "--node", node)
            let command = sent.output.trimmingCharacters(in: .whitespacesAndNewlines)
            try eventually("the command runs") { scenario.commandProcess != nil }
            let process = try #require(scenario.commandProcess)
            server.send(SIGTERM)
            #expect(try server.wait() == 0)
            #expect(kill(process, 0) != 0, "the command does not outlive its agent")
            try scenario.startServer()
            let status = try eventually("the command has ended", within: 40) {
                let list = try scenario.call("ssm:ListCommandInvocations", ["CommandId": .string(command)])
                let status = list["CommandInvocations"]?[0]?["Status"]?.string
                return ["Pending", "InProgress", "Delayed"].contains(status) ? nil : status
            }
            #expect(status == "Failed" || status == "Cancelled")
        }
    }

    @Test("An agent told to end does so cleanly")
    func agentEnded() throws {
        try Scenario.run { scenario in
            try scenario.startServer("--embedded-agent", "false")
            let agent = try scenario.startAgent().agent
            agent.send(SIGTERM)
            #expect(try agent.wait() == 0, "\(agent.errorOutput.suffix(2000))")
        }
    }
}

extension Scenario {
    /// The process that a command has written down.
    fileprivate var commandProcess: pid_t? {
        pid_t(text("running").trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
