import API
import Core
import Synchronization
import TestSupport
import Testing

@testable import Bus

@Suite struct CurveTests {
    @Test("Registered keys connect to all three sockets as their principals")
    func registeredKeys() async throws {
        let registered = FakeKeys()
        let server = try CurveKeyPair()
        let alice = try ClientKeys(pair: registered.register("alice"), serverKey: server.publicKey)
        let bob = try ClientKeys(pair: registered.register("a principal with a long name"), serverKey: server.publicKey)
        try await TestBus.run(.init(keys: server, registered: registered)) { bus in
            for (keys, name) in [(alice, "alice"), (bob, "a principal with a long name")] {
                let client = try bus.client(keys: keys)
                #expect(try await client.call("test:WhoAmI") == ["Principal": .string(name)])
                _ = try await client.putEvents([])
                #expect(bus.publisher.requests.last?.principal.name == name)
                var messages = try client.subscribe(to: ["command/"], from: .after(0)).makeAsyncIterator()
                bus.journal.append(["command/1/"], to: bus.stream)
                #expect(try await messages.next()?.topic == "command/1/")
                #expect(bus.authorizer.asked.withLock { $0.contains("\(name) bus:Subscribe command/*") })
                let agent = try NodeClient(endpoint: bus.nodesEndpoint, keys: keys)
                var events = NodeEvents(agent)
                #expect(try await events.next() == .connected)
                #expect(agent.send(NodeMessage(.register)))
                try await eventually("the agent registers") { bus.nodes.connections.last?.principal.name == name }
                await agent.close()
                await client.close()
            }
        }
    }

    /// Who may not connect.
    enum Stranger: String, CaseIterable, Sendable {
        case noKeys, unregisteredKey, otherServerKey
    }

    @Test("No message of a stranger gets through on any socket", arguments: Stranger.allCases)
    func strangers(stranger: Stranger) async throws {
        let registered = FakeKeys()
        let server = try CurveKeyPair()
        let friend = try ClientKeys(pair: registered.register("friend"), serverKey: server.publicKey)
        let keys: ClientKeys? =
            switch stranger {
            case .noKeys: nil
            case .unregisteredKey: try ClientKeys(pair: CurveKeyPair(), serverKey: server.publicKey)
            case .otherServerKey:
                try ClientKeys(pair: registered.register("misled"), serverKey: CurveKeyPair().publicKey)
            }
        try await TestBus.run(.init(keys: server, registered: registered)) { bus in
            let requests = ["events:PutEvents", "events:PutCloudEvents", "ssm:SendCommand", "bus:ReadStream"].map {
                [[UInt8]("OPS1"), [UInt8]("1"), [UInt8]($0), [UInt8]("{}")]
            }
            let nodeMessages = NodeMessage.Kind.allCases.map { NodeFrames.encode(NodeMessage($0)) }
            let subscriptions = ["", "event/", StreamTopic.heartbeat].map { [[1] + [UInt8]($0)] }
            for (kind, endpoint, messages) in [
                (Socket.Kind.dealer, bus.requestsEndpoint, requests), (.dealer, bus.nodesEndpoint, nodeMessages),
                (.xsub, bus.streamEndpoint, subscriptions),
            ] {
                let client = try RawClient(kind, endpoint, keys: keys)
                for message in messages where kind == .dealer { try await client.send(message) }
                var refusals = 0
                try await eventually("the connection is refused twice") {
                    if let change = client.connectionChange() {
                        #expect(change != .connected)
                        refusals += 1
                    }
                    // XSUB takes nothing while it has no connection, and so cannot be blocked either.
                    if kind == .xsub { for message in messages { client.trySend(message) } }
                    return refusals >= 2
                }
                #expect(client.poll() == nil)
            }
            // A friend does the same; only what the friend does shows.
            let client = try bus.client(keys: friend)
            _ = try await client.call("test:Echo")
            var messages = try client.subscribe(to: ["event/"], from: .after(0)).makeAsyncIterator()
            bus.journal.append(["event/1/"], to: bus.stream)
            _ = try await messages.next()
            let agent = try NodeClient(endpoint: bus.nodesEndpoint, keys: friend)
            var events = NodeEvents(agent)
            #expect(try await events.next() == .connected)
            #expect(agent.send(NodeMessage(.heartbeat)))
            try await eventually("the friend's message came") { !bus.nodes.messages.isEmpty }
            #expect(bus.nodes.messages == [NodeMessage(.heartbeat)])
            #expect(bus.operations.calls.withLock { $0.allSatisfy { $0.principal == "friend" } })
            #expect(bus.publisher.requests.isEmpty)
            #expect(bus.authorizer.asked.withLock { $0 } == ["friend bus:Subscribe event/*"])
            await agent.close()
            await client.close()
        }
    }

    @Test("A key registered later is let in, and a client says why it waits until then")
    func liveRegistration() async throws {
        let registered = FakeKeys()
        let server = try CurveKeyPair()
        let pair = try CurveKeyPair()
        try await TestBus.run(.init(keys: server, registered: registered)) { bus in
            let keys = try ClientKeys(pair: pair, serverKey: server.publicKey)
            let agent = try NodeClient(endpoint: bus.nodesEndpoint, keys: keys)
            var events = NodeEvents(agent)
            #expect(try await events.next() == .refused)
            let client = try bus.client(keys: keys)
            let error = await #expect(throws: BusError.self) {
                try await client.call("test:WhoAmI", timeout: .milliseconds(300))
            }
            #expect(error?.code == .keyRefused)
            registered.principals.withLock { $0[pair.publicKey] = Principal("late") }
            #expect(try await client.call("test:WhoAmI") == ["Principal": "late"])
            var event = try await events.next()
            while event == .refused || event == .disconnected { event = try await events.next() }
            #expect(event == .connected)
            await agent.close()
            await client.close()
        }
    }

    @Test("A principal cannot take over another's connection by claiming its routing id")
    func routingIdentifiers() async throws {
        let registered = FakeKeys()
        let server = try CurveKeyPair()
        let alice = try ClientKeys(pair: registered.register("alice"), serverKey: server.publicKey)
        let mallory = try ClientKeys(pair: registered.register("mallory"), serverKey: server.publicKey)
        try await TestBus.run(.init(keys: server, registered: registered)) { bus in
            let victim = try RawClient(.dealer, bus.requestsEndpoint, keys: alice, identity: "alice-1")
            try await victim.send("OPS1", "1", "test:Wait", "{}")
            try await eventually("the request is in flight") { bus.operations.waitingCount == 1 }
            let thief = try RawClient(.dealer, bus.requestsEndpoint, keys: mallory, identity: "alice-1")
            try await eventually("the thief is connected") { thief.connectionChange() == .connected }
            try await thief.send("OPS1", "2", "test:Echo", "{}")
            bus.operations.releaseAll()
            #expect(try await victim.receiveText() == ["OPS1", "1", "200", "{}"])
            #expect(thief.poll() == nil)
        }
    }

    @Test(
        "Beyond this machine nothing is bound without keys",
        arguments: [
            "tcp://*:7401", "tcp://0.0.0.0:7402", "tcp://[::]:7403", "tcp://192.168.1.7:7401", "tcp://eth0:7401",
            "tcp://127.0.0.1.example.org:7401",
        ])
    func refusalToBind(endpoint: String) throws {
        for place in [\BusConfiguration.requestsEndpoint, \.streamEndpoint, \.nodesEndpoint]
            as [WritableKeyPath<BusConfiguration, String> & Sendable]
        {
            var configuration = BusConfiguration()
            configuration[keyPath: place] = endpoint
            let error = #expect(throws: BusError.self) { try BusServer(configuration) }
            #expect(error?.code == .securityRequired)
            #expect(error?.endpoint == endpoint)
            configuration.keys = try CurveKeyPair()
            _ = try BusServer(configuration)
        }
    }
}
