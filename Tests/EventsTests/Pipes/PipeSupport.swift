import Core
import Storage
import TestSupport
import Testing

@testable import Events

extension TestEvents {
    static let function = "arn:aws:lambda:us-east-1:123456789012:function:f"

    /// The input of `CreatePipe` from the queue `q`; members of `more` are added.
    static func pipe(_ target: String = topic, _ more: JSON = [:]) -> JSON {
        var input: JSON = ["Name": "p", "Source": .string(queue), "Target": .string(target), "RoleArn": .string(role)]
        for member in more.object ?? JSONObject() { input[member.key] = member.value }
        return input
    }

    static func filter(_ patterns: JSON...) -> JSON {
        ["FilterCriteria": ["Filters": .array(patterns.map { ["Pattern": .string($0.text)] })]]
    }

    /// Makes a queue, whose messages are hidden for a minute once received.
    func queue(_ name: String = "q", _ attributes: JSON = [:]) async throws {
        var all: JSON = ["VisibilityTimeout": "60"]
        for member in attributes.object ?? JSONObject() { all[member.key] = member.value }
        try await call("sqs:CreateQueue", ["QueueName": .string(name), "Attributes": all])
    }

    static func url(_ queue: String) -> JSON { .string("http://localhost/123456789012/\(queue)") }

    func send(_ bodies: String..., to queue: String = "q", group: String? = nil) async throws {
        for body in bodies {
            var input: JSON = ["QueueUrl": TestEvents.url(queue), "MessageBody": .string(body)]
            input["MessageGroupId"] = group.map { .string($0) }
            try await call("sqs:SendMessage", input)
        }
    }

    /// Messages that a queue holds: visible, and in somebody's hands.
    func messageCounts(_ queue: String = "q") async throws -> (visible: JSON?, inFlight: JSON?) {
        let attributes = try await call(
            "sqs:GetQueueAttributes", ["QueueUrl": TestEvents.url(queue), "AttributeNames": ["All"]])["Attributes"]
        return (attributes?["ApproximateNumberOfMessages"], attributes?["ApproximateNumberOfMessagesNotVisible"])
    }

    func isEmpty(_ queue: String = "q") async throws -> Bool {
        let counts = try await messageCounts(queue)
        return counts.visible == "0" && counts.inFlight == "0"
    }

    /// What has been published to topics.
    var published: [JSON] {
        targets.calls.filter { $0.operation == "sns:Publish" }
            .compactMap { $0.input["Message"]?.string.flatMap { try? JSON(parsing: $0) } }
    }

    /// The batches that functions were given.
    var batches: [[JSON]] {
        targets.calls.filter { $0.operation == "lambda:Invoke" }
            .compactMap { $0.input["Payload"]?.string.flatMap { try? JSON(parsing: $0) }?.array }
    }
}
