import API
import Core
import Documents
import Platform
import Storage
import TestSupport
import Testing

@testable import Systems

/// Documents by name, one version each.
struct TestDocuments: DocumentResolver {
    static let texts = [
        "Shell": """
            {"schemaVersion": "2.2", "parameters": {"commands": {"type": "StringList"},
              "executionTimeout": {"type": "String", "default": "600"},
              "mode": {"type": "String", "default": "fast", "allowedPattern": "^[a-z]+$"}},
             "mainSteps": [{"action": "aws:runShellScript", "name": "run",
              "inputs": {"runCommand": "{{ commands }}", "timeoutSeconds": "{{ executionTimeout }}"}}]}
            """,
        "Two": """
            {"schemaVersion": "2.2", "mainSteps": [
              {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["echo 1"]}},
              {"action": "aws:runShellScript", "name": "two", "inputs": {"runCommand": ["echo 2"]}}]}
            """,
        "Runbook": """
            {"schemaVersion": "0.3", "mainSteps": [
              {"action": "aws:sleep", "name": "wait", "inputs": {"Duration": "PT1S"}}]}
            """,
        "Stored": """
            {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "run",
              "inputs": {"runCommand": ["echo {{ ssm-secure:greeting }}"]}}]}
            """,
        "Secret": """
            {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:downloadContent", "name": "get",
              "inputs": {"sourceType": "HTTP", "sourceInfo": {"url": "https://a", "password": "{{ssm-secure:key}}"}}}]}
            """,
    ]

    func piece(_ request: ContentRequest) async throws -> (piece: ContentPiece, bytes: [UInt8]) {
        let content = Array(try await resolve(request.document, version: request.version).content.utf8)
        let piece = ContentPiece(
            name: request.document, version: "1", type: "Command", format: "JSON", attachments: [],
            size: content.count, sha256: sha256(content))
        return (piece, Array(content.dropFirst(request.offset)))
    }

    func resolve(_ name: String, version: String?) async throws -> ResolvedDocument {
        guard let text = TestDocuments.texts[name] else {
            throw ServiceError(.invalidDocument, "There is no document \(name).")
        }
        return ResolvedDocument(
            name: name, version: "3", content: text, document: try Document(parsing: Array(text.utf8)))
    }
}

/// Parameters that whoever runs a document may read.
struct StoredValues: ParameterSource {
    let secrets = ["key": "opens", "other": "hidden"]

    func values(_ names: [String], decrypting: Bool, for principal: Principal) async throws -> [NodeParameter] {
        names.compactMap { name in
            secrets[name].map { NodeParameter(name: name, type: "SecureString", value: decrypting ? $0 : nil) }
        }
    }
}

/// A server with nodes that are played by the test.
final class TestServer: Sendable {
    let clock: TestClock
    let link = RecordingLink()
    let database: Database
    let nodes: NodeService
    let commands: CommandService

    init(
        _ database: Database, _ clock: TestClock, policy: TestPolicy = TestPolicy(), objects: (any ObjectStore)? = nil,
        settings: CommandService.Settings = CommandService.Settings()
    ) async throws {
        self.clock = clock
        self.database = database
        nodes = NodeService(
            store: NodeStore(database), account: Account(), authorizer: policy, clock: clock, log: quiet)
        await nodes.attach(remote: link, embedded: link)
        commands = CommandService(
            store: CommandStore(database), nodes: nodes, documents: TestDocuments(),
            parameters: StoredValues(), account: Account(), authorizer: policy, settings: settings, objects: objects,
            clock: clock, log: quiet)
        try await commands.start()
    }

    /// Connects a node of that fingerprint and answers its id; what it is sent at once stays to be taken.
    @discardableResult
    func connect(_ name: String, commands: [Identifier] = []) async throws -> String {
        let registration = NodeRegistration(node: nil, fingerprint: name, commands: commands)
        await nodes.receive(NodeMessage(.register, registration.json), from: agent(name))
        return try await nodes.store.nodes().first { $0.fingerprint == name }?.id ?? ""
    }

    func agent(_ name: String) -> NodeConnection { connection(name, isEmbedded: true) }

    func taken(_ name: String, _ kind: NodeMessage.Kind) -> [NodeMessage] {
        link.take(agent(name)).filter { $0.kind == kind }
    }

    func say(_ name: String, _ message: NodeMessage) async { await nodes.receive(message, from: agent(name)) }

    func finish(_ name: String, _ id: Identifier, _ outcome: CommandReport.Outcome, output: String = "") async {
        let step = StepReport(
            name: "run", action: "aws:runShellScript", status: outcome == .success ? .success : .failed,
            code: outcome == .success ? 0 : 1, standardOutput: output, standardError: "warning", start: clock.now,
            end: clock.now + .milliseconds(1234))
        let report = CommandReport(command: id, outcome: outcome, steps: [step])
        await say(name, NodeMessage(.finished, report.json))
    }

    func call(_ name: String, _ input: JSON, _ context: OperationContext = .local) async throws -> JSON {
        try await commands.operations.call(name, input, context)
    }

    func send(_ input: JSON, _ context: OperationContext = .local) async throws -> Identifier {
        var input = input
        if input["DocumentName"] == nil { input["DocumentName"] = "Shell" }
        if input["DocumentName"] == "Shell", input["Parameters"] == nil {
            input["Parameters"] = ["commands": ["uptime"]]
        }
        let output = try await call("ssm:SendCommand", input, context)
        return try #require(output["Command"]?["CommandId"]?.string.flatMap { Identifier($0) })
    }

    func status(_ id: Identifier) async throws -> String {
        let output = try await call("ssm:ListCommands", ["CommandId": .string(id.description)])
        return output["Commands"]?[0]?["StatusDetails"]?.string ?? ""
    }

    func invocation(_ id: Identifier, _ node: String) async throws -> JSON {
        try await call(
            "ssm:GetCommandInvocation", ["CommandId": .string(id.description), "InstanceId": .string(node)])
    }

    /// What was put on the stream.
    func entries() async throws -> [(topic: String, entry: StreamEntry)] {
        try await Outbox(database).pending(limit: 1000).compactMap { row in
            row.body.withUnsafeBytes { StreamEntry($0) }.map { (row.topic, $0) }
        }
    }
}

@Suite struct CommandServiceTests {
    let clock = TestClock()

    private func server(_ policy: TestPolicy = TestPolicy()) async throws -> TestServer {
        try await TestServer(memoryDatabase(clock), clock, policy: policy)
    }

    // MARK: The main path

    @Test func aCommandGoesToItsNodeAndItsOutcomeComesBack() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        _ = server.link.take(server.agent("a"))
        let context = OperationContext(principal: Principal("rule/x"), cause: Subject(.delivery, "9"), hops: 2)
        let id = try await server.send(["InstanceIds": [.string(node)], "Comment": "hello"], context)

        let run = try #require(server.taken("a", .run).first.flatMap { NodeCommand($0.body) })
        #expect(run.id == id)
        #expect(run.parameters == ["commands": ["uptime"]])
        #expect(run.expiresAt == clock.now + .seconds(3600))
        #expect(try await server.invocation(id, node)["Status"] == "Pending")

        await server.say("a", NodeMessage(.accepted, command: id))
        #expect(try await server.invocation(id, node)["Status"] == "InProgress")
        await server.finish("a", id, .success, output: "up 3 days")
        #expect(server.taken("a", .finishedReceived).map(\.command) == [id])

        let result = try await server.invocation(id, node)
        #expect(result["Status"] == "Success")
        #expect(result["StandardOutputContent"] == "up 3 days")
        #expect(result["StandardErrorContent"] == "warning")
        #expect(result["ResponseCode"] == 0)
        #expect(result["ExecutionElapsedTime"] == "PT1.234S")
        #expect(result["PluginName"] == "run")
        #expect(result["DocumentVersion"] == "3")
        let command = try await server.call("ssm:ListCommands", [:])["Commands"]?[0]
        #expect(command?["Status"] == "Success")
        #expect(command?["CompletedCount"] == 1)
        #expect(command?["ExpiresAfter"] == JSON(epoch: clock.now + .seconds(4200)))
    }

    @Test func everyStatusIsAuditedStreamedAndAnEventWithItsCause() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let context = OperationContext(principal: Principal("rule/x"), cause: Subject(.delivery, "9"), hops: 2)
        let id = try await server.send(["InstanceIds": [.string(node)]], context)
        await server.say("a", NodeMessage(.accepted, command: id))
        await server.finish("a", id, .failed)

        let invocation = Subject(.invocation, "\(id)/\(node)")
        let records = try await AuditLog(server.database).list().filter { $0.subject.kind != .node }
        #expect(
            records.filter { $0.subject.kind != .event }
                .map { "\($0.action) \($0.subject.kind) \($0.outcome.text)" } == [
                "SendCommand command started", "UpdateCommandStatus command started",
                "UpdateInvocationStatus invocation started", "FinishStep step failure:Failed",
                "UpdateInvocationStatus invocation failure:Failed", "UpdateCommandStatus command failure:Failed",
            ])
        #expect(records.allSatisfy { $0.principal == context.principal })
        for record in records {
            switch record.subject.kind {
            case .command: #expect(record.cause == Subject(.delivery, "9"))
            case .invocation: #expect(record.cause == Subject(.command, id.description))
            case .step: #expect(record.cause == invocation)
            default: #expect(record.cause == invocation || record.cause == Subject(.command, id.description))
            }
        }

        let entries = try await server.entries()
        let events = entries.filter { $0.entry.kind == .event }
        #expect(
            events.map(\.topic) == [
                "event/default/aws.ssm/EC2 Command Status-change Notification/",
                "event/default/aws.ssm/EC2 Command Invocation Status-change Notification/",
                "event/default/aws.ssm/EC2 Command Invocation Status-change Notification/",
                "event/default/aws.ssm/EC2 Command Status-change Notification/",
            ])
        #expect(events.map(\.entry.hops) == [3, 3, 3, 3])
        #expect(events[2].entry.cause == invocation)
        let event = try JSON(parsing: events[2].entry.payload)
        #expect(event["detail"]?["status"] == "Failed")
        #expect(event["detail"]?["instance-id"]?.string == node)
        #expect(event["resources"]?[0]?.string?.hasSuffix("managed-instance/\(node)") == true)

        let progress = try entries.filter { $0.entry.kind == .message }.map { try JSON(parsing: $0.entry.payload) }
        #expect(entries.filter { $0.entry.kind == .message }.allSatisfy { $0.topic == "command/\(id)/" })
        let statuses = progress.compactMap { $0["Status"]?.string }
        #expect(statuses == ["InProgress", "InProgress", "Failed", "Failed", "Failed"])
        #expect(progress.allSatisfy { $0["CommandId"]?.string == id.description && $0["Time"] != nil })
    }

    @Test func stepsAndOutputAreStreamedAndPaidForWithCredit() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)], "StreamOutput": true])
        await server.say("a", NodeMessage(.accepted, command: id))
        let start: JSON = [
            "CommandId": .string(id.description), "StepName": "run", "Action": "aws:runShellScript",
            "Time": .string(clock.now.millisecondDescription),
        ]
        await server.say("a", NodeMessage(.stepStarted, start))
        let started = try await server.invocation(id, node)["ExecutionStartDateTime"]?.string
        #expect(started == clock.now.millisecondDescription)
        _ = server.link.take(server.agent("a"))
        let output = NodeOutput(command: id, step: "run", stream: "stdout", offset: 5)
        await server.say("a", NodeMessage(.output, output.json, payload: Array("grün".utf8)))
        #expect(server.taken("a", .outputCredit).map { $0.body["Bytes"] } == [5])
        let last = try #require(try await server.entries().last)
        let body = try JSON(parsing: last.entry.payload)
        #expect(body["Output"] == "grün")
        #expect(body["Offset"] == 5)
        #expect(body["Stream"] == "stdout")
    }

    // MARK: Delivery

    @Test func aCommandIsOfferedUntilItIsAcceptedAndNoLonger() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)]])
        #expect(server.taken("a", .run).count == 1)
        clock.advance(.seconds(4))
        await server.commands.tick()
        #expect(server.taken("a", .run).isEmpty)
        clock.advance(.seconds(1))
        await server.commands.tick()
        #expect(server.taken("a", .run).count == 1)
        await server.say("a", NodeMessage(.accepted, command: id))
        clock.advance(.seconds(60))
        await server.commands.tick()
        #expect(server.taken("a", .run).isEmpty)
        // A repeated answer changes nothing.
        await server.say("a", NodeMessage(.accepted, command: id))
        await server.finish("a", id, .success)
        await server.finish("a", id, .failed)
        #expect(try await server.status(id) == "Success")
        #expect(server.taken("a", .finishedReceived).count == 2)
    }

    @Test func anOfflineNodeGetsTheCommandWhenItComesBackInTime() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        await server.nodes.expel(node)
        let id = try await server.send(["InstanceIds": [.string(node)], "TimeoutSeconds": 60])
        #expect(try await server.invocation(id, node)["StatusDetails"] == "Delayed")
        _ = server.link.take(server.agent("a"))
        clock.advance(.seconds(59))
        try await server.connect("a")
        #expect(server.taken("a", .run).count == 1)
        await server.say("a", NodeMessage(.accepted, command: id))
        #expect(try await server.invocation(id, node)["StatusDetails"] == "InProgress")
    }

    @Test func anOfflineNodeThatComesBackTooLateDoesNotGetTheCommand() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        await server.nodes.expel(node)
        let id = try await server.send(["InstanceIds": [.string(node)], "TimeoutSeconds": 60])
        _ = server.link.take(server.agent("a"))
        clock.advance(.seconds(60))
        try await server.connect("a")
        #expect(server.taken("a", .run).isEmpty)
        clock.advance(.seconds(600))
        await server.commands.tick()
        #expect(try await server.status(id) == "DeliveryTimedOut")
        #expect(try await server.invocation(id, node)["Status"] == "TimedOut")
    }

    @Test func aNodeThatLostAnAcceptedCommandFailsIt() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)]])
        await server.say("a", NodeMessage(.accepted, command: id))
        try await server.connect("a", commands: [id])
        #expect(try await server.status(id) == "InProgress")
        try await server.connect("a", commands: [])
        #expect(try await server.status(id) == "Failed")
        let error = try await server.invocation(id, node)["StandardErrorContent"]?.string
        #expect(error?.contains("state was lost") == true)
    }

    @Test func aNodeThatDoesNotAnswerDoesNotHoldUpTheOthers() async throws {
        let server = try await server()
        let silent = try await server.connect("a")
        let other = try await server.connect("b")
        let id = try await server.send(["InstanceIds": [.string(silent), .string(other)]])
        #expect(server.taken("a", .run).count == 1)
        #expect(server.taken("b", .run).isEmpty, "the ramp-up begins with one")
        clock.advance(.seconds(5))
        await server.commands.tick()
        #expect(try await server.invocation(id, silent)["StatusDetails"] == "Delayed")
        #expect(server.taken("a", .run).count == 1)
        #expect(server.taken("b", .run).count == 1)
        await server.say("a", NodeMessage(.accepted, command: id))
        #expect(try await server.invocation(id, silent)["StatusDetails"] == "InProgress")
    }

    @Test func aFullQueueOnlyDelaysTheOffer() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        server.link.fill(true)
        _ = try await server.send(["InstanceIds": [.string(node)]])
        server.link.fill(false)
        clock.advance(.seconds(5))
        await server.commands.tick()
        #expect(server.taken("a", .run).count == 1)
    }

    // MARK: Restart of the server

    @Test(arguments: [false, true])
    func aRestartedServerGoesOnWithItsCommands(_ isAccepted: Bool) async throws {
        let files = try TestDatabase()
        let database = try files.open(clock)
        let first = try await TestServer(database, clock)
        let node = try await first.connect("a")
        let other = try await first.connect("b")
        let id = try await first.send(
            ["InstanceIds": [.string(node), .string(other)], "MaxConcurrency": "1"])
        if isAccepted { await first.say("a", NodeMessage(.accepted, command: id)) }
        await database.close()

        let second = try await TestServer(files.open(clock), clock)
        try await second.connect("b")
        try await second.connect("a", commands: isAccepted ? [id] : [])
        #expect(second.taken("a", .run).count == (isAccepted ? 0 : 1))
        #expect(second.taken("b", .run).isEmpty)
        await second.finish("a", id, .success)
        #expect(second.taken("b", .run).count == 1)
        await second.finish("b", id, .success)
        #expect(try await second.status(id) == "Success")
        await second.database.close()
    }

    @Test func aChangeThatCannotBeWrittenIsNotAcknowledged() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)]])
        await server.database.close()
        _ = server.link.take(server.agent("a"))
        await server.finish("a", id, .success)
        #expect(server.taken("a", .finishedReceived).isEmpty)
    }

    // MARK: Cancel

    @Test func cancellingReachesTheNodeUntilItReports() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)]])
        await server.say("a", NodeMessage(.accepted, command: id))
        let input: JSON = ["CommandId": .string(id.description)]
        #expect(try await server.call("ssm:CancelCommand", input) == [:])
        #expect(try await server.status(id) == "Cancelling")
        #expect(server.taken("a", .cancel).count == 1)
        clock.advance(.seconds(5))
        await server.commands.tick()
        #expect(server.taken("a", .cancel).count == 1)
        await server.finish("a", id, .cancelled)
        #expect(try await server.status(id) == "Cancelled")
        // Once more is no error.
        #expect(try await server.call("ssm:CancelCommand", input) == [:])
        let audited = try await AuditLog(server.database).list().filter { $0.action == "CancelCommand" }
        #expect(audited.count == 2)
    }

    @Test func cancellingAnOfflineNodesInvocationEndsItAtOnce() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        await server.nodes.expel(node)
        let id = try await server.send(["InstanceIds": [.string(node)]])
        _ = try await server.call("ssm:CancelCommand", ["CommandId": .string(id.description)])
        #expect(try await server.status(id) == "Cancelled")
    }

    // MARK: Parameter Store

    @Test(arguments: [
        (["key"], true, [["Name": "key", "Type": "SecureString", "Value": "opens"]], nil),
        (["key", "nothing"], false, [["Name": "key", "Type": "SecureString"]], nil),
        (["other"], true, nil, "AccessDeniedException"), (["key", "other"], true, nil, "AccessDeniedException"),
    ] as [([String], Bool, JSON?, JSON?)])
    func aNodeIsToldTheSecretsThatItsCommandNames(
        names: [String], areSecret: Bool, values: JSON?, code: JSON?
    ) async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["DocumentName": "Secret", "InstanceIds": [.string(node)]])
        let request = NodeParameterRequest(command: id, number: 7, names: names, areSecret: areSecret)
        await server.say("a", NodeMessage(.fetch, request.json))
        let answer = try #require(server.taken("a", .fetched).first)
        #expect(answer.body["Number"] == 7 && answer.body["Code"] == code)
        let told: JSON? = answer.payload.isEmpty ? .none : try JSON(parsing: answer.payload)
        #expect(told == values)
    }

    // MARK: Targets

    @Test func tagsChooseNodesOnceAndNothingChosenIsAStatus() async throws {
        let server = try await server()
        let first = try await server.connect("a")
        _ = try await server.connect("b")
        _ = try await TagOperations(database: server.nodes.store.database, tables: [.nodes]).all.call(
            "ssm:AddTagsToResource",
            [
                "ResourceType": "ManagedInstance", "ResourceId": .string(first),
                "Tags": [["Key": "env", "Value": "prod"]],
            ])
        let id = try await server.send(["Targets": [["Key": "tag:env", "Values": ["prod", "x"]]]])
        let list = try await server.call("ssm:ListCommandInvocations", ["CommandId": .string(id.description)])
        #expect(list["CommandInvocations"]?.array?.map { $0["InstanceId"]?.string } == [first])
        let none = try await server.send(["Targets": [["Key": "tag:env", "Values": ["test"]]]])
        #expect(try await server.status(none) == "NoInstancesInTag")
    }

    @Test func badNodesFailTheCallWhenNamedAndTheInvocationWhenTargeted() async throws {
        let server = try await server()
        let good = try await server.connect("a")
        let error = await #expect(throws: ServiceError.self) {
            try await server.send(["InstanceIds": [.string(good), "mi-00000000000000000"]])
        }
        #expect(error?.code == .invalidInstanceID)
        let id = try await server.send(
            ["Targets": [["Key": "InstanceIds", "Values": [.string(good), "mi-00000000000000000"]]]])
        await server.finish("a", id, .success)
        #expect(try await server.status(id) == "Success")
        #expect(try await server.invocation(id, "mi-00000000000000000")["StatusDetails"] == "Undeliverable")
    }

    @Test func nodesTheCallerMayNotUseAreRefused() async throws {
        let database = try memoryDatabase(clock)
        let open = try await TestServer(database, clock)
        let node = try await open.connect("a")
        let arn = "arn:aws:ssm:us-east-1:123456789012:managed-instance/\(node)"
        let server = try await TestServer(database, clock, policy: TestPolicy(denied: ["guest \(arn)"]))
        let guest = OperationContext(principal: Principal("guest"))
        let error = await #expect(throws: ServiceError.self) {
            try await server.send(["InstanceIds": [.string(node)]], guest)
        }
        #expect(error?.code == .invalidInstanceID)
        let id = try await server.send(["Targets": [["Key": "InstanceIds", "Values": [.string(node)]]]], guest)
        #expect(try await server.status(id) == "AccessDenied")
    }

    // MARK: Requests

    @Test(arguments: [
        (["DocumentName": "Nothing"] as JSON, ErrorCode.invalidDocument),
        (["DocumentName": "Runbook"], .invalidDocument),
        (["DocumentName": "Stored"], .unsupportedOperation),
        (["Parameters": ["command": ["x"]]], .invalidParameters),
        (["Parameters": [:]], .invalidParameters),
        (["Parameters": ["commands": ["x"], "mode": ["Fast!"]]], .invalidParameters),
        (["Parameters": ["commands": ["x"], "mode": ["a", "b"]]], .invalidParameters),
        (["Parameters": ["commands": "x"]], .serialization),
        (["Parameters": ["commands": [.string(String(repeating: "x", count: 65_536))]]], .maxDocumentSizeExceeded),
        (["DocumentHash": "00"], .invalidDocument),
        (["MaxConcurrency": "0"], .validation), (["MaxErrors": "101%"], .validation),
        (["TimeoutSeconds": 29], .validation), (["Coment": "x"], .validation),
        (["OutputS3BucketName": "bucket"], .invalidOutputFolder),
        (["OutputS3KeyPrefix": "p"], .invalidOutputFolder), (["OutputS3BucketName": "x"], .validation),
        (["CloudWatchOutputConfig": ["CloudWatchLogGroupName": ""]], .validation),
        (["AlarmConfiguration": ["Alarms": [["Name": "x"]]]], .unsupportedOperation),
        (["NotificationConfig": ["NotificationArn": "topic"]], .invalidNotificationConfig),
        (["NotificationConfig": ["NotificationType": "Command"]], .invalidNotificationConfig),
        (["NotificationConfig": ["NotificationEvents": ["Pending"]]], .validation),
        (["InstanceIds": []], .invalidParameters),
        (["Targets": [["Key": "tag:a", "Values": ["b"]]]], .invalidParameters),
        (["InstanceIds": ["mi-1234567890abcdef0", "mi-1234567890abcdef0"]], .duplicateInstanceID),
    ] as [(JSON, ErrorCode)])
    func wrongRequestsAreRefused(_ change: JSON, _ code: ErrorCode) async throws {
        let server = try await server()
        let node = try await server.connect("a")
        var input: JSON = ["InstanceIds": [.string(node)], "DocumentName": "Shell"]
        for member in change.object?.members ?? [] { input[member.key] = member.value }
        let error = await #expect(throws: ServiceError.self) { try await server.send(input) }
        #expect(error?.code == code, "\(String(describing: error))")
        #expect(try await server.call("ssm:ListCommands", [:]) == ["Commands": []])
    }

    @Test func membersThatAskForNothingAreTaken() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        _ = try await server.send([
            "InstanceIds": [.string(node)], "CloudWatchOutputConfig": ["CloudWatchOutputEnabled": false],
            "NotificationConfig": ["NotificationArn": "", "NotificationEvents": []],
        ])
    }

    @Test func theSameTokenIsTheSameCommand() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let input: JSON = ["InstanceIds": [.string(node)], "ClientToken": "t1"]
        let id = try await server.send(input)
        #expect(try await server.send(input) == id)
        #expect(server.taken("a", .run).count == 1)
        var other = input
        other["Comment"] = "changed"
        let error = await #expect(throws: ServiceError.self) { try await server.send(other) }
        #expect(error?.code == .idempotentParameterMismatch)
        #expect(try await server.send(input, OperationContext(principal: Principal("someone"))) != id)
    }

    // MARK: Lists

    @Test func listsAreFilteredAndPagedNewestFirst() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        var ids: [Identifier] = []
        for number in 0..<5 {
            clock.advance(.seconds(60))
            ids.append(try await server.send(["InstanceIds": [.string(node)], "Comment": "\(number)"]))
        }
        await server.finish("a", ids[0], .success)
        await server.finish("a", ids[1], .failed)
        func comments(_ output: JSON, _ member: String) -> [String] {
            (output[member]?.array ?? []).compactMap { $0["Comment"]?.string }
        }
        for (operation, member) in [
            ("ssm:ListCommands", "Commands"), ("ssm:ListCommandInvocations", "CommandInvocations"),
        ] {
            let page = try await server.call(operation, ["MaxResults": 3])
            #expect(comments(page, member) == ["4", "3", "2"])
            let rest = try await server.call(
                operation, ["MaxResults": 3, "NextToken": try #require(page["NextToken"])])
            #expect(comments(rest, member) == ["1", "0"])
            #expect(rest["NextToken"] == nil)
            let failed = try await server.call(operation, ["Filters": [["key": "Status", "value": "Failed"]]])
            #expect(comments(failed, member) == ["1"])
            let late = try await server.call(
                operation,
                [
                    "InstanceId": .string(node),
                    "Filters": [
                        ["key": "InvokedAfter", "value": .string((TestClock.origin + .seconds(180)).description)]
                    ],
                ])
            #expect(comments(late, member) == ["4", "3"])
        }
        let done = try await server.call(
            "ssm:ListCommands", ["Filters": [["key": "ExecutionStage", "value": "Complete"]]])
        #expect(comments(done, "Commands") == ["1", "0"])
        let wrong = await #expect(throws: ServiceError.self) {
            try await server.call("ssm:ListCommands", ["Filters": [["key": "State", "value": "x"]]])
        }
        #expect(wrong?.code == .validation)
        let misplaced = await #expect(throws: ServiceError.self) {
            try await server.call(
                "ssm:ListCommandInvocations", ["Filters": [["key": "ExecutionStage", "value": "Complete"]]])
        }
        #expect(misplaced?.code == .invalidFilterKey)
    }

    @Test func theStepsOfADocumentAreAskedForByName() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)], "DocumentName": "Two"])
        var input: JSON = ["CommandId": .string(id.description), "InstanceId": .string(node)]
        let missing = await #expect(throws: ServiceError.self) {
            try await server.call("ssm:GetCommandInvocation", input)
        }
        #expect(missing?.code == .invalidPluginName)
        #expect(missing?.message.contains("one, two") == true)
        input["PluginName"] = "two"
        #expect(try await server.call("ssm:GetCommandInvocation", input)["ResponseCode"] == -1)
        input["InstanceId"] = "mi-00000000000000000"
        let nowhere = await #expect(throws: ServiceError.self) {
            try await server.call("ssm:GetCommandInvocation", input)
        }
        #expect(nowhere?.code == .invocationDoesNotExist)
        input["CommandId"] = "00000000-0000-4000-8000-000000000000"
        let unknown = await #expect(throws: ServiceError.self) {
            try await server.call("ssm:GetCommandInvocation", input)
        }
        #expect(unknown?.code == .invocationDoesNotExist)
    }

    @Test func commandsAreForgottenAfterThirtyDays() async throws {
        let server = try await server()
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)]])
        await server.finish("a", id, .success)
        clock.advance(.seconds(30 * 24 * 3600 + 1))
        await server.commands.tick()
        #expect(try await server.call("ssm:ListCommands", [:]) == ["Commands": []])
    }
}
