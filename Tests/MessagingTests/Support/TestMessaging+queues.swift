import Core
import TestSupport

@testable import Messaging

extension TestMessaging {
    var contents: QueueContents { service.contents }

    func queue(_ name: String, _ attributes: JSON = [:]) async throws {
        var attributes = attributes
        if name.hasSuffix(".fifo") { attributes["FifoQueue"] = "true" }
        try await call("sqs:CreateQueue", ["QueueName": .string(name), "Attributes": attributes])
    }

    @discardableResult
    func send(_ body: String, to queue: String, _ more: JSON = [:]) async throws -> JSON {
        var input = more
        input["QueueUrl"] = .string(queue)
        input["MessageBody"] = .string(body)
        return try await call("sqs:SendMessage", input)
    }

    /// The messages received, with all their attributes.
    func receive(_ queue: String, _ count: Int = 10, _ more: JSON = [:]) async throws -> [JSON] {
        var input = more
        input["QueueUrl"] = .string(queue)
        input["MaxNumberOfMessages"] = .integer(count)
        input["AttributeNames"] = ["All"]
        input["MessageAttributeNames"] = ["All"]
        return try await call("sqs:ReceiveMessage", input)["Messages"]?.array ?? []
    }

    func bodies(_ queue: String, _ count: Int = 10, _ more: JSON = [:]) async throws -> [String] {
        try await receive(queue, count, more).compactMap { $0["Body"]?.string }
    }

    func delete(_ message: JSON, from queue: String) async throws {
        try await call(
            "sqs:DeleteMessage", ["QueueUrl": .string(queue), "ReceiptHandle": message["ReceiptHandle"] ?? .null])
    }

    /// Messages ready, in flight and delayed.
    func counts(_ queue: String) async throws -> [Int] {
        let attributes = try await call(
            "sqs:GetQueueAttributes", ["QueueUrl": .string(queue), "AttributeNames": ["All"]])["Attributes"]
        return ["", "NotVisible", "Delayed"].map {
            Int(attributes?["ApproximateNumberOfMessages\($0)"]?.string ?? "") ?? -1
        }
    }

    /// Lets the once-a-minute upkeep run.
    func upkeep() async throws {
        try await eventually("the upkeep waits") { !clock.alarms.isEmpty }
        let before = clock.alarms
        clock.advance(by: .seconds(60))
        try await eventually("the upkeep has run") { clock.alarms.last.map { $0 > (before.last ?? $0) } ?? false }
    }
}
