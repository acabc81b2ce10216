import Core
import Foundation
import Testing

@Suite("A process dies while a command runs")
struct CommandCrashTests {
    /// Three steps that each leave a line in a file; the second one waits until it may go on.
    private static func document(_ scenario: Scenario) -> String {
        """
        schemaVersion: "2.2"
        description: Three steps
        mainSteps:
          - action: aws:runShellScript
            name: first
            inputs: {runCommand: ["echo first | tee -a \(scenario.path("ran"))"]}
          - action: aws:runShellScript
            name: second
            inputs:
              runCommand:
                - echo second >> \(scenario.path("ran"))
                - for i in $(seq 300); do test -e \(scenario.path("go-on")) && break; sleep 0.1; done
          - {action: "aws:runShellScript", name: third, inputs: {runCommand: ["echo third >> \(scenario.path("ran"))"]}}
        """
    }

    private func putDocument(_ scenario: Scenario) throws {
        try scenario.write(Self.document(scenario), to: "Three-Steps.yaml")
        let outcome = try scenario.opsbus("documents", "put", "Three-Steps.yaml")
        guard outcome.exitCode == 0 else { throw ScenarioError(outcome.errorOutput) }
    }

    /// Sends the command and waits until its second step runs.
    private func send(_ scenario: Scenario, to node: String) throws -> String {
        let command = try scenario.opsbus("run", "Three-Steps", "--node", node)
        #expect(command.exitCode == 0, "\(command.errorOutput)")
        try eventually("the second step runs") { scenario.text("ran").contains("second") }
        return command.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func invocation(_ scenario: Scenario, _ command: String, _ node: String) throws -> JSON {
        let list = try scenario.call(
            "ssm:ListCommandInvocations",
            ["CommandId": .string(command), "InstanceId": .string(node), "Details": true])
        return list["CommandInvocations"]?[0] ?? .null
    }

    private func ended(_ scenario: Scenario, _ command: String, _ node: String) throws -> JSON {
        try eventually("the command has ended", within: 40) {
            let found = try invocation(scenario, command, node)
            // Plain `nil` would be the JSON null.
            return ["Pending", "InProgress", "Delayed"].contains(found["Status"]?.string) ? Optional.none : found
        }
    }

    private func expectFailedOnce(_ scenario: Scenario, _ invocation: JSON) {
        #expect(invocation["Status"] == "Failed", "\(invocation.text)")
        // The first step's result is kept, and why the rest is not known is said.
        let first = invocation["CommandPlugins"]?[0]
        #expect(
            first?["Status"] == "Success" && first?["Output"]?.string?.contains("first") == true, "\(invocation.text)")
        #expect(invocation.text.contains("restart") || invocation.text.contains("ended"), "\(invocation.text)")
        #expect(scenario.text("ran") == "first\nsecond\n", "nothing ran twice, and nothing after the fault")
    }

    @Test("An agent that died reports the command as failed with the reason when it is back; nothing runs twice")
    func agentKilled() throws {
        try Scenario.run { scenario in
            try scenario.startServer("--embedded-agent", "false")
            try putDocument(scenario)
            let (agent, node) = try scenario.startAgent()
            let command = try send(scenario, to: node)
            agent.kill()
            // A second command waits for the agent's return.
            let waiting = try scenario.opsbus("run", "--shell", "echo late >> late", "--node", node)
            #expect(waiting.exitCode == 0, "\(waiting.errorOutput)")
            try scenario.restartAgent()
            expectFailedOnce(scenario, try ended(scenario, command, node))
            let late = waiting.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(try ended(scenario, late, node)["Status"] == "Success")
            #expect(scenario.text("ran") == "first\nsecond\n")
        }
    }

    @Test("A server that died with its own agent ends the command as failed with the reason; nothing runs twice")
    func embeddedAgentKilled() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            try putDocument(scenario)
            let node = try scenario.onlineNode()
            let command = try send(scenario, to: node)
            server.kill()
            try scenario.startServer()
            expectFailedOnce(scenario, try ended(scenario, command, node))
        }
    }

    @Test("A server that died while an agent works gets the result when it is back")
    func serverKilled() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer("--embedded-agent", "false")
            try putDocument(scenario)
            let node = try scenario.startAgent().node
            let command = try send(scenario, to: node)
            server.kill()
            try scenario.write("", to: "go-on")
            try eventually("the agent finishes alone") { scenario.text("ran").contains("third") }
            try scenario.startServer("--embedded-agent", "false")
            let invocation = try ended(scenario, command, node)
            #expect(invocation["Status"] == "Success", "\(invocation.text)")
            #expect(scenario.text("ran") == "first\nsecond\nthird\n")
        }
    }

    @Test("An automation whose server died ends with a definite status, and keeps the steps that were done")
    func automation() throws {
        try Scenario.run { scenario in
            var server = try scenario.startServer()
            try scenario.write(
                """
                schemaVersion: "0.3"
                mainSteps:
                  - name: one
                    action: aws:executeScript
                    inputs: {Runtime: bash, Script: "echo one >> \(scenario.path("ran"))"}
                  - name: two
                    action: aws:executeScript
                    inputs:
                      Runtime: bash
                      Script: |
                        echo two >> \(scenario.path("ran"))
                        for i in $(seq 300); do test -e \(scenario.path("go-on")) && break; sleep 0.1; done
                  - name: three
                    action: aws:executeScript
                    inputs: {Runtime: bash, Script: "echo three >> \(scenario.path("ran"))"}
                """, to: "Three.yaml")
            #expect(try scenario.opsbus("documents", "put", "Three.yaml").exitCode == 0)
            let started = try scenario.opsbus("automation", "start", "Three")
            #expect(started.exitCode == 0, "\(started.errorOutput)")
            let id = started.output.trimmingCharacters(in: .whitespacesAndNewlines)
            try eventually("the second step runs") { scenario.text("ran").contains("two") }
            server.kill()
            server = try scenario.startServer()
            let execution = try eventually("the execution has ended", within: 40) {
                let found = try scenario.call("ssm:GetAutomationExecution", ["AutomationExecutionId": .string(id)])
                let status = found["AutomationExecution"]?["AutomationExecutionStatus"]?.string
                return ["Pending", "InProgress"].contains(status) ? Optional.none : found["AutomationExecution"]
            }
            #expect(execution["AutomationExecutionStatus"] == "Failed", "\(execution.text)")
            #expect(execution["FailureMessage"]?.string?.isEmpty == false, "\(execution.text)")
            #expect(execution["StepExecutions"]?[0]?["StepStatus"] == "Success", "\(execution.text)")
            #expect(execution["StepExecutions"]?[1]?["StepStatus"] == "Failed", "\(execution.text)")
            #expect(scenario.text("ran") == "one\ntwo\n")
        }
    }
}

extension Scenario {
    /// The node that is online, which must be the only one.
    func onlineNode() throws -> String {
        try eventually("a node is online") {
            let nodes = try call("ssm:DescribeInstanceInformation")["InstanceInformationList"]?.array ?? []
            return nodes.first { $0["PingStatus"] == "Online" }?["InstanceId"]?.string
        }
    }

    /// Registers a node by an activation and starts its agent.
    func startAgent() throws -> (agent: ChildProcess, node: String) {
        let activation = try opsbus("nodes", "activate", "--output", "json").json()
        let agent = try start(
            Scenario.program, ["agent", "--agent-state", "agent"], name: "agent",
            environment: [
                "OPSBUS_ACTIVATION_ID": activation["ActivationId"]?.string ?? "",
                "OPSBUS_ACTIVATION_CODE": activation["ActivationCode"]?.string ?? "",
            ])
        return (agent, try onlineNode())
    }

    /// Starts the agent again, which needs no activation any more.
    @discardableResult
    func restartAgent() throws -> ChildProcess {
        try start(Scenario.program, ["agent", "--agent-state", "agent"], name: "agent")
    }
}
