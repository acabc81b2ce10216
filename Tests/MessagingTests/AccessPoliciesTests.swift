import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite("Policies of queues and topics") struct AccessPoliciesTests {
    /// Lets a key do what it is allowed to itself.
    private struct Permissions: Authorizer {
        var allowed: Set<String>

        func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
            guard principal == .local || allowed.contains(action) else { throw ServiceError(.accessDenied, "no") }
        }
    }

    private static let key = Principal("app")
    private static let topic = "arn:aws:sns:us-east-1:123456789012:t"

    private func run(_ allowed: Set<String>, _ body: (TestMessaging) async throws -> Void) async throws {
        try await TestMessaging.run(try TestMessaging(authorizer: Permissions(allowed: allowed))) { engine in
            try await engine.queue("q")
            try await engine.call("sns:CreateTopic", ["Name": "t"])
            try await body(engine)
        }
    }

    private func set(_ engine: TestMessaging, _ policy: String) async throws {
        try await engine.call(
            "sqs:SetQueueAttributes", ["QueueUrl": "q", "Attributes": ["Policy": .string(policy)]])
        try await engine.call(
            "sns:SetTopicAttributes",
            ["TopicArn": .string(Self.topic), "AttributeName": "Policy", "AttributeValue": .string(policy)])
    }

    private func policy(_ effect: String, _ principal: String = "arn:aws:iam::123456789012:user/app") -> String {
        let statement: JSON = [
            "Effect": .string(effect), "Principal": ["AWS": .string(principal)],
            "Action": ["SQS:SendMessage", "sns:Publish"], "Resource": "*",
        ]
        return (["Version": "2012-10-17", "Statement": [statement]] as JSON).text
    }

    /// Whether the key may send to the queue and publish to the topic, one message and several; nil where that differs.
    private func maySend(_ engine: TestMessaging, as principal: Principal = key) async -> Bool? {
        let calls: [(String, JSON)] = [
            ("sqs:SendMessage", ["QueueUrl": "q", "MessageBody": "m"]),
            ("sqs:SendMessageBatch", ["QueueUrl": "q", "Entries": [["Id": "a", "MessageBody": "m"]]]),
            ("sns:Publish", ["TopicArn": .string(Self.topic), "Message": "m"]),
            (
                "sns:PublishBatch",
                ["TopicArn": .string(Self.topic), "PublishBatchRequestEntries": [["Id": "a", "Message": "m"]]]
            ),
        ]
        var answers: Set<Bool> = []
        for (operation, input) in calls {
            let error = await refusal { try await engine.call(operation, input, as: principal) }
            #expect(error == nil || error?.code == .accessDenied, "\(operation): \(String(describing: error))")
            answers.insert(error == nil)
        }
        return answers.count == 1 ? answers.first : nil
    }

    @Test("They allow what a key itself may not, and only that")
    func allow() async throws {
        try await run([]) { engine in
            #expect(await maySend(engine) == false)
            try await set(engine, policy("Allow"))
            #expect(await maySend(engine) == true)
            #expect(await maySend(engine, as: Principal("other")) == false)
            let error = await refusal {
                try await engine.call("sqs:ReceiveMessage", ["QueueUrl": "q"], as: Self.key)
            }
            #expect(error?.code == .accessDenied)
            try await set(engine, policy("Allow", "*"))
            #expect(await maySend(engine, as: Principal("other")) == true)
        }
    }

    @Test("What they deny no permission allows, but the administrator needs none, nor do rules, schedules and pipes")
    func deny() async throws {
        try await run(["sqs:SendMessage", "sns:Publish"]) { engine in
            #expect(await maySend(engine) == true, "whoever may send a message may send a batch of them")
            try await set(engine, policy("Deny"))
            #expect(await maySend(engine) == false)
            #expect(await maySend(engine, as: Principal("other")) == true)
            #expect(await maySend(engine, as: .local) == true)
        }
    }

    @Test("One that cannot be read lets no key pass, one without statements says nothing")
    func unreadable() async throws {
        try await run(["sqs:SendMessage", "sns:Publish"]) { engine in
            try await set(engine, #"{"Version":"2012-10-17","Statement":[{"Effect":"Forbid"}]}"#)
            let error = await refusal {
                try await engine.call("sqs:SendMessage", ["QueueUrl": "q", "MessageBody": "m"], as: Self.key)
            }
            #expect(error?.message.contains("Effect must be Allow or Deny") == true, "\(error?.message ?? "")")
            #expect(await maySend(engine) == false)
            #expect(await maySend(engine, as: .local) == true)
            try await set(engine, #"{"Version":"2012-10-17","Statement":[]}"#)
            #expect(await maySend(engine) == true)
        }
    }
}
