import API
import Core
import Platform
import Storage
import Testing

@testable import Systems

@Suite struct NodeServiceTests {
    let clock = TestClock()
    let link = RecordingLink()
    let database: Database
    let service: NodeService

    init() async throws {
        database = try memoryDatabase(clock)
        service = NodeService(
            store: NodeStore(database), account: Account(), authorizer: TestPolicy(denied: ["weak *"]), clock: clock,
            log: quiet)
        await service.attach(remote: link, embedded: link)
    }

    private func register(_ connection: NodeConnection, _ registration: NodeRegistration) async -> NodeMessage? {
        await service.receive(NodeMessage(.register, registration.json), from: connection)
        return link.take(connection).last
    }

    private func activate(_ limit: Int = 1, tags: JSON = []) async throws -> (id: String, code: String) {
        let output = try await service.operations.call(
            "ssm:CreateActivation",
            [
                "IamRole": "role", "RegistrationLimit": .integer(limit), "DefaultInstanceName": "web",
                "Tags": tags,
            ])
        return (output["ActivationId"]?.string ?? "", output["ActivationCode"]?.string ?? "")
    }

    private func nodes(_ input: JSON = [:]) async throws -> [JSON] {
        try await service.operations.call("ssm:DescribeInstanceInformation", input)["InstanceInformationList"]?.array
            ?? []
    }

    // MARK: Registration

    private var tags: [API.Operation] {
        TagOperations(database: service.store.database, tables: [.nodes]).all
    }

    @Test func aNodeRegistersWithAnActivationAndKeepsItsIdOverReconnections() async throws {
        let activation = try await activate(tags: [["Key": "env", "Value": "prod"]])
        var registration = NodeRegistration(
            node: nil, fingerprint: "f1", activationID: activation.id, activationCode: activation.code,
            computerName: "host1", platformName: "Debian")
        let first = await register(connection("a"), registration)
        #expect(first?.kind == .registered)
        let id = try #require(first?.body["NodeId"]?.string)
        #expect(id.hasPrefix("mi-") && id.utf8.count == 20)
        #expect(first?.body["HeartbeatSeconds"]?.double == 30)

        registration.node = id
        registration.activationCode = nil
        #expect(await register(connection("b"), registration)?.body["NodeId"]?.string == id)
        // Even where it forgot its id, the machine stays the same node.
        registration.node = nil
        registration.activationCode = activation.code
        let again = try await activate()
        registration.activationID = again.id
        registration.activationCode = again.code
        #expect(await register(connection("c"), registration)?.body["NodeId"]?.string == id)

        let node = try #require(try await nodes().first)
        #expect(node["Name"]?.string == "web")
        #expect(node["ComputerName"]?.string == "host1")
        #expect(node["ActivationId"]?.string == activation.id)
        #expect(node["PingStatus"]?.string == "Online")
        let found = try await tags.call(
            "ssm:ListTagsForResource", ["ResourceType": "ManagedInstance", "ResourceId": .string(id)])
        #expect(found == ["TagList": [["Key": "env", "Value": "prod"]]])
    }

    @Test func wrongUsedUpAndExpiredActivationsAreRefused() async throws {
        let activation = try await activate()
        func code(_ fingerprint: String, _ id: String?, _ code: String?) async -> String? {
            let registration = NodeRegistration(
                node: nil, fingerprint: fingerprint, activationID: id, activationCode: code)
            let answer = await register(connection(fingerprint), registration)
            return answer?.kind == .refused ? answer?.body["Code"]?.string : answer?.kind.rawValue
        }
        #expect(await code("f0", nil, nil) == "InvalidActivation")
        #expect(await code("f0", activation.id, "wrong-code-wrong-code") == "InvalidActivation")
        #expect(await code("f1", activation.id, activation.code) == "Registered")
        #expect(await code("f2", activation.id, activation.code) == "InvalidActivation")
        let late = try await activate()
        clock.advance(.seconds(24 * 3600))
        #expect(await code("f3", late.id, late.code) == "InvalidActivation")
        let records = try await AuditLog(database).list()
        #expect(records.filter { $0.outcome == .failure("InvalidActivation") }.count == 4)
    }

    @Test func theEmbeddedAgentAndKeysWithLeaveNeedNoActivation() async throws {
        func answer(_ connection: NodeConnection) async -> NodeMessage.Kind? {
            let name = String(decoding: connection.identifier, as: UTF8.self)
            return await register(connection, NodeRegistration(node: nil, fingerprint: name))?.kind
        }
        #expect(await answer(connection("embedded", isEmbedded: true)) == .registered)
        #expect(await answer(connection("keyed", principal: Principal("host-key"))) == .registered)
        #expect(await answer(connection("weak", principal: Principal("weak"))) == .refused)
        #expect(await answer(connection("local")) == .refused)
    }

    @Test func anotherMachineOrKeyCannotTakeANodesPlace() async throws {
        let key = Principal("key-1")
        let id = await register(
            connection("a", principal: key), NodeRegistration(node: nil, fingerprint: "f1"))?.body["NodeId"]?.string
        let other = await register(
            connection("b", principal: key), NodeRegistration(node: id, fingerprint: "f2"))
        #expect(other?.body["Code"] == "MachineFingerprintDoesNotMatch")
        let thief = await register(
            connection("c", principal: Principal("key-2")), NodeRegistration(node: id, fingerprint: "f1"))
        #expect(thief?.body["Code"] == "AccessDeniedException")
        // Knowing the fingerprint only makes the other key a node of its own.
        let twin = await register(
            connection("d", principal: Principal("key-2")), NodeRegistration(node: nil, fingerprint: "f1"))
        #expect(twin?.kind == .registered)
        #expect(twin?.body["NodeId"]?.string != id)
    }

    @Test func aDeregisteredNodeIsRefusedUntilItIsActivatedAnew() async throws {
        let agent = connection("a", isEmbedded: true)
        var registration = NodeRegistration(node: nil, fingerprint: "f1")
        let id = try #require(await register(agent, registration)?.body["NodeId"]?.string)
        _ = try await service.operations.call("ssm:DeregisterManagedInstance", ["InstanceId": .string(id)])
        #expect(link.take(agent).last?.body["Code"] == "InvalidInstanceId")
        #expect(try await nodes().isEmpty)
        registration.node = id
        #expect(await register(agent, registration)?.kind == .refused)
        await #expect(throws: ServiceError.self) {
            try await service.operations.call("ssm:DeregisterManagedInstance", ["InstanceId": .string(id)])
        }
        let activation = try await activate(2)
        registration.activationID = activation.id
        registration.activationCode = activation.code
        let anew = await register(agent, registration)
        #expect(anew?.kind == .registered)
        let second = try #require(anew?.body["NodeId"]?.string)
        #expect(second != id)

        // Not by the same activation once more, though it may register others.
        _ = try await service.operations.call("ssm:DeregisterManagedInstance", ["InstanceId": .string(second)])
        registration.node = second
        #expect(await register(agent, registration)?.body["Code"] == "InvalidInstanceId")
        let other = NodeRegistration(
            node: nil, fingerprint: "f2", activationID: activation.id, activationCode: activation.code)
        #expect(await register(connection("b"), other)?.kind == .registered)
    }

    @Test func malformedRegistrationsAndStrangersAreAnswered() async {
        let stranger = connection("s")
        await service.receive(NodeMessage(.register, [:]), from: stranger)
        #expect(link.take(stranger).last?.body["Code"] == "ValidationException")
        await service.receive(NodeMessage(.heartbeat), from: stranger)
        #expect(link.take(stranger).last?.body["Code"]?.string == NodeMessage.notRegistered)
    }

    // MARK: Pings

    @Test func aSilentNodeLosesItsConnectionAndMayComeBack() async throws {
        let agent = connection("a", isEmbedded: true)
        let registration = NodeRegistration(node: nil, fingerprint: "f1")
        _ = await register(agent, registration)
        for _ in 0..<10 {
            clock.advance(.seconds(30))
            await service.receive(NodeMessage(.heartbeat), from: agent)
            await service.tick()
        }
        #expect(link.heartbeats(to: agent) == 10)
        #expect(try await nodes().first?["PingStatus"] == "Online")
        let lastPing = TestClock.origin + .seconds(300)
        #expect(try await nodes().first?["LastPingDateTime"] == JSON(epoch: lastPing))
        clock.advance(.seconds(99))
        await service.tick()
        #expect(try await nodes().first?["PingStatus"] == "Online")
        clock.advance(.seconds(1))
        await service.tick()
        #expect(try await nodes().first?["PingStatus"] == "ConnectionLost")
        #expect(try await nodes().first?["LastPingDateTime"] == JSON(epoch: lastPing))
        await service.receive(NodeMessage(.heartbeat), from: agent)
        #expect(link.take(agent).last?.body["Code"]?.string == NodeMessage.notRegistered)
        _ = await register(agent, registration)
        #expect(try await nodes().first?["PingStatus"] == "Online")
    }

    @Test func nodesThatDoNotComeBackAfterARestartOfTheServerAreLost() async throws {
        _ = await register(connection("a", isEmbedded: true), NodeRegistration(node: nil, fingerprint: "f1"))
        let restarted = NodeService(
            store: NodeStore(database), account: Account(), authorizer: TestPolicy(), clock: clock, log: quiet)
        clock.advance(.seconds(99))
        await restarted.tick()
        #expect(try await restarted.nodes().first?.pingStatus == .online)
        clock.advance(.seconds(1))
        await restarted.tick()
        #expect(try await restarted.nodes().first?.pingStatus == .connectionLost)
    }

    // MARK: Operations

    @Test func nodesAreFilteredAndPaged() async throws {
        for number in 1...7 {
            _ = await register(
                connection("c\(number)", isEmbedded: true),
                NodeRegistration(node: nil, fingerprint: "f\(number)", agentVersion: "1.\(number % 2)"))
        }
        let page = try await service.operations.call("ssm:DescribeInstanceInformation", ["MaxResults": 5])
        let token = try #require(page["NextToken"])
        #expect(page["InstanceInformationList"]?.array?.count == 5)
        let rest = try await service.operations.call(
            "ssm:DescribeInstanceInformation", ["MaxResults": 5, "NextToken": token])
        #expect(rest["InstanceInformationList"]?.array?.count == 2)
        #expect(rest["NextToken"] == nil)
        #expect(try await nodes(["Filters": [["Key": "AgentVersion", "Values": ["1.1"]]]]).count == 4)
        let id = try #require(try await nodes().first?["InstanceId"])
        _ = try await tags.call(
            "ssm:AddTagsToResource",
            ["ResourceType": "ManagedInstance", "ResourceId": id, "Tags": [["Key": "env", "Value": "prod"]]])
        #expect(try await nodes(["Filters": [["Key": "tag:env", "Values": ["prod", "test"]]]]).count == 1)
        #expect(try await nodes(["Filters": [["Key": "tag:env", "Values": ["test"]]]]).isEmpty)
        #expect(try await nodes(["Filters": [["Key": "tag-key", "Values": ["env"]]]]).count == 1)
        let older: JSON = ["InstanceInformationFilterList": [["key": "AgentVersion", "valueSet": ["1.1"]]]]
        #expect(try await nodes(older).count == 4)
        _ = try await tags.call(
            "ssm:RemoveTagsFromResource",
            ["ResourceType": "ManagedInstance", "ResourceId": id, "TagKeys": ["env"]])
        #expect(try await nodes(["Filters": [["Key": "tag-key", "Values": ["env"]]]]).isEmpty)
    }

    @Test(arguments: [
        (["Filters": [["Key": "PingState", "Values": ["Online"]]]] as JSON, ErrorCode.invalidFilterKey),
        (["NextToken": "x"], .invalidNextToken),
        (["MaxResults": 4], .validation),
        (
            ["Filters": [["Key": "tag-key", "Values": ["a"]], ["Key": "PingStatus", "Values": ["Online"]]]],
            .validation
        ),
    ] as [(JSON, ErrorCode)])
    func wrongQuestionsAreRefused(_ input: JSON, _ code: ErrorCode) async throws {
        let error = await #expect(throws: ServiceError.self) { try await nodes(input) }
        #expect(error?.code == code)
    }

    @Test func activationsAreListedWithoutTheirCodesAndDeleted() async throws {
        let activation = try await activate()
        let list = try await service.operations.call("ssm:DescribeActivations", [:])
        #expect(list["ActivationList"]?.array?.count == 1)
        #expect(!list.text.contains(activation.code))
        let stored: String? = try await database.read { transaction in
            try transaction.queryOne("SELECT code_hash FROM activations") { try $0[0] }
        }
        #expect(stored != nil && stored != activation.code)
        _ = try await service.operations.call("ssm:DeleteActivation", ["ActivationId": .string(activation.id)])
        let error = await #expect(throws: ServiceError.self) {
            try await service.operations.call("ssm:DeleteActivation", ["ActivationId": .string(activation.id)])
        }
        #expect(error?.code == .invalidActivationID)
    }

    @Test func tagsOfOtherResourcesAreRefusedByName() async {
        let error = await #expect(throws: ServiceError.self) {
            try await tags.call(
                "ssm:ListTagsForResource", ["ResourceType": "PatchBaseline", "ResourceId": "x"])
        }
        #expect(error?.code == .invalidResourceType)
        #expect(error?.message.contains("PatchBaseline") == true)
    }
}
