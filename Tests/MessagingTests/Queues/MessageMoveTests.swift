import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite("Moving dead letters back") struct MessageMoveTests {
    private static let failed: JSON = "arn:aws:sqs:us-east-1:123456789012:failed"

    /// A queue whose messages have all become dead letters.
    private func bury(_ count: Int, _ engine: TestMessaging) async throws {
        try await engine.queue("failed")
        try await engine.queue(
            "q",
            [
                "VisibilityTimeout": "1",
                "RedrivePolicy": #"{"deadLetterTargetArn":"arn:aws:sqs:::failed","maxReceiveCount":1}"#,
            ])
        for number in 1...count { try await engine.send("\(number)", to: "q") }
        for _ in 0..<(count + 9) / 10 { _ = try await engine.receive("q") }
        engine.clock.advance(by: .seconds(1))
        while try await engine.counts("q") != [0, 0, 0] { _ = try await engine.receive("q") }
    }

    private func status(_ engine: TestMessaging) async throws -> JSON? {
        try await engine.call("sqs:ListMessageMoveTasks", ["SourceArn": Self.failed])["Results"]?[0]
    }

    @Test("All go back to where they came from, as new messages")
    func back() async throws {
        try await TestMessaging.run { engine in
            try await bury(25, engine)
            #expect(try await engine.counts("failed") == [25, 0, 0])
            try await engine.call("sqs:StartMessageMoveTask", ["SourceArn": Self.failed])
            try await eventually("they are moved") { try await status(engine)?["Status"] == "COMPLETED" }
            let done = try await status(engine)
            #expect(done?["ApproximateNumberOfMessagesMoved"] == 25 && done?["ApproximateNumberOfMessagesToMove"] == 25)
            #expect(try await engine.counts("failed") == [0, 0, 0])
            let received = try await engine.receive("q")
            #expect(received.map { $0["Body"]?.string } == (1...10).map { "\($0)" })
            #expect(received[0]["Attributes"]?["ApproximateReceiveCount"] == "1", "it starts anew")
        }
    }

    @Test("A rate is kept, a task can be cancelled, and one of a queue runs at a time")
    func rate() async throws {
        try await TestMessaging.run { engine in
            try await bury(20, engine)
            try await engine.queue("other")
            let input: JSON = [
                "SourceArn": Self.failed, "DestinationArn": "arn:aws:sqs:::other", "MaxNumberOfMessagesPerSecond": 8,
            ]
            let task = try await engine.call("sqs:StartMessageMoveTask", input)
            for moved in [8, 16] {
                try await eventually("\(moved) are moved") {
                    try await status(engine)?["ApproximateNumberOfMessagesMoved"] == .integer(moved)
                        && engine.clock.alarms.contains(engine.clock.now + .seconds(1))
                }
                #expect(try await engine.counts("other") == [moved, 0, 0])
                if moved == 8 { engine.clock.advance(by: .seconds(1)) }
            }
            let second = await refusal { try await engine.call("sqs:StartMessageMoveTask", input) }
            #expect(second?.code == .unsupportedOperation)
            let cancelled = try await engine.call(
                "sqs:CancelMessageMoveTask", ["TaskHandle": task["TaskHandle"] ?? .null])
            #expect(cancelled == ["ApproximateNumberOfMessagesMoved": 16])
            #expect(try await status(engine)?["Status"] == "CANCELLED")
            #expect(try await engine.counts("failed") == [4, 0, 0])
        }
    }

    @Test("A task whose queue to move to is gone fails, and says so; the messages stay")
    func failed() async throws {
        try await TestMessaging.run { engine in
            try await bury(3, engine)
            try await engine.call("sqs:DeleteQueue", ["QueueUrl": "q"])
            let redrive = #"{"deadLetterTargetArn":"arn:aws:sqs:::failed","maxReceiveCount":1}"#
            try await engine.queue("r", ["RedrivePolicy": .string(redrive)])
            try await engine.call("sqs:StartMessageMoveTask", ["SourceArn": Self.failed])
            try await eventually("it has failed") { try await status(engine)?["Status"] == "FAILED" }
            #expect(try await status(engine)?["FailureReason"]?.string?.hasPrefix("There is no queue q") == true)
            #expect(try await engine.counts("failed") == [3, 0, 0])
        }
    }

    @Test("Only a queue that is one of dead letters has tasks")
    func refused() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            for (arn, code) in [
                ("arn:aws:sqs:::q", ErrorCode.invalidParameterValue), ("arn:aws:sqs:::no", .resourceNotFound),
                ("no", .resourceNotFound),
            ] {
                let error = await refusal {
                    try await engine.call("sqs:StartMessageMoveTask", ["SourceArn": .string(arn)])
                }
                #expect(error?.code == code, "\(arn)")
            }
        }
    }
}
