import API
import Core
import Storage
import TestSupport
import Testing

@testable import Messaging

@Suite("Topics and logs") struct TopicAndLogTests {
    @Test("A topic's messages go to its subscribers, in the service's form")
    func publish() async throws {
        try await TestMessaging.run { engine in
            let made = try await engine.call("sns:CreateTopic", ["Name": "t"])
            #expect(made == ["TopicArn": "arn:aws:sns:us-east-1:123456789012:t"])
            #expect(try await engine.call("sns:CreateTopic", ["Name": "t"]) == made, "one that exists is answered")
            let answer = try await engine.call(
                "sns:Publish", ["TopicArn": "arn:aws:sns:::t", "Message": "hello", "Subject": "s"])
            let entries = try await engine.published()
            #expect(entries.count == 1)
            let entry = try #require(entries.first)
            #expect(entry.kind == .message)
            #expect(
                try JSON(parsing: entry.payload) == [
                    "Type": "Notification", "MessageId": answer["MessageId"] ?? .null,
                    "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "hello",
                    "Timestamp": "2027-01-15T08:00:00.000Z", "Subject": "s",
                ])
        }
    }

    @Test("A message with an id of its own is published once, and the id is kept for two days")
    func repeated() async throws {
        try await TestMessaging.run { engine in
            try await engine.call("sns:CreateTopic", ["Name": "t"])
            let id = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
            let message: JSON = ["TopicArn": "arn:aws:sns:::t", "Message": "m", "OpsBusMessageId": .string(id)]
            for _ in 1...3 { #expect(try await engine.call("sns:Publish", message) == ["MessageId": .string(id)]) }
            #expect(try await engine.published().count == 1)
            try await eventually("the upkeep waits") { !engine.clock.alarms.isEmpty }
            engine.clock.advance(by: .seconds(2 * 86_400 + 60))
            try await eventually("the id is forgotten") {
                try await engine.database.read {
                    try $0.queryOne("SELECT count(*) FROM topic_messages") { try $0[0] as Int } == 0
                }
            }
            try await engine.call("sns:Publish", message)
            #expect(try await engine.published().count == 2, "it is new again")
        }
    }

    @Test(
        "What is wrong with a topic or message is answered as the service answers it",
        arguments: [
            ("sns:Publish", #"{"TopicArn":"arn:aws:sns:us-east-1:123456789012:no","Message":"m"}"#, ErrorCode.notFound,
                "Topic does not exist"),
            ("sns:Publish", #"{"TopicArn":"no","Message":"m"}"#, .invalidParameter,
                "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
            ("sns:DeleteTopic", #"{"TopicArn":"arn:aws:sns:t"}"#, .invalidParameter,
                "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 4"),
            ("sns:Publish", #"{"TopicArn":"arn:aws:sns:eu-west-1:123456789012:t","Message":"m"}"#, .invalidParameter,
                "Invalid parameter: TopicArn Reason: arn:aws:sns:eu-west-1:123456789012:t is no topic here"),
            ("sns:Publish", #"{"TopicArn":"arn:aws:sns:::t","Message":""}"#, .invalidParameter,
                "Invalid parameter: Empty message"),
            ("sns:Publish",
                #"{"TopicArn":"arn:aws:sns:::t","Message":"m","OpsBusMessageId":"\#(String(repeating: "x", count: 36))"}"#,
                .invalidParameter,
                "Invalid parameter: OpsBusMessageId Reason: \(String(repeating: "x", count: 36)) is not a UUID"),
            ("sns:CreateTopic", #"{"Name":"a.b"}"#, .invalidParameter, "Invalid parameter: Topic Name"),
            ("sns:CreateTopic", #"{"Name":""}"#, .invalidParameter, "Invalid parameter: Topic Name"),
            ("sns:CreateTopic", #"{"Name":"\#(String(repeating: "x", count: 257))"}"#, .invalidParameter,
                "Invalid parameter: Topic Name"),
            ("sns:CreateTopic", #"{"Name":"a","Attributes":{"ArchivePolicy":"{}"}}"#, .invalidParameter,
                "Invalid parameter: AttributeName: OpsBus has no ArchivePolicy"),
            ("sns:CreateTopic", #"{"Name":"a","Attributes":{"SQSFailureFeedbackRoleArn":"r"}}"#, .invalidParameter,
                "Invalid parameter: AttributeName: OpsBus has no SQSFailureFeedbackRoleArn"),
            ("sns:CreateTopic", #"{"Name":"a","Attributes":{"Colour":"red"}}"#, .invalidParameter,
                "Invalid parameter: AttributeName"),
            ("sns:SetTopicAttributes",
                #"{"TopicArn":"arn:aws:sns:::t","AttributeName":"DisplayName","AttributeValue":"\#(longName)"}"#,
                .invalidParameter, "Invalid parameter: DisplayName: It must be at most 100 characters long"),
            ("sns:TagResource",
                #"{"ResourceArn":"arn:aws:sns:::t","Tags":[{"Key":"a","Value":"b"},{"Key":"a","Value":"c"}]}"#,
                .invalidParameter, "Invalid parameter: Duplicated keys are not allowed."),
        ])
    func errors(operation: String, input: String, code: ErrorCode, message: String) async throws {
        try await TestMessaging.run { engine in
            try await engine.call("sns:CreateTopic", ["Name": "t"])
            let error = await refusal { try await engine.call(operation, JSON(parsing: input)) }
            #expect(error?.code == code, "\(String(describing: error))")
            #expect(error?.message == message)
        }
    }

    private static let longName = String(repeating: "x", count: 101)

    @Test("A message is counted in bytes: the limit passes, one more is too long", arguments: ["x", "é"])
    func size(character: String) async throws {
        try await TestMessaging.run { engine in
            try await engine.call("sns:CreateTopic", ["Name": "t"])
            let text = String(repeating: character, count: (256 << 10) / character.utf8.count)
            try await engine.call("sns:Publish", ["TopicArn": "arn:aws:sns:::t", "Message": .string(text)])
            let error = await refusal {
                try await engine.call("sns:Publish", ["TopicArn": "arn:aws:sns:::t", "Message": .string(text + "x")])
            }
            #expect(error?.code == .invalidParameter && error?.message == "Invalid parameter: Message too long")
        }
    }

    @Test("Topics are listed in pages; a deleted one is gone, and deleting it again is no error")
    func list() async throws {
        try await TestMessaging.run { engine in
            for number in 100..<250 { try await engine.call("sns:CreateTopic", ["Name": .string("t\(number)")]) }
            let first = try await engine.call("sns:ListTopics")
            let rest = try await engine.call("sns:ListTopics", ["NextToken": first["NextToken"] ?? .null])
            let all = (first["Topics"]?.array ?? []) + (rest["Topics"]?.array ?? [])
            #expect(first["Topics"]?.array?.count == 100 && rest["NextToken"] == nil)
            #expect(
                all == (100..<250).map { ["TopicArn": .string("arn:aws:sns:us-east-1:123456789012:t\($0)")] })
            for _ in 1...2 { try await engine.call("sns:DeleteTopic", ["TopicArn": "arn:aws:sns:::t100"]) }
            let error = await refusal {
                try await engine.call("sns:Publish", ["TopicArn": "arn:aws:sns:::t100", "Message": "m"])
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test("Lines of a log group come oldest first, or the newest of them, and once for a token")
    func log() async throws {
        try await TestMessaging.run { engine in
            func put(_ messages: [String], token: String? = nil) async throws {
                var input: JSON = [
                    "logGroupName": "/ops", "logStreamName": "s",
                    "logEvents": .array(messages.map { ["timestamp": 1_800_000_000_000, "message": .string($0)] }),
                ]
                input["OpsBusToken"] = token.map { .string($0) }
                try await engine.call("logs:PutLogEvents", input)
            }
            func lines(_ more: JSON = [:]) async throws -> [String] {
                var input = more
                if input["logGroupName"] == nil { input["logGroupName"] = "/ops" }
                let found = try await engine.call("logs:FilterLogEvents", input)
                return (found["events"]?.array ?? []).compactMap { $0["message"]?.string }
            }
            try await put(["a", "b"], token: "t1")
            try await put(["a", "b"], token: "t1")
            try await put(["c"], token: "t2")
            #expect(try await lines() == ["a", "b", "c"])
            #expect(try await lines(["limit": 2]) == ["a", "b"])
            #expect(try await lines(["limit": 2, "startFromHead": false]) == ["c", "b"])
            let bad = await refusal { try await engine.call("logs:FilterLogEvents", ["logGroupName": "a b"]) }
            #expect(bad?.code == .validation)
        }
    }

    @Test("A log group keeps its newest hundred thousand lines")
    func trimmedLog() async throws {
        try await TestMessaging.run { engine in
            for batch in 1...11 {
                let events = (1...10_000).map { number -> JSON in
                    ["timestamp": 0, "message": .string("\(batch)/\(number)")]
                }
                try await engine.call(
                    "logs:PutLogEvents",
                    [
                        "logGroupName": "g", "logStreamName": "s", "logEvents": .array(events),
                        "OpsBusToken": .string("\(batch)"),
                    ])
            }
            let kept = try await engine.database.read { transaction in
                try transaction.query("SELECT min(id), count(*) FROM log_events") { row -> [Int] in
                    [try row[0], try row[1]]
                }
            }
            #expect(kept == [[10_001, 100_000]])
        }
    }
}
