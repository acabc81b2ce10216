import API
import Core
import Synchronization
import TestSupport
import Testing

@testable import Bus

@Suite struct StreamServerTests {
    @Test("A subscriber gets what begins with its prefix, with both sequences, and nothing else")
    func prefixes() async throws {
        try await TestBus.run { bus in
            let client = try await RawClient.subscriber(bus.streamEndpoint, to: "event/default/billing/")
            let topics = [
                "event/default/billing/Paid/", "event/default/billingX/Paid/", "command/1/",
                "event/default/billing/Paid/",
            ]
            bus.journal.append(topics, to: bus.stream, body: "{\"a\":1}")
            let first = try await client.receiveStreamFrames()
            #expect(first.map(\.count) == [27, 16, 7])
            #expect(first[0].text == topics[0])
            #expect(first[1] == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
            #expect(first[2].text == "{\"a\":1}")
            let second = try await client.receiveStreamFrames()
            #expect(second[1] == [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1])
        }
    }

    @Test(
        "The first heartbeat comes at once and every later one within the second, with the last sequence and the epoch")
    func heartbeats() async throws {
        try await TestBus.run { bus in
            bus.journal.append(["command/1/"], to: bus.stream)
            let client = try RawClient(.sub, bus.streamEndpoint, subscriptions: [StreamTopic.heartbeat])
            let first = try await client.receive()
            #expect(first[0].text == "system/heartbeat/")
            #expect(first[1] == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1])
            let body = try JSON(parsing: first[2])
            #expect(body["Epoch"] == "epoch-1")
            #expect(body["Sequence"] == 1)
            #expect(body["Time"]?.timestamp != nil)
            bus.stream.advance(to: 17)
            let start = ContinuousClock.now
            while try await client.receiveHeartbeat()["Sequence"] != 17 {}
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("What nobody subscribes to is not even queued")
    func nobodySubscribes() async throws {
        try await TestBus.run { bus in
            #expect(!bus.stream.hasSubscribers)
            bus.journal.append(["command/1/"], to: bus.stream)
            do {
                let client = try RawClient(.sub, bus.streamEndpoint, subscriptions: ["command/"])
                try await eventually("the subscription came") { bus.stream.hasSubscribers }
                bus.journal.append(["command/1/"], to: bus.stream)
                #expect(try await client.receiveStream().sequence == 2)
            }
            try await eventually("the end of the connection was noticed") { !bus.stream.hasSubscribers }
        }
    }

    @Test("What a subscriber does not read is bounded in bytes, and when it has gone the others get everything again")
    func unreadMessages() async throws {
        try await TestBus.run(.init(streamBytesQueuedMax: 4 << 20)) { bus in
            let body = "{\"text\":\"\(String(repeating: "x", count: 256 << 10))\"}"
            let count = 200
            do {
                let stuck = try await RawClient.subscriber(bus.streamEndpoint, messagesQueuedMax: 10, to: "event/")
                for _ in 0..<count { bus.journal.append(["event/1/"], to: bus.stream, body: body) }
                // Half of them would be 25 MiB, six times the limit; sockets hold some as well.
                try await eventually("most are dropped") { bus.stream.droppedCount > count / 2 }
                _ = stuck.connectionChange()
            }
            try await eventually("the end of the connection was noticed") { !bus.stream.hasSubscribers }
            let reader = try await RawClient.subscriber(bus.streamEndpoint, to: "event/")
            let dropped = bus.stream.droppedCount
            for _ in 0..<count {
                let sent = bus.journal.append(["event/1/"], to: bus.stream, body: body)
                #expect(try await reader.receiveStream().sequence == sent[0].sequence)
            }
            #expect(bus.stream.droppedCount == dropped)
        }
    }

    @Test("One of two subscribers to a prefix may cancel or vanish without the other losing anything")
    func sharedPrefix() async throws {
        try await TestBus.run { bus in
            let stays = try await RawClient.subscriber(bus.streamEndpoint, to: "command/")
            let cancels = try await RawClient.subscriber(bus.streamEndpoint, to: "command/")
            do {
                let vanishes = try await RawClient.subscriber(bus.streamEndpoint, to: "command/", "other/")
                try await eventually("three count") { bus.stream.state.withLock { $0.subscriptions.count == 2 } }
                _ = vanishes.connectionChange()
            }
            try await eventually("one vanished") { bus.stream.state.withLock { $0.subscriptions.count == 1 } }
            try cancels.unsubscribe("command/")
            // A later subscription of the same connection shows that the cancellation has arrived.
            try cancels.subscribe("marker/")
            try await eventually("the marker came") { bus.stream.state.withLock { $0.subscriptions.count == 2 } }
            bus.journal.append(["command/1/", "marker/1/"], to: bus.stream)
            #expect(try await stays.receiveStream().topic == "command/1/")
            #expect(try await cancels.receiveStream().topic == "marker/1/")
        }
    }

    @Test("A subscription is refused by policy, and the connection's others and others' same one are not")
    func authorization() async throws {
        let registered = FakeKeys()
        let server = try CurveKeyPair()
        let alice = try ClientKeys(pair: registered.register("alice"), serverKey: server.publicKey)
        let bob = try ClientKeys(pair: registered.register("bob"), serverKey: server.publicKey)
        let authorizer = FakeAuthorizer { principal, _, resource in
            principal.name == "alice" || !resource.hasPrefix("secret/")
        }
        try await TestBus.run(.init(keys: server, authorizer: authorizer, registered: registered)) { bus in
            let allowed = try await RawClient.subscriber(bus.streamEndpoint, keys: alice, to: "secret/", "open/")
            for _ in 0..<2 {
                let refused = try await RawClient.subscriber(bus.streamEndpoint, keys: bob, to: "secret/", "open/")
                bus.journal.append(["secret/1/", "open/1/"], to: bus.stream)
                #expect(try await refused.receiveStream().topic == "open/1/")
                #expect(try await allowed.receiveStream().topic == "secret/1/")
                #expect(try await allowed.receiveStream().topic == "open/1/")
                // Cancelling what was refused takes nothing from those who have it.
                try refused.unsubscribe("secret/")
                try refused.subscribe("marker/")
                try await eventually("the marker came") {
                    authorizer.asked.withLock { $0.last == "bob bus:Subscribe marker/*" }
                }
            }
            bus.journal.append(["secret/2/"], to: bus.stream)
            #expect(try await allowed.receiveStream().topic == "secret/2/")
            #expect(authorizer.asked.withLock { $0.contains("alice bus:Subscribe secret/*") })
            #expect(!authorizer.asked.withLock { $0.contains { $0.contains("heartbeat") } })
        }
    }

    @Test("Odd things sent up the stream socket do no harm")
    func upstreamMessages() async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.xsub, bus.streamEndpoint)
            for junk: [[UInt8]] in [[[]], [[2, 3]], [[0]], [[0, 65]], [[1, 0xFF, 0xFE]], [[9], [8], [7]]] {
                try await client.send(junk)
            }
            try await client.send([[1] + [UInt8]("command/")])
            try await client.send([[1] + [UInt8](StreamTopic.heartbeat)])
            _ = try await client.receiveHeartbeat()
            bus.journal.append(["command/1/"], to: bus.stream)
            #expect(try await client.receiveStream().sequence == 1)
        }
    }
}
