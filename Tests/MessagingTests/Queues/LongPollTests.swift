import API
import Core
import Storage
import TestSupport
import Testing

@testable import Messaging

@Suite("Waiting for messages") struct LongPollTests {
    private static let wait: JSON = ["WaitTimeSeconds": 20]

    /// Lets `count` calls come to wait. The upkeep sleeps as well.
    private func waiting(_ count: Int, _ engine: TestMessaging) async throws {
        try await eventually("\(count) wait") { engine.clock.alarms.count == count + 1 }
    }

    @Test("Who waits gets a message as soon as it is sent, without the clock moving")
    func arrival() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            async let received = engine.bodies("q", 10, Self.wait)
            try await waiting(1, engine)
            try await engine.send("now", to: "q")
            #expect(try await received == ["now"])
        }
    }

    @Test("A message that becomes visible wakes who waits: delayed, given back or come back")
    func becomesVisible() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["VisibilityTimeout": "7"])
            try await engine.send("a", to: "q", ["DelaySeconds": 5])
            async let delayed = engine.receive("q", 10, Self.wait)
            try await waiting(1, engine)
            engine.clock.advance(by: .seconds(5))
            let first = try await delayed
            #expect(first.count == 1)
            async let comeBack = engine.receive("q", 10, Self.wait)
            try await waiting(1, engine)
            engine.clock.advance(by: .seconds(7))
            let second = try await comeBack
            #expect(second.count == 1)
            async let givenBack = engine.receive("q", 10, Self.wait)
            try await waiting(1, engine)
            try await engine.call(
                "sqs:ChangeMessageVisibility",
                ["QueueUrl": "q", "ReceiptHandle": second[0]["ReceiptHandle"] ?? .null, "VisibilityTimeout": 0])
            #expect(try await givenBack.count == 1)
        }
    }

    @Test("A message whose receiver did not wait wakes who waits when it comes back")
    func takenByAnother() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["VisibilityTimeout": "3"])
            async let received = engine.bodies("q", 10, Self.wait)
            try await waiting(1, engine)
            // The message arrives and is taken before the one who waits looks again.
            try await engine.database.write(.init(principal: .local)) { transaction in
                let queue = try QueueStore.queue("q", transaction)
                _ = try engine.contents.send(OutgoingMessage(body: "a"), to: queue, transaction)
                let look = QueueReceive(contents: engine.contents, gauge: InFlightGauge(), visibility: .seconds(3))
                guard case .messages = try look.look(into: queue, transaction) else { throw CancellationError() }
                try transaction.audit("SendMessage", on: queue.subject, outcome: .success)
            }
            try await eventually("the one who waits knows when it comes back") {
                engine.clock.alarms.contains(engine.clock.now + .seconds(3))
            }
            engine.clock.advance(by: .seconds(3))
            #expect(try await received == ["a"])
        }
    }

    @Test("Where nothing comes, the wait ends when its time is over; the queue's own where none is given")
    func deadline() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["ReceiveMessageWaitTimeSeconds": "4"])
            async let received = engine.bodies("q")
            try await waiting(1, engine)
            engine.clock.advance(by: .seconds(4))
            #expect(try await received.isEmpty)
            #expect(try await engine.bodies("q", 1, ["WaitTimeSeconds": 0]).isEmpty, "this one did not wait")
        }
    }

    @Test("Who does not want to wait looks a moment longer for a message that is on its way")
    func shortPoll() async throws {
        let moment = Duration.milliseconds(Limits.shortPollMilliseconds)
        try await TestMessaging.run(TestMessaging(shortPoll: moment)) { engine in
            try await engine.queue("q")
            async let received = engine.bodies("q")
            try await waiting(1, engine)
            try await engine.send("a", to: "q")
            #expect(try await received == ["a"], "without the clock moving")
            async let nothing = engine.bodies("q", 1, ["WaitTimeSeconds": 0])
            try await waiting(1, engine)
            engine.clock.advance(by: moment)
            #expect(try await nothing.isEmpty)
        }
    }

    @Test("Of many who wait each gets one message, and none is left over")
    func many() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 1...20 { group.addTask { try await engine.bodies("q", 1, Self.wait) } }
                try await waiting(20, engine)
                for number in 1...20 { try await engine.send("\(number)", to: "q") }
                var received: [String] = []
                for try await bodies in group { received += bodies }
                #expect(Set(received).count == 20)
            }
        }
    }

    @Test("A batch is handed on: one takes ten, the next the rest")
    func batch() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            async let first = engine.bodies("q", 4, Self.wait)
            async let second = engine.bodies("q", 4, Self.wait)
            async let third = engine.bodies("q", 4, Self.wait)
            try await waiting(3, engine)
            let entries = (0..<10).map { number -> JSON in ["Id": .string("\(number)"), "MessageBody": "x"] }
            try await engine.call("sqs:SendMessageBatch", ["QueueUrl": "q", "Entries": .array(entries)])
            #expect(try await [first.count, second.count, third.count].sorted() == [2, 4, 4])
        }
    }

    @Test("Who waits for a group hears when it is free")
    func group() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo", ["ContentBasedDeduplication": "true"])
            for body in ["1", "2"] { try await engine.send(body, to: "q.fifo", ["MessageGroupId": "g"]) }
            let first = try await engine.receive("q.fifo", 1)
            async let next = engine.bodies("q.fifo", 1, Self.wait)
            try await waiting(1, engine)
            try await engine.delete(first[0], from: "q.fifo")
            #expect(try await next == ["2"])
        }
    }

    @Test("A queue that is deleted tells who waits for it")
    func deleted() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            async let error = refusal {
                try await engine.call("sqs:ReceiveMessage", ["QueueUrl": "q", "WaitTimeSeconds": 20])
            }
            try await waiting(1, engine)
            try await engine.call("sqs:DeleteQueue", ["QueueUrl": "q"])
            #expect(await error?.code == .queueDoesNotExist)
        }
    }

    @Test("More than can be kept are refused, and who leaves makes room")
    func bounded() throws {
        let waiters = QueueWaiters()
        let all = try (0..<QueueWaiters.waitersMax).map { try waiters.join("q\($0 % 7)") }
        #expect(throws: ServiceError.self) { try waiters.join("q") }
        waiters.leave(all[0])
        #expect(throws: Never.self) { try waiters.join("q") }
    }
}
