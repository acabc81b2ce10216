import API
import Core
import Storage
import TestSupport
import Testing

@testable import Messaging

@Suite("FIFO queues") struct FIFOQueueTests {
    private func send(
        _ body: String, _ group: String, _ engine: TestMessaging, _ more: JSON = [:]
    ) async throws -> JSON {
        var more = more
        more["MessageGroupId"] = .string(group)
        if more["MessageDeduplicationId"] == nil { more["MessageDeduplicationId"] = .string("\(group)/\(body)") }
        return try await engine.send(body, to: "q.fifo", more)
    }

    @Test("While one of a group is in flight the rest of it waits, and other groups go on")
    func groups() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo")
            for (body, group) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", "a"), ("5", "b")] {
                _ = try await send(body, group, engine)
            }
            let first = try await engine.receive("q.fifo", 1)
            #expect(first.map { $0["Body"]?.string } == ["1"])
            #expect(try await engine.bodies("q.fifo") == ["3", "5"], "all of the other group, in its order")
            #expect(try await engine.bodies("q.fifo").isEmpty)
            try await engine.delete(first[0], from: "q.fifo")
            let rest = try await engine.receive("q.fifo")
            #expect(rest.map { $0["Body"]?.string } == ["2", "4"])
            try await engine.delete(rest[1], from: "q.fifo")
            #expect(try await engine.bodies("q.fifo").isEmpty, "one of the group is still in flight")
            engine.clock.advance(by: .seconds(30))
            #expect(try await engine.bodies("q.fifo") == ["2", "3", "5"])
        }
    }

    @Test("A message that comes back is received before those behind it")
    func comesBack() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo")
            for body in ["1", "2", "3"] { _ = try await send(body, "a", engine) }
            let received = try await engine.receive("q.fifo", 2)
            try await engine.call(
                "sqs:ChangeMessageVisibility",
                [
                    "QueueUrl": "q.fifo", "ReceiptHandle": received[0]["ReceiptHandle"] ?? .null,
                    "VisibilityTimeout": 0,
                ])
            #expect(try await engine.bodies("q.fifo").isEmpty, "the second one is in flight")
            try await engine.delete(received[1], from: "q.fifo")
            #expect(try await engine.bodies("q.fifo") == ["1", "3"])
        }
    }

    @Test("A receipt that has expired deletes nothing")
    func expiredReceipt() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo")
            _ = try await send("1", "a", engine)
            let received = try await engine.receive("q.fifo")
            engine.clock.advance(by: .seconds(31))
            let error = await refusal {
                try await engine.call(
                    "sqs:DeleteMessage",
                    ["QueueUrl": "q.fifo", "ReceiptHandle": received[0]["ReceiptHandle"] ?? .null])
            }
            #expect(error?.message.hasSuffix("Reason: The receipt handle has expired.") == true)
            #expect(try await engine.bodies("q.fifo") == ["1"])
        }
    }

    @Test("What was sent within five minutes is not taken again, and is answered as it was")
    func deduplication() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo", ["ContentBasedDeduplication": "true"])
            func send(_ body: String, _ more: JSON = [:]) async throws -> JSON {
                var more = more
                more["MessageGroupId"] = "g"
                return try await engine.send(body, to: "q.fifo", more)
            }
            let first = try await send("a")
            engine.clock.advance(by: .seconds(299))
            #expect(try await send("a") == first, "id and sequence number are those of the first")
            #expect(
                try await send("b", ["MessageDeduplicationId": .string(sha256(Array("a".utf8)))])["MessageId"]
                    == first["MessageId"])
            let second = try await send("b")
            #expect(second["SequenceNumber"]?.string ?? "" > first["SequenceNumber"]?.string ?? "")
            #expect(first["SequenceNumber"]?.string?.count == 20)
            let received = try await engine.receive("q.fifo")
            #expect(received.map { $0["Body"]?.string } == ["a", "b"])
            for message in received { try await engine.delete(message, from: "q.fifo") }
            engine.clock.advance(by: .seconds(1))
            #expect(try await send("a")["MessageId"] != first["MessageId"], "five minutes are over")
        }
    }

    @Test("Where groups tell messages apart, the same id counts in each")
    func deduplicationInGroups() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo", ["DeduplicationScope": "messageGroup"])
            for group in ["a", "b", "a"] {
                _ = try await send("x", group, engine, ["MessageDeduplicationId": "1"])
            }
            #expect(try await engine.counts("q.fifo") == [2, 0, 0])
        }
    }

    @Test("A receiver that got no answer asks again by the id of its attempt, and is given the same")
    func attempt() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo")
            for body in ["1", "2", "3"] { _ = try await send(body, "a", engine) }
            let attempt: JSON = ["ReceiveRequestAttemptId": "try-1"]
            let first = try await engine.receive("q.fifo", 2, attempt)
            engine.clock.advance(by: .seconds(20))
            let again = try await engine.receive("q.fifo", 2, attempt)
            #expect(again == first && first.count == 2)
            engine.clock.advance(by: .seconds(29))
            #expect(try await engine.bodies("q.fifo", 10, ["ReceiveRequestAttemptId": "try-2"]).isEmpty)
            engine.clock.advance(by: .seconds(1))
            #expect(try await engine.bodies("q.fifo", 10, attempt) == ["1", "2", "3"])
        }
    }

    @Test("A group whose first message failed goes on without it; in the dead-letter queue the order is kept")
    func deadLetters() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("failed.fifo")
            try await engine.queue(
                "q.fifo",
                [
                    "VisibilityTimeout": "1",
                    "RedrivePolicy": #"{"deadLetterTargetArn":"arn:aws:sqs:::failed.fifo","maxReceiveCount":1}"#,
                ])
            for body in ["1", "2", "3"] { _ = try await send(body, "a", engine) }
            for body in ["1", "2"] {
                #expect(try await engine.bodies("q.fifo", 1) == [body])
                engine.clock.advance(by: .seconds(1))
            }
            #expect(try await engine.bodies("q.fifo", 1) == ["3"])
            #expect(try await engine.bodies("failed.fifo") == ["1", "2"])
            #expect(try await engine.counts("q.fifo") == [0, 1, 0])
        }
    }

    @Test("A delayed queue delays each message, and keeps the order")
    func delay() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo", ["DelaySeconds": "10"])
            _ = try await send("1", "a", engine)
            engine.clock.advance(by: .seconds(5))
            _ = try await send("2", "a", engine)
            #expect(try await engine.counts("q.fifo") == [0, 0, 2])
            engine.clock.advance(by: .seconds(5))
            #expect(try await engine.bodies("q.fifo") == ["1"])
        }
    }

    /// Receivers that come and go, delete, forget and give back, at random: a group's messages are deleted in the order
    /// in which they were sent, and never two receivers work on one group.
    @Test("Whatever receivers do, the messages of a group are worked off in their order", arguments: 1...8)
    func seeded(seed: UInt64) async throws {
        try await TestMessaging.run { engine in
            var random = SeededGenerator(seed: seed)
            try await engine.queue("q.fifo", ["VisibilityTimeout": "5"])
            var sent: [String: [String]] = [:]
            var done: [String: [String]] = [:]
            var held: [(message: JSON, until: Timestamp)] = []
            var left = 60
            for step in 0..<2000 where left > 0 || !held.isEmpty || sent != done {
                held.removeAll { $0.until <= engine.clock.now }
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where left > 0:
                    let group = ["a", "b", "c"][Int.random(in: 0..<3, using: &random)]
                    _ = try await send("\(step)", group, engine)
                    sent[group, default: []].append("\(step)")
                    left -= 1
                case 1:
                    let busy = Set(held.map { $0.message["Attributes"]?["MessageGroupId"]?.string })
                    let count = Int.random(in: 1...4, using: &random)
                    for message in try await engine.receive("q.fifo", count) {
                        let group = message["Attributes"]?["MessageGroupId"]?.string
                        #expect(!busy.contains(group), "seed \(seed), step \(step): \(group ?? "") is being worked on")
                        held.append((message, engine.clock.now + .seconds(5)))
                    }
                case 2, 3:
                    guard let next = held.first else { continue }
                    held.removeFirst()
                    try await engine.delete(next.message, from: "q.fifo")
                    let group = next.message["Attributes"]?["MessageGroupId"]?.string ?? ""
                    done[group, default: []].append(next.message["Body"]?.string ?? "")
                default: engine.clock.advance(by: .milliseconds(Int.random(in: 100...2500, using: &random)))
                }
            }
            #expect(done == sent, "seed \(seed)")
            #expect(try await engine.counts("q.fifo") == [0, 0, 0])
            let groups = try await engine.database.read {
                try $0.queryOne("SELECT count(*) FROM queue_groups") { try $0[0] as Int }
            }
            #expect(groups == 0)
        }
    }
}
