import API
import Core
import Synchronization
import Testing

@testable import Bus

@Suite struct SubscriptionTests {
    /// The next `count` sequences, whichever topics they are on.
    private func sequences(
        _ messages: inout StreamSubscription.Iterator, _ count: Int
    ) async throws -> [UInt64] {
        var sequences: [UInt64] = []
        for _ in 0..<count { sequences.append(try #require(try await messages.next()).sequence) }
        return sequences
    }

    @Test("A subscriber gets what it missed, then what comes, every message once and in order")
    func backlogThenLive() async throws {
        try await TestBus.run { bus in
            bus.journal.append(Array(repeating: "command/1/", count: 2500), to: nil)
            bus.journal.append(["other/1/"], to: nil)
            let client = try bus.client()
            var messages = try client.subscribe(to: ["command/"], from: .after(100)).makeAsyncIterator()
            #expect(try await sequences(&messages, 2400) == Array(101...2500))
            bus.journal.append(["command/2/", "other/1/", "command/1/"], to: bus.stream, body: "{\"n\":1}")
            let message = try await messages.next()
            #expect(message?.topic == "command/2/")
            #expect(message?.sequence == 2502)
            #expect(message?.previousSequence == 0)
            #expect(message?.body == ["n": 1])
            #expect(try await sequences(&messages, 1) == [2504])
            await client.close()
            #expect(try await messages.next() == nil)
        }
    }

    @Test("Publishing while a subscriber reads the backlog loses nothing and repeats nothing")
    func publishingMeanwhile() async throws {
        try await TestBus.run { bus in
            bus.journal.append(Array(repeating: "command/1/", count: 3000), to: nil)
            let client = try bus.client()
            var messages = try client.subscribe(to: ["command/"], from: .after(0)).makeAsyncIterator()
            let publisher = Task {
                for _ in 0..<100 {
                    bus.journal.append(["command/1/", "command/2/", "other/", "command/1/"], to: bus.stream)
                    await Task.yield()
                }
            }
            let seen = try await sequences(&messages, 3300)
            await publisher.value
            #expect(Set(seen).count == 3300)
            #expect(
                Set(seen)
                    == bus.journal.state.withLock { Set($0.entries.filter { $0.topic != "other/" }.map(\.sequence)) })
            await client.close()
        }
    }

    @Test("From now on means without the backlog")
    func fromNow() async throws {
        try await TestBus.run { bus in
            bus.journal.append(["command/1/"], to: bus.stream)
            let client = try bus.client()
            var messages = try client.subscribe(to: ["command/"]).makeAsyncIterator()
            // Only what is published after the subscription is in effect counts, so publish until something comes.
            let publisher = Task {
                while !Task.isCancelled {
                    bus.journal.append(["command/1/"], to: bus.stream)
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            let first = try await sequences(&messages, 1)[0]
            #expect(first > 1)
            #expect(try await sequences(&messages, 3) == [first + 1, first + 2, first + 3])
            publisher.cancel()
            await client.close()
        }
    }

    @Test("A message lost on the way is read from the journal when the next on its topic shows the gap")
    func gap() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            var messages = try client.subscribe(to: [""], from: .after(0)).makeAsyncIterator()
            bus.journal.append(["a/", "b/"], to: bus.stream)
            #expect(try await sequences(&messages, 2) == [1, 2])
            bus.journal.append(["a/", "b/", "c/"], to: nil)
            bus.journal.append(["a/"], to: bus.stream)
            #expect(try await sequences(&messages, 4) == [3, 4, 5, 6])
            await client.close()
        }
    }

    @Test("The last message on a topic, lost on the way, is read when a heartbeat shows that the stream has gone on")
    func lostLast() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            var messages = try client.subscribe(to: ["a/"], from: .after(0)).makeAsyncIterator()
            bus.journal.append(["a/"], to: bus.stream)
            #expect(try await sequences(&messages, 1) == [1])
            bus.journal.append(["a/"], to: nil)
            bus.stream.advance(to: 2)
            #expect(try await sequences(&messages, 1) == [2])
            await client.close()
        }
    }

    @Test("A burst far past every queue on the way reaches a slow subscriber whole", arguments: [1, 50])
    func overflow(queued: Int) async throws {
        try await TestBus.run(.init(streamMessagesQueuedMax: queued)) { bus in
            let client = try bus.client()
            let subscription = try client.subscribe(to: ["command/"], from: .after(0), messagesMax: 20)
            var messages = subscription.makeAsyncIterator()
            bus.journal.append(["command/0/"], to: bus.stream)
            #expect(try await sequences(&messages, 1) == [1])
            let body = "{\"text\":\"\(String(repeating: "x", count: 300))\"}"
            for round in 0..<20 {
                bus.journal.append((0..<100).map { "command/\(($0 + round) % 7)/" }, to: bus.stream, body: body)
            }
            let seen = try await sequences(&messages, 2000)
            #expect(Set(seen) == Set(2...2001))
            // Not all came live, or this proves nothing.
            #expect(bus.journal.state.withLock { $0.readCount } > 2)
            bus.journal.append(["command/1/"], to: bus.stream)
            #expect(try await sequences(&messages, 1) == [2002])
            await client.close()
        }
    }

    @Test("What is published while the server is away reaches the subscriber after it came back")
    func restart() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            var messages = try client.subscribe(to: ["command/"], from: .after(0)).makeAsyncIterator()
            bus.journal.append(["command/1/"], to: bus.stream)
            #expect(try await sequences(&messages, 1) == [1])
            await bus.stop()
            bus.journal.append(["command/1/", "command/2/"], to: nil)
            try await bus.restart()
            #expect(try await sequences(&messages, 2) == [2, 3])
            bus.journal.append(["command/1/"], to: bus.stream)
            #expect(try await sequences(&messages, 1) == [4])
            await client.close()
        }
    }

    @Test("A named subscriber goes on after what it acknowledged")
    func named() async throws {
        try await TestBus.run { bus in
            bus.journal.append(["a/", "a/", "a/"], to: nil)
            let client = try bus.client()
            try await client.acknowledge(2, subscriber: "pager")
            var messages = try client.subscribe(to: ["a/"], from: .named("pager")).makeAsyncIterator()
            #expect(try await sequences(&messages, 1) == [3])
            bus.journal.append(["a/"], to: bus.stream)
            #expect(try await sequences(&messages, 1) == [4])
            await client.close()
        }
    }

    @Test("Another journal, and a start that is no longer retained, are errors")
    func errors() async throws {
        try await TestBus.run { bus in
            bus.journal.append(["a/", "a/", "a/"], to: bus.stream)
            bus.journal.state.withLock { $0.oldest = 3 }
            let client = try bus.client()
            var expired = try client.subscribe(to: ["a/"], from: .after(0)).makeAsyncIterator()
            var error = await #expect(throws: ServiceError.self) { try await expired.next() }
            #expect(error?.code == .sequenceExpired)
            #expect(error?.members["OldestSequence"] == 3)

            var other = try client.subscribe(to: ["a/"], from: .after(2, epoch: "epoch-0")).makeAsyncIterator()
            error = await #expect(throws: ServiceError.self) { try await other.next() }
            #expect(error?.code == .epochChanged)

            var replaced = try client.subscribe(to: ["a/"], from: .after(2, epoch: "epoch-1")).makeAsyncIterator()
            #expect(try await sequences(&replaced, 1) == [3])
            bus.journal.state.withLock { $0.epoch = "epoch-2" }
            try await bus.restart()
            error = await #expect(throws: ServiceError.self) { try await replaced.next() }
            #expect(error?.code == .epochChanged)
            await client.close()
        }
    }

    @Test("Without a server the first message is not waited for longer than the client's timeout")
    func noServer() async throws {
        let client = try BusClient(
            endpoint: "ipc:///tmp/opsbus-nowhere-r", streamEndpoint: "ipc:///tmp/opsbus-nowhere-s",
            timeout: .milliseconds(100))
        var messages = try client.subscribe(to: ["a/"]).makeAsyncIterator()
        let error = await #expect(throws: BusError.self) { try await messages.next() }
        #expect(error?.code == .timedOut)
        await client.close()
    }
}
