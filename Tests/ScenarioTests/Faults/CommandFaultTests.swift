import Core
import Foundation
import Testing

@Suite("Commands that misbehave, and machines that do")
struct CommandFaultTests {
    /// Sends a shell command and answers its id.
    private func send(_ scenario: Scenario, _ script: String, to node: String) throws -> String {
        let outcome = try scenario.opsbus("run", "--node", node, "--detach", "--", script)
        guard outcome.exitCode == 0 else { throw ScenarioError(outcome.errorOutput) }
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func invocation(_ scenario: Scenario, _ command: String, _ node: String) throws -> JSON {
        try scenario.call("ssm:GetCommandInvocation", ["CommandId": .string(command), "InstanceId": .string(node)])
    }

    private func ended(
        _ scenario: Scenario, _ command: String, _ node: String, within seconds: Double = 40
    ) throws -> JSON {
        try eventually("the command has ended", within: seconds) {
            let found = try invocation(scenario, command, node)
            return ["Pending", "InProgress", "Delayed", "Cancelling"].contains(found["Status"]?.string)
                ? Optional.none : found
        }
    }

    /// A line of `/proc/PID/status` that counts kibibytes, in MiB.
    private func mebibytes(_ name: String, _ process: ChildProcess) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }

    @Test("A cancel ends a script that ignores SIGTERM, and what it started in a session and an environment of its own")
    func stubborn() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let node = try scenario.onlineNode()
            let command = try send(
                scenario,
                """
                trap '' TERM
                setsid env -i sh -c 'trap "" TERM; echo $$ > \(scenario.path("grandchild")); sleep 300; sleep 300' &
                while :; do sleep 1; done
                """, to: node)
            let grandchild = try eventually("the grandchild runs") {
                Int32(scenario.text("grandchild").trimmingCharacters(in: .newlines))
            }
            #expect(kill(grandchild, 0) == 0)
            #expect(try scenario.opsbus("commands", "cancel", command).exitCode == 0)
            #expect(try ended(scenario, command, node)["Status"] == "Cancelled")
            try eventually("the grandchild is gone") { kill(grandchild, 0) != 0 }
        }
    }

    @Test("A gigabyte of output takes no memory, and its beginning is kept")
    func gigabyte() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer("--embedded-agent", "false", "--output-size", "1MiB")
            let (agent, node) = try scenario.startAgent()
            let before = (try mebibytes("VmHWM", server), try mebibytes("VmHWM", agent))
            let command = try send(scenario, "head -c 1000000000 /dev/zero | tr '\\0' x; echo end >&2", to: node)
            let result = try ended(scenario, command, node, within: 180)
            #expect(result["Status"] == "Success", "\(result.text.prefix(500))")
            #expect(result["StandardErrorContent"] == "end\n")
            #expect(result["StandardOutputContent"]?.string?.hasSuffix("xx--output truncated--") == true)
            let output = try scenario.opsbus("commands", "output", command).output
            #expect(output.hasSuffix("\n---Output truncated: no more than 1048576 bytes are kept---\n"))
            #expect(output.hasPrefix("xxx") && output.utf8.count < (1 << 20) + 200)
            #expect(try mebibytes("VmHWM", server) < before.0 + 30)
            #expect(try mebibytes("VmHWM", agent) < before.1 + 30)
        }
    }

    @Test("Output that is no UTF-8 arrives as text, with marks where it is none")
    func binary() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let node = try scenario.onlineNode()
            let command = try send(scenario, "printf 'a\\377b\\303\\n\\303\\244'", to: node)
            let result = try ended(scenario, command, node)
            #expect(result["StandardOutputContent"] == "a\u{FFFD}b\u{FFFD}\nä")
            #expect(try scenario.opsbus("commands", "output", command).output == "a\u{FFFD}b\u{FFFD}\nä")
        }
    }

    @Test("A document that is deleted while it runs, runs to its end")
    func deleted() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let node = try scenario.onlineNode()
            try scenario.write(
                """
                schemaVersion: "2.2"
                mainSteps:
                  - action: aws:runShellScript
                    name: wait
                    inputs:
                      runCommand:
                        - for i in $(seq 300); do test -e \(scenario.path("go-on")) && break; sleep 0.1; done
                  - {action: "aws:runShellScript", name: then, inputs: {runCommand: ["echo then"]}}
                """, to: "Short-Lived.yaml")
            #expect(try scenario.opsbus("documents", "put", "Short-Lived.yaml").exitCode == 0)
            let run = try scenario.start(
                Scenario.program, ["run", "Short-Lived", "--node", node, "--wait"], name: "run")
            try eventually("it runs") { run.output.contains("InProgress") }
            #expect(try scenario.opsbus("documents", "delete", "Short-Lived").exitCode == 0)
            try scenario.write("", to: "go-on")
            #expect(try run.wait() == 0, "\(run.output)\(run.errorOutput)")
            #expect(run.output.contains("then Success\n    then\n"))
        }
    }

    @Test("An agent whose disk is full takes no command until there is room, and loses only output meanwhile")
    func agentDiskFull() throws {
        try Scenario.run { scenario in
            guard geteuid() == 0 else {
                Issue.record("only root can mount a small file system; this was not tried")
                return
            }
            try FileManager.default.createDirectory(atPath: scenario.path("agent"), withIntermediateDirectories: true)
            try scenario.shell("mount -t tmpfs -o size=2m tmpfs agent")
            defer { _ = try? scenario.shell("umount -l agent") }
            try scenario.startServer("--embedded-agent", "false")
            let node = try scenario.startAgent().node
            // More output than there is room for.
            let loud = try send(scenario, "head -c 5000000 /dev/zero | tr '\\0' x; echo done >&2", to: node)
            let result = try ended(scenario, loud, node)
            #expect(result["Status"] == "Success", "\(result.text.prefix(300))")
            #expect(result["StandardErrorContent"] == "done\n")

            try scenario.shell("dd if=/dev/zero of=agent/filler bs=1k count=4000 status=none || true")
            let waiting = try send(scenario, "echo at last", to: node)
            usleep(2_000_000)
            #expect(["Pending", "Delayed"].contains(try invocation(scenario, waiting, node)["Status"]?.string))
            try FileManager.default.removeItem(atPath: scenario.path("agent/filler"))
            #expect(try ended(scenario, waiting, node)["StandardOutputContent"] == "at last\n")
        }
    }

    @Test("Scripts run as the user named, within the limits, and see nobody else's files")
    func confined() throws {
        try Scenario.run { scenario in
            guard geteuid() == 0 else {
                Issue.record("only root may run scripts as another user; this was not tried")
                return
            }
            try scenario.shell("chmod 711 .")
            try scenario.startServer("--embedded-agent", "false")
            let activation = try scenario.opsbus("nodes", "activate", "--output", "json").json()
            _ = try scenario.start(
                Scenario.program,
                [
                    "agent", "--agent-state", "agent", "--run-as", "nobody", "--limit-files", "77", "--limit-file-size",
                    "1000",
                ], name: "agent",
                environment: [
                    "OPSBUS_ACTIVATION_ID": activation["ActivationId"]?.string ?? "",
                    "OPSBUS_ACTIVATION_CODE": activation["ActivationCode"]?.string ?? "",
                ])
            let node = try scenario.onlineNode()
            let script = """
                id -un; echo $USER; ulimit -n
                head -c 5000 /dev/zero > /tmp/$SSM_COMMAND_ID; wc -c < /tmp/$SSM_COMMAND_ID; rm /tmp/$SSM_COMMAND_ID
                ls \(scenario.path("agent")) > /dev/null 2>&1 || echo hidden
                """
            let command = try send(scenario, script, to: node)
            let result = try ended(scenario, command, node)
            #expect(result["StandardOutputContent"] == "nobody\nnobody\n77\n1000\nhidden\n", "\(result.text)")
        }
    }

    @Test("The server's own node holds scripts to the same, and shows them nothing of the server's files")
    func confinedByTheServer() throws {
        try Scenario.run { scenario in
            guard geteuid() == 0 else {
                Issue.record("only root may run scripts as another user; this was not tried")
                return
            }
            try scenario.shell("chmod 711 .")
            try scenario.startServer("--run-as", "nobody", "--limit-files", "77")
            let node = try scenario.onlineNode()
            let script = """
                id -un; ulimit -n; cd \(scenario.path("data"))
                for name in . journal keys; do ls $name > /dev/null 2>&1 || echo hidden; done
                for name in state.db state.db-wal archives.db; do cat $name > /dev/null 2>&1 || echo hidden; done
                """
            let result = try ended(scenario, try send(scenario, script, to: node), node)
            let hidden = String(repeating: "hidden\n", count: 6)
            #expect(result["StandardOutputContent"] == .string("nobody\n77\n" + hidden), "\(result.text)")
        }
    }

    @Test("A command that is cancelled on one node goes on on another, be it of the same machine")
    func cancelledOnOne() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let first = try scenario.onlineNode()
            _ = try scenario.startAgent()
            let nodes = try eventually("both nodes are online") {
                let found = try scenario.call("ssm:DescribeInstanceInformation")["InstanceInformationList"]?.array ?? []
                return found.count == 2 ? found.compactMap { $0["InstanceId"] } : nil
            }
            let script = "cd \(scenario.path(".")); echo $$ >> pids; while ! test -e on; do sleep 0.1; done"
            let sent = try scenario.call(
                "ssm:SendCommand",
                [
                    "DocumentName": "AWS-RunShellScript", "InstanceIds": .array(nodes),
                    "Parameters": ["commands": [.string(script)]],
                ])
            let command = try #require(sent["Command"]?["CommandId"]?.string)
            try eventually("it runs on both") { scenario.text("pids").split(separator: "\n").count == 2 }
            _ = try scenario.call(
                "ssm:CancelCommand", ["CommandId": .string(command), "InstanceIds": [.string(first)]])
            #expect(try ended(scenario, command, first)["Status"] == "Cancelled")
            try scenario.write("", to: "on")
            let second = try #require(nodes.compactMap(\.string).first { $0 != first })
            #expect(try ended(scenario, command, second)["Status"] == "Success")
        }
    }

    @Test("An agent that is to run scripts as nobody there says so, and does not start")
    func unknownUser() throws {
        try Scenario.run { scenario in
            let outcome = try scenario.opsbus("agent", "--agent-state", "agent", "--run-as", "no-such-user")
            #expect(outcome.exitCode == 78)
            #expect(outcome.errorOutput.contains("there is no user no-such-user"))
        }
    }

    @Test("An activation registers as many nodes as it says, and none after its deletion")
    func activation() throws {
        try Scenario.run { scenario in
            try scenario.startServer("--embedded-agent", "false")
            let activation = try scenario.opsbus("nodes", "activate", "--registrations", "1", "-o", "json").json()
            let keys = [
                "OPSBUS_ACTIVATION_ID": activation["ActivationId"]?.string ?? "",
                "OPSBUS_ACTIVATION_CODE": activation["ActivationCode"]?.string ?? "",
            ]
            _ = try scenario.start(
                Scenario.program, ["agent", "--agent-state", "first"], name: "agent", environment: keys)
            _ = try scenario.onlineNode()
            let second = try scenario.start(
                Scenario.program, ["agent", "--agent-state", "second"], name: "agent", environment: keys)
            try eventually("the second is refused") { second.errorOutput.contains("registrations of the activation") }
            let wrong = try scenario.start(
                Scenario.program, ["agent", "--agent-state", "third"], name: "agent",
                environment: keys.merging(["OPSBUS_ACTIVATION_CODE": "wrong-wrong-wrong-wrong"]) { $1 })
            try eventually("a wrong code is refused") { wrong.errorOutput.contains("id or code is wrong") }
            #expect(try scenario.call("ssm:DescribeInstanceInformation")["InstanceInformationList"]?.array?.count == 1)
        }
    }
}
