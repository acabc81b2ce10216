import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite("Operations of queues") struct QueueOperationsTests {
    @Test(
        "A queue is meant by its name, its ARN or its URL on any host",
        arguments: [
            "q", "arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:sqs:::q", "http://127.0.0.1:7400/123456789012/q",
            "https://sqs.us-east-1.amazonaws.com/123456789012/q",
            "http://localhost:4566/queue/us-east-1/123456789012/q",
            "/123456789012/q", "123456789012/q",
        ])
    func names(url: String) async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            try await engine.send("a", to: url)
            #expect(try await engine.bodies("q") == ["a"])
        }
    }

    @Test(
        "What names no queue of this account is refused",
        arguments: [
            "", "r", "http://host", "http://host/", "http://host/q", "http://host/000000000000/q",
            "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sns:us-east-1:123456789012:q",
        ])
    func noNames(url: String) async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let error = await refusal { try await engine.call("sqs:ReceiveMessage", ["QueueUrl": .string(url)]) }
            #expect(error?.code == .queueDoesNotExist && error?.message == "The specified queue does not exist.")
        }
    }

    @Test("The URL of a queue begins with the address that was called")
    func address() async throws {
        try await TestMessaging.run { engine in
            let made = try await engine.table.call(
                "sqs:CreateQueue", ["QueueName": "q"],
                OperationContext(principal: .local, endpoint: "https://bus.example:7443"))
            #expect(made == ["QueueUrl": "https://bus.example:7443/123456789012/q"])
            #expect(
                try await engine.call("sqs:GetQueueUrl", ["QueueName": "q"])
                    == ["QueueUrl": "http://127.0.0.1:7400/123456789012/q"])
        }
    }

    @Test("A queue that exists is answered to who wants it alike, and to nobody else")
    func createAgain() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["DelaySeconds": "5", "VisibilityTimeout": "30"])
            try await engine.queue("q", ["DelaySeconds": "5"])
            try await engine.queue("q", ["MessageRetentionPeriod": "345600"])
            let error = await refusal {
                try await engine.call(
                    "sqs:CreateQueue", ["QueueName": "q", "Attributes": ["VisibilityTimeout": "31"]])
            }
            #expect(error?.code == .queueNameExists)
            #expect(error?.message.hasSuffix("a different value for attribute VisibilityTimeout") == true)
        }
    }

    @Test("Attributes that are asked for are told, and those that are none are named")
    func attributes() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["DelaySeconds": "5"])
            func get(_ names: JSON) async throws -> JSON {
                try await engine.call("sqs:GetQueueAttributes", ["QueueUrl": "q", "AttributeNames": names])
            }
            #expect(
                try await get(["QueueArn", "DelaySeconds"])
                    == ["Attributes": ["DelaySeconds": "5", "QueueArn": "arn:aws:sqs:us-east-1:123456789012:q"]])
            #expect(try await get([]) == [:])
            #expect(try await get(["KmsMasterKeyId"]) == [:], "it is not set")
            #expect(await refusal { try await get(["Colour"]) }?.message == "Unknown Attribute Colour.")
            try await engine.call(
                "sqs:SetQueueAttributes", ["QueueUrl": "q", "Attributes": ["Policy": #"{"Version":"2012-10-17"}"#]])
            #expect(try await get(["Policy"])["Attributes"]?["Policy"] == #"{"Version":"2012-10-17"}"#)
            try await engine.call("sqs:SetQueueAttributes", ["QueueUrl": "q", "Attributes": ["Policy": ""]])
            #expect(try await get(["Policy"]) == [:])
        }
    }

    @Test(
        "What is wrong with a queue is answered as the service answers it",
        arguments: [
            (#"{"QueueName":"a.b"}"#, ErrorCode.invalidParameterValue),
            (#"{"QueueName":""}"#, .invalidParameterValue),
            (#"{"QueueName":"\#(String(repeating: "x", count: 81))"}"#, .invalidParameterValue),
            (#"{"QueueName":"q.fifo"}"#, .invalidParameterValue),
            (#"{"QueueName":"q","Attributes":{"FifoQueue":"true"}}"#, .invalidParameterValue),
            (#"{"QueueName":"q","Attributes":{"Colour":"red"}}"#, .invalidAttributeName),
            (#"{"QueueName":"q","Attributes":{"ContentBasedDeduplication":"true"}}"#, .invalidAttributeName),
            (#"{"QueueName":"q","Attributes":{"VisibilityTimeout":"43201"}}"#, .invalidAttributeValue),
            (#"{"QueueName":"q","Attributes":{"VisibilityTimeout":"x"}}"#, .invalidAttributeValue),
            (#"{"QueueName":"q","Attributes":{"MaximumMessageSize":"1023"}}"#, .invalidAttributeValue),
            (#"{"QueueName":"q","Attributes":{"Policy":"no"}}"#, .invalidAttributeValue),
            (#"{"QueueName":"q","Attributes":{"RedrivePolicy":"no"}}"#, .invalidAttributeValue),
            (#"{"QueueName":"q","Attributes":{"RedrivePolicy":"{\"maxReceiveCount\":1}"}}"#, .invalidParameterValue),
            (
                #"{"QueueName":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:::no\",\"maxReceiveCount\":1}"}}"#,
                .invalidParameterValue
            ),
            (
                #"{"QueueName":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:::f.fifo\",\"maxReceiveCount\":1}"}}"#,
                .invalidParameterValue
            ),
            (
                #"{"QueueName":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:::shut\",\"maxReceiveCount\":1}"}}"#,
                .invalidParameterValue
            ),
            (
                #"{"QueueName":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:::choosy\",\"maxReceiveCount\":1}"}}"#,
                .invalidParameterValue
            ),
            (#"{"QueueName":"q","Attributes":{"RedriveAllowPolicy":"no"}}"#, .invalidAttributeValue),
            (#"{"QueueName":"q","Attributes":{"RedriveAllowPolicy":"{}"}}"#, .invalidParameterValue),
            (
                #"{"QueueName":"q","Attributes":{"RedriveAllowPolicy":"{\"redrivePermission\":\"some\"}"}}"#,
                .invalidParameterValue
            ),
            (
                #"{"QueueName":"q","Attributes":{"RedriveAllowPolicy":"{\"redrivePermission\":\"byQueue\"}"}}"#,
                .invalidParameterValue
            ),
            (
                #"{"QueueName":"q","Attributes":{"RedriveAllowPolicy":"{\"redrivePermission\":\"denyAll\",\"sourceQueueArns\":[]}"}}"#,
                .invalidParameterValue
            ),
            (
                #"{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true","FifoThroughputLimit":"perMessageGroupId"}}"#,
                .invalidAttributeValue
            ),
        ])
    func refused(input: String, code: ErrorCode) async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("f.fifo")
            try await engine.queue("shut", ["RedriveAllowPolicy": #"{"redrivePermission":"denyAll"}"#])
            let allowed = TestMessaging.redriveAllowed(from: "arn:aws:sqs:::r")
            try await engine.queue("choosy", ["RedriveAllowPolicy": allowed])
            let error = await refusal { try await engine.call("sqs:CreateQueue", JSON(parsing: input)) }
            #expect(error?.code == code, "\(String(describing: error))")
        }
    }

    @Test("A queue that takes the dead letters of some takes theirs")
    func redriveAllowed() async throws {
        try await TestMessaging.run { engine in
            for source in ["arn:aws:sqs:::q", "arn:aws:sqs:us-east-1:123456789012:q"] {
                let allowed = TestMessaging.redriveAllowed(from: source)
                try await engine.queue("dead")
                try await engine.call(
                    "sqs:SetQueueAttributes", ["QueueUrl": "dead", "Attributes": ["RedriveAllowPolicy": allowed]])
                let policy: JSON = ["deadLetterTargetArn": "arn:aws:sqs:::dead", "maxReceiveCount": 1]
                try await engine.queue("q", ["RedrivePolicy": .string(policy.text)])
                try await engine.call("sqs:DeleteQueue", ["QueueUrl": "q"])
            }
        }
    }

    @Test("Queues are listed in pages where pages are asked for")
    func list() async throws {
        try await TestMessaging.run { engine in
            #expect(try await engine.call("sqs:ListQueues") == [:])
            for name in ["b", "a3", "a1", "a2", "c"] { try await engine.queue(name) }
            func names(_ input: JSON) async throws -> ([String], JSON?) {
                let output = try await engine.call("sqs:ListQueues", input)
                let urls = (output["QueueUrls"]?.array ?? []).compactMap(\.string)
                return (urls.compactMap { $0.split(separator: "/").last.map(String.init) }, output["NextToken"])
            }
            #expect(try await names([:]).0 == ["a1", "a2", "a3", "b", "c"])
            let first = try await names(["QueueNamePrefix": "a", "MaxResults": 2])
            #expect(first.0 == ["a1", "a2"])
            let second = try await names(["QueueNamePrefix": "a", "MaxResults": 2, "NextToken": first.1 ?? .null])
            #expect(second.0 == ["a3"] && second.1 == nil)
        }
    }

    @Test("Tags are set, replaced, removed and bounded")
    func tags() async throws {
        try await TestMessaging.run { engine in
            try await engine.call("sqs:CreateQueue", ["QueueName": "q", "tags": ["a": "1"]])
            try await engine.call("sqs:TagQueue", ["QueueUrl": "q", "Tags": ["a": "2", "b": "3"]])
            #expect(try await engine.call("sqs:ListQueueTags", ["QueueUrl": "q"]) == ["Tags": ["a": "2", "b": "3"]])
            try await engine.call("sqs:UntagQueue", ["QueueUrl": "q", "TagKeys": ["a", "none"]])
            #expect(try await engine.call("sqs:ListQueueTags", ["QueueUrl": "q"]) == ["Tags": ["b": "3"]])
            let many = JSONObject((0..<50).map { .init(key: "k\($0)", value: "v") })
            let error = await refusal {
                try await engine.call("sqs:TagQueue", ["QueueUrl": "q", "Tags": .object(many)])
            }
            #expect(error?.message == "Too many tags added for queue q.")
        }
    }
}

extension TestMessaging {
    fileprivate static func redriveAllowed(from source: String) -> JSON {
        .string((["redrivePermission": "byQueue", "sourceQueueArns": [.string(source)]] as JSON).text)
    }
}
