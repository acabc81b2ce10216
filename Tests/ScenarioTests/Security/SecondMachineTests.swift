import Core
import Foundation
import Testing

@Suite("An agent on a second machine")
struct SecondMachineTests {
    @Test("A cable that is pulled, and restarts of server and agent: each command runs once, and its end arrives")
    func cable() throws {
        try Scenario.run { scenario in
            guard let machine = try SecondMachine(scenario) else { return }
            defer { machine.remove() }
            scenario.environment["OPSBUS_NODES"] = "tcp://\(machine.serverAddress):\(try Scenario.freePort())"
            scenario.environment["OPSBUS_SERVER_KEY"] = "data/keys/server.key"
            scenario.environment["OPSBUS_CLIENT_KEY"] = "data/keys/admin.key"
            let flags = ["--curve", "true", "--embedded-agent", "false"]
            let server = try scenario.startServer(flags)
            try scenario.addKey("web-1", "--node")
            try scenario.addKey("web-2")
            let (agent, node) = try machine.startAgent("web-1")
            let activation = try scenario.opsbus("nodes", "activate", "--output", "json").json()
            let activated = try machine.startAgent(
                "web-2",
                [
                    "OPSBUS_ACTIVATION_ID": activation["ActivationId"]?.string ?? "",
                    "OPSBUS_ACTIVATION_CODE": activation["ActivationCode"]?.string ?? "",
                ])
            let hello = try scenario.opsbus("run", "--node", activated.node, "--wait", "--", "hostname -I")
            #expect(hello.output.contains(machine.address), "\(hello.output)\(hello.errorOutput)")

            // A command ends while the cable is out.
            let wait = "while ! test -e on; do sleep 0.1; done"
            let first = try send("echo first >> ran; \(wait); echo done; echo yes > over", to: node, scenario)
            try eventually("the command runs") { scenario.text("ran").contains("first") }
            try machine.setCable(isIn: false)
            try scenario.write("", to: "on")
            try eventually("the script is over") { scenario.text("over") == "yes\n" }
            #expect(try invocation(first, node, scenario)["Status"] == "InProgress")
            try machine.setCable(isIn: true)
            #expect(try ended(first, node, scenario)["StandardOutputContent"] == "done\n")

            // One is sent while it is out, and the server restarted before it is back.
            try machine.setCable(isIn: false)
            let second = try send("echo second >> ran", to: node, scenario)
            server.kill()
            try scenario.startServer(flags)
            try machine.setCable(isIn: true)
            #expect(try ended(second, node, scenario)["Status"] == "Success")

            // The agent dies in the middle of one, and nothing of it lives on.
            let third = try send("echo $$ > pid; echo third >> ran; sleep 5; echo never >> ran", to: node, scenario)
            try eventually("the command runs") { scenario.text("ran").contains("third") }
            agent.kill()
            #expect(try machine.startAgent("web-1").node == node, "the same machine is the same node")
            let result = try ended(third, node, scenario)
            #expect(result["Status"] == "Failed")
            #expect(result["StandardErrorContent"]?.string?.contains("cannot be known") == true, "\(result.text)")
            let script = try #require(Int32(scenario.text("pid").trimmingCharacters(in: .newlines)))
            try eventually("the script is gone") { kill(script, 0) != 0 }
            #expect(scenario.text("ran") == "first\nsecond\nthird\n")
        }
    }

    private func send(_ script: String, to node: String, _ scenario: Scenario) throws -> String {
        let script = "cd \(scenario.directory.path); \(script)"
        let outcome = try scenario.opsbus("run", "--node", node, "--detach", "--", script)
        guard outcome.exitCode == 0 else { throw ScenarioError(outcome.errorOutput) }
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func invocation(_ command: String, _ node: String, _ scenario: Scenario) throws -> JSON {
        try scenario.call("ssm:GetCommandInvocation", ["CommandId": .string(command), "InstanceId": .string(node)])
    }

    private func ended(_ command: String, _ node: String, _ scenario: Scenario) throws -> JSON {
        try eventually("the command has ended", within: 60) {
            let found = try invocation(command, node, scenario)
            return ["Pending", "InProgress", "Delayed"].contains(found["Status"]?.string) ? Optional.none : found
        }
    }
}

/// A network of its own, joined to this machine's by a cable that can be pulled.
private final class SecondMachine {
    let serverAddress: String
    let address: String
    private let name = "ops\(getpid())"
    private let scenario: Scenario

    /// Nil, with the reason printed, where this machine does not let itself be divided.
    init?(_ scenario: Scenario) throws {
        self.scenario = scenario
        let subnet = "10.217.\(getpid() % 250)"
        (serverAddress, address) = ("\(subnet).1", "\(subnet).2")
        let lines = "ip netns add \(name) && ip link add \(name)h type veth peer name \(name)n netns \(name)"
        let attempt = try scenario.start("/bin/sh", ["-c", lines], name: "ip")
        guard try attempt.wait() == 0 else {
            print("not tried, for there can be no second network here: \(attempt.errorOutput)")
            remove()
            return nil
        }
        try scenario.shell(
            """
            ip addr add \(serverAddress)/30 dev \(name)h; ip -n \(name) addr add \(address)/30 dev \(name)n
            ip -n \(name) link set lo up; ip -n \(name) link set \(name)n up
            """)
        try setCable(isIn: true)
    }

    func remove() { _ = try? scenario.shell("ip netns del \(name)") }

    func setCable(isIn: Bool) throws { try scenario.shell("ip link set \(name)h \(isIn ? "up" : "down")") }

    /// Starts the agent of a key, whose state is in a directory of the same name, and waits until it is registered.
    func startAgent(_ key: String, _ more: [String: String] = [:]) throws -> (agent: ChildProcess, node: String) {
        let agent = try scenario.start(
            "/usr/bin/env", ["ip", "netns", "exec", name, Scenario.program, "agent", "--agent-state", key],
            name: "agent", environment: more.merging(["OPSBUS_CLIENT_KEY": "\(key).key"]) { $1 })
        let node = try eventually("the agent is registered", within: 30) {
            let said = scenario.text("\(key)/node.json")
            return try said.contains("NodeId") && agent.errorOutput.contains("connected to")
                ? JSON(parsing: Array(said.utf8))["NodeId"]?.string : nil
        }
        return (agent, node)
    }
}
