import API
import Core
import Storage
import TestSupport
import Testing

@testable import Messaging

@Suite("Standard queues") struct StandardQueueTests {
    @Test("A message is received once, hidden, and gone when it is deleted")
    func lifeOfAMessage() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let sent = try await engine.send("hello", to: "q")
            #expect(sent["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592")
            #expect(try await engine.counts("q") == [1, 0, 0])
            let message = try #require(try await engine.receive("q").first)
            #expect(message["MessageId"] == sent["MessageId"] && message["Body"] == "hello")
            #expect(message["MD5OfBody"] == sent["MD5OfMessageBody"])
            #expect(
                message["Attributes"] == [
                    "SenderId": "local", "SentTimestamp": "1800000000000", "ApproximateReceiveCount": "1",
                    "ApproximateFirstReceiveTimestamp": "1800000000000",
                ])
            #expect(try await engine.receive("q").isEmpty, "it is in flight")
            #expect(try await engine.counts("q") == [0, 1, 0])
            try await engine.delete(message, from: "q")
            engine.clock.advance(by: .seconds(31))
            #expect(try await engine.receive("q").isEmpty)
            #expect(try await engine.counts("q") == [0, 0, 0])
        }
    }

    @Test("Messages come in the order in which they were sent, ten at a time at most")
    func order() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            for number in 1...25 { try await engine.send("\(number)", to: "q") }
            var received: [String] = []
            for _ in 1...3 { received += try await engine.bodies("q") }
            #expect(received == (1...25).map(String.init))
        }
    }

    @Test("What is not deleted comes back when its time is over, and counts how often it came")
    func visibility() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["VisibilityTimeout": "10"])
            try await engine.send("a", to: "q")
            let first = try #require(try await engine.receive("q").first)
            engine.clock.advance(by: .seconds(9))
            #expect(try await engine.receive("q").isEmpty)
            engine.clock.advance(by: .seconds(1))
            let second = try #require(try await engine.receive("q").first)
            #expect(second["Attributes"]?["ApproximateReceiveCount"] == "2")
            #expect(second["ReceiptHandle"] != first["ReceiptHandle"])
            // Somebody else has it now: the earlier receiver cannot delete it.
            try await engine.delete(first, from: "q")
            #expect(try await engine.counts("q") == [0, 1, 0])
            engine.clock.advance(by: .seconds(10))
            try await engine.delete(first, from: "q")
            #expect(try await engine.counts("q") == [0, 0, 0], "nobody has it, so an old receipt deletes it")
        }
    }

    @Test("A receiver may hide a message for longer or shorter, up to twelve hours after it came")
    func changeVisibility() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            try await engine.send("a", to: "q")
            let message = try #require(try await engine.receive("q").first)
            func hide(_ seconds: Int) async -> ServiceError? {
                await refusal {
                    try await engine.call(
                        "sqs:ChangeMessageVisibility",
                        [
                            "QueueUrl": "q", "ReceiptHandle": message["ReceiptHandle"] ?? .null,
                            "VisibilityTimeout": .integer(seconds),
                        ])
                }
            }
            #expect(await hide(100) == nil)
            engine.clock.advance(by: .seconds(99))
            #expect(try await engine.receive("q").isEmpty)
            #expect(await hide(43_200)?.code == .invalidParameterValue, "together that is more than twelve hours")
            #expect(await hide(43_201)?.code == .invalidParameterValue)
            #expect(await hide(0) == nil)
            #expect(await hide(10)?.code == .messageNotInflight, "it is visible")
            #expect(try await engine.bodies("q") == ["a"])
        }
    }

    @Test("A delay hides a message first, the message's own before the queue's")
    func delay() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["DelaySeconds": "10"])
            try await engine.send("queue's", to: "q")
            try await engine.send("own", to: "q", ["DelaySeconds": 3])
            try await engine.send("none", to: "q", ["DelaySeconds": 0])
            #expect(try await engine.counts("q") == [1, 0, 2])
            #expect(try await engine.bodies("q") == ["none"])
            #expect(try await engine.counts("q") == [0, 1, 2])
            engine.clock.advance(by: .seconds(3))
            #expect(try await engine.bodies("q") == ["own"])
            engine.clock.advance(by: .seconds(7))
            #expect(try await engine.bodies("q") == ["queue's"])
        }
    }

    @Test("A message that was received too often goes to the dead-letter queue, with its age and count")
    func deadLetters() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("failed")
            try await engine.queue(
                "q",
                [
                    "VisibilityTimeout": "1",
                    "RedrivePolicy":
                        #"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:failed","maxReceiveCount":"2"}"#,
                ])
            let sent = try await engine.send(
                "a", to: "q", ["MessageAttributes": ["k": ["DataType": "String", "StringValue": "v"]]])
            for _ in 1...2 {
                #expect(try await engine.bodies("q") == ["a"])
                engine.clock.advance(by: .seconds(1))
            }
            try await engine.send("b", to: "q")
            #expect(try await engine.bodies("q") == ["b"], "what is behind it is not held up")
            let dead = try #require(try await engine.receive("failed").first)
            #expect(dead["MessageId"] == sent["MessageId"] && dead["MessageAttributes"]?["k"]?["StringValue"] == "v")
            let attributes = dead["Attributes"]
            #expect(attributes?["ApproximateReceiveCount"] == "3" && attributes?["SentTimestamp"] == "1800000000000")
            #expect(attributes?["DeadLetterQueueSourceArn"] == "arn:aws:sqs:us-east-1:123456789012:q")
            #expect(try await engine.counts("q") == [0, 1, 0])
            let sources = try await engine.call("sqs:ListDeadLetterSourceQueues", ["QueueUrl": "failed"])
            #expect(sources == ["queueUrls": ["http://127.0.0.1:7400/123456789012/q"]])
        }
    }

    @Test("Where the dead-letter queue is gone, its messages stay where they are")
    func noDeadLetterQueue() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("failed")
            try await engine.queue(
                "q",
                [
                    "VisibilityTimeout": "0",
                    "RedrivePolicy": #"{"deadLetterTargetArn":"arn:aws:sqs:::failed","maxReceiveCount":1}"#,
                ])
            try await engine.send("a", to: "q")
            try await engine.call("sqs:DeleteQueue", ["QueueUrl": "failed"])
            for _ in 1...5 { #expect(try await engine.bodies("q") == ["a"]) }
        }
    }

    @Test("A message older than its queue keeps them is gone, received or not")
    func retention() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["MessageRetentionPeriod": "60"])
            for number in 1...3 { try await engine.send("\(number)", to: "q") }
            #expect(try await engine.bodies("q", 1) == ["1"])
            engine.clock.advance(by: .seconds(59))
            #expect(try await engine.bodies("q", 1) == ["2"])
            engine.clock.advance(by: .seconds(1))
            #expect(try await engine.bodies("q").isEmpty)
            #expect(try await engine.counts("q") == [0, 0, 0])
        }
    }

    @Test("Purging and deleting let go at once; the rows go later, and none stays")
    func purge() async throws {
        try await TestMessaging.run { engine in
            for name in ["q", "r"] {
                try await engine.queue(name)
                for batch in 1...250 {
                    let entries = (0..<10).map { number -> JSON in
                        ["Id": .string("\(number)"), "MessageBody": .string("\(batch)")]
                    }
                    try await engine.call(
                        "sqs:SendMessageBatch", ["QueueUrl": .string(name), "Entries": .array(entries)])
                }
            }
            try await engine.call("sqs:PurgeQueue", ["QueueUrl": "q"])
            #expect(try await engine.counts("q") == [0, 0, 0])
            #expect(try await engine.receive("q").isEmpty)
            let again = await refusal { try await engine.call("sqs:PurgeQueue", ["QueueUrl": "q"]) }
            #expect(again?.message == "Only one PurgeQueue operation on q is allowed every 60 seconds.")
            try await engine.send("new", to: "q")
            try await engine.call("sqs:DeleteQueue", ["QueueUrl": "r"])
            let gone = await refusal { try await engine.call("sqs:ReceiveMessage", ["QueueUrl": "r"]) }
            #expect(gone?.code == .queueDoesNotExist)
            try await engine.upkeep()
            try await eventually("only the new message is left") {
                try await engine.database.read {
                    try $0.queryOne("SELECT count(*) FROM queue_messages") { try $0[0] as Int } == 1
                }
            }
            #expect(try await engine.bodies("q") == ["new"])
            try await engine.call("sqs:PurgeQueue", ["QueueUrl": "q"])
        }
    }

    @Test("Past 120,000 messages in flight nothing more is handed out")
    func inFlight() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            try await engine.send("one more", to: "q")
            let later = engine.clock.now + .seconds(3600)
            let now = engine.clock.now
            _ = try await engine.database.maintain { transaction in
                let contents = try QueueStore.queue("q", transaction).contents
                try transaction.execute(
                    """
                    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120000)
                    INSERT INTO queue_messages (contents, message_id, body, sender, sent, visible, receives)
                    SELECT ?, n, 'x', 'local', ?, ?, 1 FROM numbers
                    """, contents, now, later)
            }
            let error = await refusal { try await engine.call("sqs:ReceiveMessage", ["QueueUrl": "q"]) }
            #expect(error?.code == .overLimit)
            engine.clock.advance(by: .seconds(3600))
            #expect(try await engine.bodies("q", 1) == ["one more"], "those in flight have come back, behind it")
        }
    }

    @Test("What was sent, received and moved survives the end of the server")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/state.db"
        let clock = ManualClock()
        var engine = try TestMessaging(clock: clock, path: path)
        try await engine.queue("q")
        for body in ["a", "b", "c"] { try await engine.send(body, to: "q") }
        let message = try #require(try await engine.receive("q", 1).first)
        await engine.database.close()

        engine = try TestMessaging(clock: clock, path: path)
        #expect(try await engine.bodies("q") == ["b", "c"], "the first one is still in flight")
        try await engine.delete(message, from: "q")
        clock.advance(by: .seconds(30))
        #expect(try await engine.bodies("q") == ["b", "c"])
        #expect(try await engine.counts("q") == [0, 2, 0])
        await engine.database.close()
    }
}
