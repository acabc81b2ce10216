import API
import Core
import Storage
import TestSupport
import Testing

@testable import Messaging

@Suite("Topics that deliver to queues") struct SubscriptionTests {
    private static let topic: JSON = "arn:aws:sns:us-east-1:123456789012:t"
    private static let queue: JSON = "arn:aws:sqs:us-east-1:123456789012:q"

    @discardableResult
    private func subscribe(
        _ engine: TestMessaging, to queue: JSON = queue, _ attributes: JSON = [:]
    ) async throws -> JSON {
        try await engine.call(
            "sns:Subscribe",
            ["TopicArn": Self.topic, "Protocol": "sqs", "Endpoint": queue, "Attributes": attributes])
    }

    private func publish(_ engine: TestMessaging, _ message: String, _ more: JSON = [:]) async throws -> JSON {
        var input = more
        input["TopicArn"] = Self.topic
        input["Message"] = .string(message)
        return try await engine.call("sns:Publish", input)
    }

    private func run(_ body: (TestMessaging) async throws -> Void) async throws {
        try await TestMessaging.run { engine in
            try await engine.call("sns:CreateTopic", ["Name": "t"])
            try await engine.queue("q")
            try await body(engine)
        }
    }

    @Test("A published message is in the queue when Publish returns, in the service's envelope")
    func envelope() async throws {
        try await run { engine in
            let subscription = try await subscribe(engine)
            let attributes: JSON = ["k": ["DataType": "Number", "StringValue": "5"]]
            let answer = try await publish(engine, "hello", ["Subject": "s", "MessageAttributes": attributes])
            let body = try JSON(parsing: try await engine.bodies("q")[0])
            let arn = subscription["SubscriptionArn"]?.string ?? ""
            #expect(arn.hasPrefix("arn:aws:sns:us-east-1:123456789012:t:"))
            #expect(
                body == [
                    "Type": "Notification", "MessageId": answer["MessageId"] ?? .null, "TopicArn": Self.topic,
                    "Message": "hello", "Timestamp": "2027-01-15T08:00:00.000Z", "Subject": "s",
                    "MessageAttributes": ["k": ["Type": "Number", "Value": "5"]],
                    "UnsubscribeURL": .string(
                        "http://127.0.0.1:7400/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=\(arn)"),
                ])
        }
    }

    @Test("A raw message is the message, with its attributes beside it")
    func raw() async throws {
        try await run { engine in
            try await subscribe(engine, ["RawMessageDelivery": "true"])
            let attributes: JSON = ["MessageAttributes": ["k": ["StringValue": "v", "DataType": "String"]]]
            _ = try await publish(engine, "hello", attributes)
            let message = try await engine.receive("q")[0]
            #expect(message["Body"] == "hello" && message["MessageAttributes"] == attributes["MessageAttributes"])
        }
    }

    private func subscribe(_ engine: TestMessaging, _ attributes: JSON) async throws {
        try await subscribe(engine, to: Self.queue, attributes)
    }

    @Test("Each protocol gets its own text of a structured message")
    func structure() async throws {
        try await run { engine in
            try await subscribe(engine, ["RawMessageDelivery": "true"])
            _ = try await publish(engine, #"{"default":"d","sqs":"q"}"#, ["MessageStructure": "json"])
            _ = try await publish(engine, #"{"default":"d"}"#, ["MessageStructure": "json"])
            #expect(try await engine.bodies("q") == ["q", "d"])
            let stream = try await engine.published().map { try JSON(parsing: $0.payload)["Message"]?.string }
            #expect(stream == ["d", "d"])
            let error = await refusal { try await publish(engine, "{}", ["MessageStructure": "json"]) }
            #expect(error?.message.hasSuffix("No default entry in JSON message body") == true)
        }
    }

    @Test("Subscribing again answers the same subscription; unsubscribing ends it")
    func subscriptions() async throws {
        try await run { engine in
            let first = try await subscribe(engine)
            #expect(try await subscribe(engine) == first)
            let listed = try await engine.call("sns:ListSubscriptionsByTopic", ["TopicArn": Self.topic])
            #expect(
                listed["Subscriptions"] == [
                    [
                        "SubscriptionArn": first["SubscriptionArn"] ?? .null, "Owner": "123456789012",
                        "Protocol": "sqs", "Endpoint": Self.queue, "TopicArn": Self.topic,
                    ]
                ])
            #expect(try await engine.call("sns:ListSubscriptions") == listed)
            let count = try await engine.call("sns:GetTopicAttributes", ["TopicArn": Self.topic])
            #expect(count["Attributes"]?["SubscriptionsConfirmed"] == "1")
            for _ in 1...2 {
                try await engine.call("sns:Unsubscribe", ["SubscriptionArn": first["SubscriptionArn"] ?? .null])
            }
            _ = try await publish(engine, "a")
            #expect(try await engine.bodies("q").isEmpty)
        }
    }

    @Test(
        "What cannot be subscribed is refused by name",
        arguments: [
            ("http", "https://a.example/", "Endpoint must match the specified protocol"),
            ("https", "https://", "Endpoint Reason: it must be a URL of at most 2048 bytes with a host, without spaces "
                + "or a fragment"),
            ("lambda", "greet", "Invalid parameter: Lambda endpoint ARN"),
            ("email", "a@a.example", "not by email"), ("sms", "+15550100", "not by sms"),
            ("pigeon", "loft", "Amazon SNS does not support this protocol string: pigeon"),
            ("sqs", "q", "Invalid parameter: SQS endpoint ARN"),
            ("sqs", "http://127.0.0.1:7400/123456789012/q", "Invalid parameter: SQS endpoint ARN"),
            ("sqs", "arn:aws:sqs:::q.fifo", "FIFO SQS Queues can not be subscribed to standard SNS topics"),
        ])
    func refused(name: String, endpoint: String, end: String) async throws {
        try await run { engine in
            let error = await refusal {
                try await engine.call(
                    "sns:Subscribe",
                    ["TopicArn": Self.topic, "Protocol": .string(name), "Endpoint": .string(endpoint)])
            }
            #expect(error?.code == .invalidParameter)
            #expect(error?.message.hasSuffix(end) == true, "\(error?.message ?? "")")
        }
    }

    @Test("A queue that cannot take a message has it sent to the subscription's dead-letter queue")
    func deadLetters() async throws {
        try await run { engine in
            try await engine.queue("failed")
            let redrive: JSON = ["RedrivePolicy": #"{"deadLetterTargetArn":"arn:aws:sqs:::failed"}"#]
            try await subscribe(engine, to: "arn:aws:sqs:::gone", redrive)
            try await engine.queue("small", ["MaximumMessageSize": "1024"])
            try await subscribe(engine, to: "arn:aws:sqs:::small", redrive)
            try await subscribe(engine)
            _ = try await publish(engine, String(repeating: "x", count: 1024))
            #expect(try await engine.counts("failed") == [2, 0, 0])
            #expect(try await engine.counts("q") == [1, 0, 0], "others are not held up")
        }
    }

    @Test("A FIFO topic keeps the order of its groups and takes a message once")
    func fifo() async throws {
        try await TestMessaging.run { engine in
            let topic = try await engine.call(
                "sns:CreateTopic",
                ["Name": "t.fifo", "Attributes": ["FifoTopic": "true", "ContentBasedDeduplication": "true"]])
            for name in ["q.fifo", "q"] {
                try await engine.queue(name)
                try await engine.call(
                    "sns:Subscribe",
                    [
                        "TopicArn": topic["TopicArn"] ?? .null, "Protocol": "sqs",
                        "Endpoint": .string("arn:aws:sqs:us-east-1:123456789012:\(name)"),
                        "Attributes": ["RawMessageDelivery": "true"],
                    ])
            }
            var answers: [JSON] = []
            for body in ["1", "2", "1", "3"] {
                answers.append(
                    try await engine.call(
                        "sns:Publish",
                        [
                            "TopicArn": topic["TopicArn"] ?? .null, "Message": .string(body), "MessageGroupId": "g",
                        ]))
            }
            #expect(answers[2] == answers[0])
            let sequences = [answers[0], answers[1], answers[3]].compactMap { $0["SequenceNumber"]?.string }
            #expect(sequences == sequences.sorted() && Set(sequences).count == 3)
            #expect(try await engine.bodies("q.fifo") == ["1", "2", "3"])
            #expect(try await engine.bodies("q") == ["1", "2", "3"])
            let error = await refusal {
                try await engine.call("sns:Publish", ["TopicArn": topic["TopicArn"] ?? .null, "Message": "x"])
            }
            #expect(error?.message == "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
            // What the queue would refuse must not be lost on the way there.
            for name in ["MessageGroupId", "MessageDeduplicationId"] {
                var input: JSON = ["TopicArn": topic["TopicArn"] ?? .null, "Message": "x", "MessageGroupId": "g"]
                input[name] = "two words"
                let message = input
                let error = await refusal { try await engine.call("sns:Publish", message) }
                #expect(error?.message.hasPrefix("Invalid parameter: \(name) Reason:") == true, "\(name)")
            }
        }
    }

    @Test("A batch is published whole; what is wrong with one entry is told of that one")
    func batch() async throws {
        try await run { engine in
            try await subscribe(engine, ["RawMessageDelivery": "true"])
            let output = try await engine.call(
                "sns:PublishBatch",
                [
                    "TopicArn": Self.topic,
                    "PublishBatchRequestEntries": [
                        ["Id": "a", "Message": "1"], ["Id": "b", "Message": ""], ["Id": "c", "Message": "3"],
                        ["Id": "d", "Message": "4", "MessageAttributes": ["x": ["DataType": "Text"]]],
                    ],
                ])
            #expect((output["Successful"]?.array ?? []).map { $0["Id"]?.string } == ["a", "c"])
            #expect((output["Failed"]?.array ?? []).map { $0["Id"]?.string } == ["b", "d"])
            #expect(
                (output["Failed"]?.array ?? []).map { $0["Code"]?.string } == [
                    "InvalidParameter", "ParameterValueInvalid",
                ])
            #expect(try await engine.bodies("q") == ["1", "3"])
        }
    }

    @Test("The messages of a batch are bounded together, with their attributes")
    func batchSize() async throws {
        try await run { engine in
            func entry(_ id: String, _ bytes: Int) -> JSON {
                [
                    "Id": .string(id), "Message": .string(String(repeating: "x", count: bytes)),
                    // Eight bytes: the name, the type and the value.
                    "MessageAttributes": ["k": ["DataType": "String", "StringValue": "v"]],
                ]
            }
            let half = TopicMessage.bytesMax / 2 - 8
            for (bytes, code) in [(half, nil), (half + 1, ErrorCode.batchRequestTooLong)] as [(Int, ErrorCode?)] {
                let error = await refusal {
                    try await engine.call(
                        "sns:PublishBatch",
                        [
                            "TopicArn": Self.topic,
                            "PublishBatchRequestEntries": [entry("a", half), entry("b", bytes)],
                        ])
                }
                #expect(error?.code == code)
            }
        }
    }

    @Test("A subject has one line", arguments: ["", "a\nb", "a\u{7}", String(repeating: "x", count: 101)])
    func badSubject(subject: String) async throws {
        try await run { engine in
            let error = await refusal { try await publish(engine, "m", ["Subject": .string(subject)]) }
            #expect(error == ServiceError(.invalidParameter, "Invalid parameter: Subject"))
        }
    }

    @Test(
        "What is wrong with an attribute is told, and whether it came with the subscription",
        arguments: [
            ("FilterPolicy", #"{"a":"b"}"#, #"FilterPolicy: "a" must be an object or an array"#),
            ("FilterPolicy", #"{"a":[{"numeric":["<"]}]}"#, "FilterPolicy: "),
            ("FilterPolicy", #"{"a":{"b":["c"]}}"#, "Filter policy scope MessageAttributes does not support nested"),
            ("FilterPolicyScope", "Subject", "FilterPolicyScope: Invalid value [Subject]."),
            ("RawMessageDelivery", "yes", "RawMessageDelivery: Invalid value [yes]. Must be true or false."),
            ("RedrivePolicy", "{}", "RedrivePolicy: deadLetterTargetArn must be"),
            ("ReplayPolicy", "{}", "AttributeName: OpsBus has no ReplayPolicy"), ("Colour", "red", "AttributeName"),
        ])
    func badAttribute(name: String, value: String, reason: String) async throws {
        try await run { engine in
            var attributes: JSON = [:]
            attributes[name] = .string(value)
            let given = attributes
            let onSubscribe = await refusal { try await subscribe(engine, given) }
            let prefix = "Invalid parameter: Attributes Reason: \(reason)"
            #expect(onSubscribe?.message.hasPrefix(prefix) == true, "\(onSubscribe?.message ?? "")")
            let arn = try await subscribe(engine)["SubscriptionArn"] ?? .null
            let onSet = await refusal {
                try await engine.call(
                    "sns:SetSubscriptionAttributes",
                    ["SubscriptionArn": arn, "AttributeName": .string(name), "AttributeValue": .string(value)])
            }
            #expect(onSet?.message.hasPrefix("Invalid parameter: \(reason)") == true, "\(onSet?.message ?? "")")
        }
    }

    @Test("Whether messages are raw may be said in capitals")
    func capitals() async throws {
        try await run { engine in
            try await subscribe(engine, ["RawMessageDelivery": "True"])
            _ = try await publish(engine, "hello")
            #expect(try await engine.bodies("q") == ["hello"])
        }
    }

    @Test(
        "A filter policy lets through what it says",
        arguments: [
            (#"{"store":["a"]}"#, ["1"]), (#"{"store":["a","b"]}"#, ["1", "2"]),
            (#"{"store":["a"],"price":[{"numeric":[">",100]}]}"#, []),
            (#"{"price":[{"numeric":[">=",100,"<",200]}]}"#, ["2"]), (#"{"price":[100.123459]}"#, ["2"]),
            (#"{"tags":["y"]}"#, ["2"]), (#"{"store":[{"exists":false}]}"#, ["3"]),
            (#"{"store":[{"anything-but":"a"}]}"#, ["2"]), (#"{"store":[{"prefix":"a"}]}"#, ["1"]),
            (#"{"$or":[{"store":["a"]},{"tags":["z"]}]}"#, ["1", "2"]), ("{}", ["1", "2", "3"]),
        ])
    func filters(policy: String, passed: [String]) async throws {
        try await run { engine in
            try await subscribe(engine, ["RawMessageDelivery": "true", "FilterPolicy": .string(policy)])
            func text(_ value: String, _ type: String = "String") -> JSON {
                ["DataType": .string(type), "StringValue": .string(value)]
            }
            let first: JSON = ["store": text("a"), "price": text("5", "Number")]
            _ = try await publish(engine, "1", ["MessageAttributes": first])
            _ = try await publish(
                engine, "2",
                [
                    "MessageAttributes": [
                        "store": text("b"), "price": text("100.1234567", "Number"),
                        "tags": text(#"["y","z"]"#, "String.Array"),
                    ]
                ])
            _ = try await publish(
                engine, "3", ["MessageAttributes": ["blob": ["DataType": "Binary", "BinaryValue": "AA=="]]])
            #expect(try await engine.bodies("q") == passed)
        }
    }

    @Test("A filter of the body looks into it, and lets through no body that is no object")
    func bodyFilter() async throws {
        try await run { engine in
            try await subscribe(
                engine,
                [
                    "RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody",
                    "FilterPolicy": #"{"order":{"state":["paid"],"total":[{"numeric":[">",10]}]}}"#,
                ])
            let bodies = [
                #"{"order":{"state":"paid","total":11}}"#, #"{"order":{"state":"paid","total":9}}"#,
                #"{"order":{"state":"open","total":11}}"#, "paid", "[1]",
            ]
            for body in bodies { _ = try await publish(engine, body) }
            #expect(try await engine.bodies("q") == [bodies[0]])
        }
    }

    @Test(
        "What is wrong with a filter policy is told",
        arguments: [
            ("{", "MessageAttributes"), ("[]", "MessageAttributes"), (#"{"a":{"b":["c"]}}"#, "MessageAttributes"),
            (#"{"a":"b"}"#, "MessageBody"), (#"{"a":[{"near":"b"}]}"#, "MessageAttributes"),
            (#"{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}"#, "MessageAttributes"),
            (#"{"a":{"b":{"c":[1,2,3,4]}},"d":{"e":[1,2,3]},"f":[1,2,3]}"#, "MessageBody"),
        ])
    func badFilter(policy: String, scope: String) async throws {
        try await run { engine in
            let error = await refusal {
                try await subscribe(
                    engine, to: Self.queue, ["FilterPolicy": .string(policy), "FilterPolicyScope": .string(scope)])
            }
            #expect(error?.code == .invalidParameter, "\(String(describing: error))")
            let listed = try await engine.call("sns:ListSubscriptions")
            #expect(listed["Subscriptions"] == [])
        }
    }
}
