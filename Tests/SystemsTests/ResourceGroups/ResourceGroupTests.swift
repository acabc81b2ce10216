import API
import Core
import Platform
import Storage
import Testing

@testable import Systems

@Suite struct ResourceGroupTests {
    let clock = TestClock()

    private func query(_ text: String) -> JSON { ["Type": "TAG_FILTERS_1_0", "Query": .string(text)] }

    private func node(_ tags: [String: String]) -> ManagedNode {
        ManagedNode(
            id: "mi-1", fingerprint: "f", principal: .local, activationID: nil, iamRole: "", name: "",
            computerName: "", platformType: "Linux", platformName: "", platformVersion: "", agentVersion: "",
            ipAddress: "", registeredAt: clock.now, lastPingAt: clock.now, pingStatus: .online, isRemoved: false,
            tags: tags.map { ManagedNode.Tag(key: $0.key, value: $0.value) })
    }

    @Test(arguments: [
        (#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"env","Values":["prod","test"]}]}"#, true),
        (#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"env","Values":["dev"]}]}"#, false),
        (#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"env"},{"Key":"x"}]}"#, false),
        (#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"env","Values":[]}]}"#, true),
        (#"{"ResourceTypeFilters":["AWS::SSM::ManagedInstance"]}"#, true),
        (#"{"ResourceTypeFilters":["AWS::S3::Bucket"],"TagFilters":[{"Key":"env"}]}"#, false),
    ])
    func allKeysAndAnyValueOfEachChooseTheNode(text: String, isMember: Bool) throws {
        #expect(try ResourceQuery(query(text)).matches(node(["env": "prod", "a": "b"])) == isMember)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"ResourceTypeFilters":[]}"#, #"{"ResourceTypeFilters":["nodes"]}"#,
        #"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":{}}"#,
        #"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Values":["x"]}]}"#,
        #"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"a","Values":[1]}]}"#,
        #"{"ResourceTypeFilters":["AWS::AllSupported"],"StackIdentifier":"x"}"#,
    ])
    func aQueryThatMakesNoSenseIsRefusedWhenItIsGiven(text: String) {
        #expect(throws: ServiceError.self) { try ResourceQuery(query(text)) }
    }

    @Test func aCommandToAGroupGoesToItsMembersOfTheMoment() async throws {
        let server = try await TestServer(memoryDatabase(clock), clock)
        let groups = ResourceGroupOperations(nodes: server.nodes, database: server.database, account: Account())
        let members = try await [server.connect("a"), server.connect("b")]
        _ = try await groups.all.call(
            "resource-groups:CreateGroup",
            [
                "Name": "web",
                "ResourceQuery": query(
                    #"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"role","Values":["web"]}]}"#),
            ], .local)
        let targets: JSON = [["Key": "resource-groups:Name", "Values": ["web"]]]
        #expect(try await server.status(try await server.send(["Targets": targets])) == "NoInstancesInTag")
        let member = members[1]
        try await server.database.maintain { transaction in
            try NodeStore.setTags([ManagedNode.Tag(key: "role", value: "web")], on: member, in: transaction)
        }
        let id = try await server.send(["Targets": targets])
        #expect(server.taken("b", .run).map(\.command) == [id])
        #expect(server.taken("a", .run).isEmpty)
        var narrowed = targets.array ?? []
        narrowed.append(["Key": "resource-groups:ResourceTypeFilters", "Values": ["AWS::S3::Bucket"]])
        let none = try await server.send(["Targets": .array(narrowed)])
        #expect(try await server.status(none) == "NoInstancesInTag")
    }

    @Test func whoMayNotReadTheGroupGetsACommandThatIsDenied() async throws {
        let arn = "arn:aws:resource-groups:us-east-1:123456789012:group/web"
        let database = try memoryDatabase(clock)
        let server = try await TestServer(database, clock, policy: TestPolicy(denied: ["guest \(arn)"]))
        try await server.connect("a")
        let groups = ResourceGroupOperations(nodes: server.nodes, database: database, account: Account())
        _ = try await groups.all.call(
            "resource-groups:CreateGroup",
            ["Name": "web", "ResourceQuery": query(#"{"ResourceTypeFilters":["AWS::AllSupported"]}"#)], .local)
        let id = try await server.send(
            ["Targets": [["Key": "resource-groups:Name", "Values": ["web"]]]],
            OperationContext(principal: Principal("guest")))
        #expect(try await server.status(id) == "AccessDenied")
        #expect(server.taken("a", .run).isEmpty)
    }
}
