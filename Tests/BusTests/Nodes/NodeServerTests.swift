import API
import Core
import Synchronization
import TestSupport
import Testing

@testable import Bus

@Suite struct NodeServerTests {
    @Test("Messages of an agent reach the handler in order, payload and all, and answers reach the agent")
    func roundTrip() async throws {
        try await TestBus.run { bus in
            let agent = try NodeClient(endpoint: bus.nodesEndpoint)
            var events = NodeEvents(agent)
            #expect(try await events.next() == .connected)
            let sent =
                [NodeMessage(.register, ["ComputerName": "web-1"])]
                + (0..<500).map { NodeMessage(.output, ["Offset": .integer($0)], payload: [1, 2, UInt8($0 % 256)]) }
            for message in sent { #expect(agent.send(message)) }
            try await eventually("all came") { bus.nodes.messages.count == sent.count }
            #expect(bus.nodes.messages == sent)
            let connection = bus.nodes.connections[0]
            #expect(bus.nodes.connections.allSatisfy { $0 == connection })
            #expect(connection.principal == .local)
            #expect(!connection.isEmbedded)

            let answers = [NodeMessage(.registered, ["NodeId": "mi-1"]), NodeMessage(.run, ["CommandId": "c"])]
            for answer in answers { #expect(bus.server.nodes.send(answer, to: connection)) }
            #expect(try await events.next() == .message(answers[0]))
            #expect(try await events.next() == .message(answers[1]))
            await agent.close()
            #expect(try await agent.next() == nil)
        }
    }

    struct Malformed: Sendable {
        let frames: [[UInt8]]
        let code: String
    }

    static let malformed: [Malformed] =
        [
            ([[]], "MalformedRequest"),
            ([[UInt8]("OPS2"), [UInt8]("Heartbeat"), [UInt8]("{}")], "MalformedRequest"),
            ([[UInt8]("OPS1")], "MalformedRequest"),
            ([[UInt8]("OPS1"), [UInt8]("Heartbeat")], "MalformedRequest"),
            ([[], [UInt8]("OPS1"), [UInt8]("Heartbeat"), [UInt8]("{}")], "MalformedRequest"),
            ([[UInt8]("OPS1"), [UInt8]("Heartbeat"), [UInt8]("{}"), [], []], "MalformedRequest"),
            ([[UInt8]("OPS1"), [UInt8]("heartbeat"), [UInt8]("{}")], "MalformedRequest"),
            ([[UInt8]("OPS1"), [0xFF, 0xFE], [UInt8]("{}")], "MalformedRequest"),
            ([[UInt8]("OPS1"), [UInt8]("Heartbeat"), []], "SerializationException"),
            ([[UInt8]("OPS1"), [UInt8]("Heartbeat"), [UInt8]("[1]")], "SerializationException"),
            (
                [[UInt8]("OPS1"), [UInt8]("Heartbeat"), [UInt8]("{\"a\":\"") + [0xC0] + [UInt8]("\"}")],
                "SerializationException"
            ),
            (
                [
                    [UInt8]("OPS1"), [UInt8]("Output"), [UInt8]("{}"),
                    Array(repeating: 0, count: Limits.requestBytesMax + 1),
                ],
                "RequestEntityTooLarge"
            ),
        ].map { Malformed(frames: $0, code: $1) }
        + NodeMessage.Kind.allCases.filter { !$0.isFromAgent }.map {
            Malformed(frames: [[UInt8]("OPS1"), [UInt8]($0.rawValue), [UInt8]("{}")], code: "MalformedRequest")
        }

    @Test("A malformed message, or one that only the server sends, is refused by name and the connection lives on")
    func malformedMessages() async throws {
        try await TestBus.run { bus in
            let agent = try RawClient(.dealer, bus.nodesEndpoint)
            for malformed in NodeServerTests.malformed {
                try await agent.send(malformed.frames)
                let reply = try await agent.receive()
                try #require(reply.count == 3)
                #expect(reply[0].text == "OPS1")
                #expect(reply[1].text == "Refused")
                let body = try JSON(parsing: reply[2])
                #expect(body["Code"]?.string == malformed.code, "\(malformed.frames.map { $0.prefix(20) })")
                #expect(body["Message"]?.string?.isEmpty == false)
            }
            #expect(bus.nodes.messages.isEmpty)
            try await agent.send("OPS1", "Heartbeat", "{}")
            try await eventually("the heartbeat came") { bus.nodes.messages == [NodeMessage(.heartbeat)] }
        }
    }

    @Test("Past its limit of waiting messages a connection is refused, and another is served")
    func flooding() async throws {
        let gate = Gate()
        try await TestBus.run(.init(nodes: FakeNodes(gate: gate))) { bus in
            let flooder = try RawClient(.dealer, bus.nodesEndpoint)
            // The first is being handled; the queue takes the limit and refuses what comes after.
            try await flooder.send("OPS1", "Heartbeat", "{}")
            try await eventually("the first is being handled") { bus.nodes.messages.count == 1 }
            for _ in 0..<NodeInbox.messagesMax + 10 { try await flooder.send("OPS1", "Heartbeat", "{}") }
            for _ in 0..<10 {
                let reply = try await flooder.receive()
                #expect(reply[1].text == "Refused")
                #expect(try JSON(parsing: reply[2]) != .null)
            }
            let other = try RawClient(.dealer, bus.nodesEndpoint)
            try await other.send("OPS1", "Accepted", "{}")
            try await eventually("the other is served") { bus.nodes.messages.last?.kind == .accepted }
            gate.open()
            try await eventually("the rest is handled") { bus.nodes.messages.count == NodeInbox.messagesMax + 2 }
        }
    }

    @Test("An agent that does not read is sent to until its queue is full, and loses nothing of what was taken")
    func slowAgent() async throws {
        try await TestBus.run { bus in
            let agent = try RawClient(.dealer, bus.nodesEndpoint, messagesQueuedMax: 10)
            try await agent.send("OPS1", "Register", "{}")
            try await eventually("it registered") { !bus.nodes.connections.isEmpty }
            let connection = bus.nodes.connections[0]
            let payload = [UInt8](repeating: 7, count: 100_000)
            var taken = 0
            // At most a few thousand fit into the queues on the way.
            while taken < 20_000,
                bus.server.nodes.send(NodeMessage(.run, ["N": .integer(taken)], payload: payload), to: connection)
            {
                taken += 1
                if taken.isMultiple(of: 100) { await Task.yield() }
            }
            #expect(taken >= NodeServer.messagesMax)
            #expect(taken < 20_000)
            for number in 0..<taken {
                let message = try await agent.receive()
                try #require(message[2].text == "{\"N\":\(number)}")
            }
            try await eventually("it is sent to again") {
                bus.server.nodes.send(NodeMessage(.heartbeat), to: connection)
            }
        }
    }

    @Test("Sending to a connection that ended is refused once that is known")
    func endedConnection() async throws {
        try await TestBus.run { bus in
            do {
                let agent = try RawClient(.dealer, bus.nodesEndpoint)
                try await agent.send("OPS1", "Register", "{}")
                try await eventually("it registered") { !bus.nodes.connections.isEmpty }
            }
            let connection = bus.nodes.connections[0]
            try await eventually("sending is refused") {
                !bus.server.nodes.send(NodeMessage(.heartbeat), to: connection)
            }
        }
    }

    @Test("An agent notices that the server went away and came back, and sends nothing of old on the new connection")
    func reconnect() async throws {
        try await TestBus.run { bus in
            let agent = try NodeClient(endpoint: bus.nodesEndpoint)
            var events = NodeEvents(agent)
            #expect(try await events.next() == .connected)
            #expect(agent.send(NodeMessage(.register, ["N": 1])))
            try await eventually("it registered") { bus.nodes.messages.count == 1 }
            await bus.stop()
            #expect(try await events.next() == .disconnected)
            #expect(!agent.send(NodeMessage(.output, ["N": 2])))
            try await bus.restart()
            #expect(try await events.next() == .connected)
            #expect(agent.send(NodeMessage(.register, ["N": 3])))
            try await eventually("it registered again") { bus.nodes.messages.count == 2 }
            #expect(bus.nodes.messages.map(\.body) == [["N": 1], ["N": 3]])
            #expect(bus.nodes.connections[0] != bus.nodes.connections[1])
            await agent.close()
        }
    }
}

/// The events of a client one by one.
struct NodeEvents {
    private let client: NodeClient
    private var waiting: ArraySlice<NodeEvent> = []

    init(_ client: NodeClient) { self.client = client }

    mutating func next() async throws -> NodeEvent? {
        if waiting.isEmpty {
            guard let events = try await client.next() else { return nil }
            waiting = events[...]
        }
        return waiting.popFirst()
    }
}
