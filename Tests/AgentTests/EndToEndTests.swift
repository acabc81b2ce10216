import API
import Core
import Documents
import Platform
import Storage
import Systems
import Testing

@testable import Agent

private struct OpenPolicy: Authorizer {
    func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {}
}

private struct NoParameters: ParameterSource {
    func values(_ names: [String], decrypting: Bool, for principal: Principal) async throws -> [NodeParameter] { [] }
}

private struct OneDocument: DocumentResolver {
    static let text = """
        schemaVersion: "2.2"
        parameters:
          name: {type: String, default: world}
        mainSteps:
          - action: aws:runShellScript
            name: greet
            inputs:
              runCommand: ["echo hello {{ name }}", "sleep {{ name }} 2>/dev/null; true"]
        """

    func piece(_ request: ContentRequest) async throws -> (piece: ContentPiece, bytes: [UInt8]) {
        throw ServiceError(.invalidDocument, "The specified document does not exist.")
    }

    func resolve(_ name: String, version: String?) async throws -> ResolvedDocument {
        ResolvedDocument(
            name: name, version: "1", content: OneDocument.text,
            document: try Document(parsing: Array(OneDocument.text.utf8)))
    }
}

/// Server and agent in one process, joined by memory, as in `opsbus serve`.
@Suite struct EndToEndTests {
    let scratch = Scratch()
    let database: Database
    let nodes: NodeService
    let commands: CommandService
    let link = MemoryLink()
    let agent: Agent

    init() async throws {
        let clock = SystemClock()
        database = try Database(
            path: scratch.directory + "/state.db", migrations: NodeStore.migrations + CommandStore.migrations,
            clock: clock, log: quiet)
        nodes = NodeService(
            store: NodeStore(database), account: Account(), authorizer: OpenPolicy(), clock: clock, log: quiet)
        commands = CommandService(
            store: CommandStore(database), nodes: nodes, documents: OneDocument(),
            parameters: NoParameters(), account: Account(), authorizer: OpenPolicy(), clock: clock, log: quiet)
        agent = try Agent(
            Agent.Options(directory: scratch.directory + "/agent", environment: ["PATH": "/usr/bin:/bin"]),
            processes: TestAgent.processes, clock: clock, log: quiet)
    }

    private func call(_ name: String, _ input: JSON) async throws -> JSON {
        let operation = try #require((nodes.operations + commands.operations).first { $0.name == name })
        try Shape.structure(operation.input).validate(input)
        return try await operation.handler(input, OperationContext(principal: .local))
    }

    /// Runs the system around a test, and ends it.
    private func serve(_ body: (_ node: String) async throws -> Void) async throws {
        await nodes.attach(embedded: link)
        try await commands.start()
        let (nodes, commands, agent, link) = (nodes, commands, agent, link)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await nodes.run() }
            group.addTask { await commands.run() }
            group.addTask { await link.run(agent: agent, handler: nodes) }
            group.addTask { await agent.run(over: link) }
            let deadline = ContinuousClock.now + .seconds(30)
            while await !agent.isRegistered && ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(2))
            }
            try await body(#require(await agent.nodeID))
            group.cancelAll()
        }
        await database.close()
    }

    private func wait(_ id: JSON, _ node: String, until status: String) async throws -> JSON {
        var result: JSON = [:]
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            result = try await call("ssm:GetCommandInvocation", ["CommandId": id, "InstanceId": .string(node)])
            if result["Status"]?.string == status { return result }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("the status is \(result["Status"] ?? .null), not \(status)")
        return result
    }

    @Test func aCommandIsSentRunAndShown() async throws {
        try await serve { node in
            let sent = try await call(
                "ssm:SendCommand",
                [
                    "DocumentName": "Greet", "InstanceIds": [.string(node)], "Parameters": ["name": ["0"]],
                    "StreamOutput": true,
                ])
            let id = try #require(sent["Command"]?["CommandId"])
            let result = try await wait(id, node, until: "Success")
            #expect(result["StandardOutputContent"] == "hello 0\n")
            #expect(result["ResponseCode"] == 0)
            let information = try await call("ssm:DescribeInstanceInformation", [:])
            #expect(information["InstanceInformationList"]?[0]?["PingStatus"] == "Online")
            let entries = try await Outbox(database).pending(limit: 100).compactMap { row in
                row.body.withUnsafeBytes { StreamEntry($0) }
            }
            let output = try entries.filter { $0.kind == .message }
                .compactMap { try JSON(parsing: $0.payload)["Output"]?.string }
            #expect(output.joined() == "hello 0\n")
        }
    }

    @Test func aCancelledCommandEndsAsCancelled() async throws {
        try await serve { node in
            let sent = try await call(
                "ssm:SendCommand",
                ["DocumentName": "Greet", "InstanceIds": [.string(node)], "Parameters": ["name": ["1000"]]])
            let id = try #require(sent["Command"]?["CommandId"])
            _ = try await wait(id, node, until: "InProgress")
            _ = try await call("ssm:CancelCommand", ["CommandId": id])
            _ = try await wait(id, node, until: "Cancelled")
            let list = try await call("ssm:ListCommands", ["CommandId": id])
            #expect(list["Commands"]?[0]?["StatusDetails"] == "Cancelled")
        }
    }
}
