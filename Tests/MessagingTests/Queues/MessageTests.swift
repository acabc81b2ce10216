import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite("What is in a message") struct MessageTests {
    /// Digests as the SDKs compute them.
    @Test("Attributes are digested as SDKs digest them, and received as they were sent")
    func digests() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let attributes: JSON = [
                "timestamp": ["StringValue": "1493147359900", "DataType": "Number.java.lang.Long"]
            ]
            let sent = try await engine.send("derp", to: "q", ["MessageAttributes": attributes])
            #expect(sent["MD5OfMessageBody"] == "58fd9edd83341c29f1aebba81c31e257")
            #expect(sent["MD5OfMessageAttributes"] == "2e2e4876d8e0bd6b8c2c8f556831c349")
            let received = try await engine.receive("q")
            #expect(received[0]["MessageAttributes"] == attributes)
            #expect(received[0]["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"])
        }
    }

    @Test("Binary values count by their bytes; a trace header has a digest of its own")
    func binary() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let sent = try await engine.send(
                "derp", to: "q",
                [
                    "MessageAttributes": [
                        "id": ["DataType": "String", "StringValue": "453ae55e-f03b-21a6-a4b1-70c2e2e8fe71"],
                        "mybin": ["DataType": "Binary", "BinaryValue": "a2VrY2hlYnVrZWs="],
                        "timestamp": ["DataType": "Number.java.lang.Long", "StringValue": "1603134247654"],
                        "contentType": ["DataType": "String", "StringValue": "application/json"],
                    ],
                    "MessageSystemAttributes": ["AWSTraceHeader": ["DataType": "String", "StringValue": "Root=1-2"]],
                ])
            #expect(sent["MD5OfMessageAttributes"] == "049075255ebc53fb95f7f9f3cedf3c50")
            #expect(sent["MD5OfMessageSystemAttributes"] != nil)
            #expect(try await engine.receive("q")[0]["Attributes"]?["AWSTraceHeader"] == "Root=1-2")
        }
    }

    @Test("A receiver gets the attributes that it asks for, by name and by prefix, with their digest")
    func selection() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["VisibilityTimeout": "0"])
            var attributes: JSON = [:]
            for name in ["a.1", "a.2", "b"] { attributes[name] = ["DataType": "String", "StringValue": "v"] }
            try await engine.send("x", to: "q", ["MessageAttributes": attributes])
            for (names, expected) in [
                (["b"], ["b"]), (["a.*"], ["a.1", "a.2"]), (["a.*", "b"], ["a.1", "a.2", "b"]),
                (["All"], ["a.1", "a.2", "b"]), (["none"], []), ([], []),
            ] as [([String], [String])] {
                let output = try await engine.call(
                    "sqs:ReceiveMessage",
                    ["QueueUrl": "q", "MessageAttributeNames": .array(names.map { .string($0) })])
                let message = output["Messages"]?[0]
                #expect(message?["MessageAttributes"]?.object?.keys ?? [] == expected)
                #expect((message?["MD5OfMessageAttributes"] == nil) == expected.isEmpty)
            }
        }
    }

    @Test("Who asks for an attribute that no message has is told so; those of queues are let pass")
    func unknownAttributes() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q.fifo", ["ContentBasedDeduplication": "true"])
            try await engine.send("a", to: "q.fifo", ["MessageGroupId": "g"])
            for member in ["AttributeNames", "MessageSystemAttributeNames"] {
                var input: JSON = ["QueueUrl": "q.fifo"]
                input[member] = ["Colour"]
                let asked = input
                let error = await refusal { try await engine.call("sqs:ReceiveMessage", asked) }
                #expect(error == ServiceError(.invalidAttributeName, "Unknown Attribute Colour."))
            }
            let error = await refusal {
                try await engine.call("sqs:ReceiveMessage", ["QueueUrl": "q.fifo", "ReceiveRequestAttemptId": "a b"])
            }
            #expect(error?.message.hasPrefix("Value a b for parameter ReceiveRequestAttemptId is invalid.") == true)
            let output = try await engine.call(
                "sqs:ReceiveMessage", ["QueueUrl": "q.fifo", "AttributeNames": ["Policy", "SequenceNumber"]])
            #expect(output["Messages"]?[0]?["Attributes"]?.object?.keys == ["SequenceNumber"])
        }
    }

    @Test(
        "What is wrong with a message is answered as the service answers it",
        arguments: [
            (#"{"MessageBody":""}"#, ErrorCode.missingParameter, "The request must contain the parameter MessageBody."),
            (#"{"MessageBody":"a\u0000"}"#, .invalidMessageContents, "Invalid characters found."),
            (#"{"MessageBody":"a","DelaySeconds":901}"#, .invalidParameterValue, "Value 901 for parameter Delay"),
            (#"{"MessageBody":"a","MessageDeduplicationId":"1"}"#, .invalidParameterValue, "Value 1 for parameter"),
            (
                #"{"MessageBody":"a","MessageAttributes":{"ö":{"DataType":"String","StringValue":"x"}}}"#,
                .invalidParameterValue, "The message attribute name 'ö' is invalid."
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"AWS.x":{"DataType":"String","StringValue":"x"}}}"#,
                .invalidParameterValue, "The message attribute name 'AWS.x' is invalid."
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"x":{"DataType":"Text","StringValue":"x"}}}"#,
                .invalidParameterValue, "The message attribute 'x' has an invalid message attribute type"
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"x":{"DataType":"Number","StringValue":"x"}}}"#,
                .invalidParameterValue, "The message attribute 'x' has a value that is not a number"
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"x":{"DataType":"Binary","BinaryValue":"?"}}}"#,
                .serialization, "STRING_VALUE can not be converted to a Blob"
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"x":{"DataType":"String"}}}"#, .invalidParameterValue,
                "The message attribute 'x' must contain a non-empty message attribute value"
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"x":{"DataType":"String","StringValue":"\u0001"}}}"#,
                .invalidParameterValue, "The message attribute 'x' has a value with characters that are not allowed."
            ),
            (
                #"{"MessageBody":"a","MessageAttributes":{"x":{"DataType":"String","StringValue":"v","StringListValues":["v"]}}}"#,
                .invalidParameterValue, "The message attribute 'x' has StringListValues, which are reserved"
            ),
            (
                #"{"MessageBody":"a","OpsBusMessageId":"\#(String(repeating: "x", count: 36))"}"#,
                .invalidParameterValue, "Value xxx"
            ),
        ])
    func refused(input: String, code: ErrorCode, beginning: String) async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            var json = try JSON(parsing: input)
            json["QueueUrl"] = "q"
            let message = json
            let error = await refusal { try await engine.call("sqs:SendMessage", message) }
            #expect(error?.code == code, "\(String(describing: error))")
            #expect(error?.message.hasPrefix(beginning) == true, "\(error?.message ?? "")")
            #expect(try await engine.counts("q") == [0, 0, 0])
        }
    }

    @Test("Body and attributes count together: the limit passes, one byte more is too long")
    func size() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q", ["MaximumMessageSize": "1024"])
            // Eleven bytes: the name, the type and the value.
            let attributes: JSON = ["MessageAttributes": ["name": ["DataType": "String", "StringValue": "v"]]]
            try await engine.send(String(repeating: "é", count: 506) + "x", to: "q", attributes)
            let error = await refusal {
                try await engine.send(String(repeating: "é", count: 507), to: "q", attributes)
            }
            #expect(
                error?.message
                    == "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.")
        }
    }

    @Test("Of a batch the good entries are done and the others are named")
    func batch() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let output = try await engine.call(
                "sqs:SendMessageBatch",
                [
                    "QueueUrl": "q",
                    "Entries": [
                        ["Id": "a", "MessageBody": "1"], ["Id": "b", "MessageBody": "2", "DelaySeconds": 901],
                        ["Id": "c", "MessageBody": "3"],
                    ],
                ])
            #expect((output["Successful"]?.array ?? []).map { $0["Id"]?.string } == ["a", "c"])
            #expect(output["Failed"]?[0]?["Id"] == "b" && output["Failed"]?[0]?["SenderFault"] == true)
            let received = try await engine.receive("q")
            #expect(received.map { $0["Body"]?.string } == ["1", "3"])
            let deleted = try await engine.call(
                "sqs:DeleteMessageBatch",
                [
                    "QueueUrl": "q",
                    "Entries": [
                        ["Id": "x", "ReceiptHandle": "none"],
                        ["Id": "y", "ReceiptHandle": received[0]["ReceiptHandle"] ?? .null],
                    ],
                ])
            #expect(deleted["Successful"] == [["Id": "y"]])
            #expect(deleted["Failed"]?[0]?["Code"] == "ReceiptHandleIsInvalid")
            #expect(try await engine.counts("q") == [0, 1, 0])
        }
    }

    @Test(
        "A batch that is wrong as a whole is refused as a whole",
        arguments: [
            ("[]", ErrorCode.emptyBatchRequest),
            (#"[{"Id":"a","MessageBody":"1"},{"Id":"a","MessageBody":"2"}]"#, .batchEntryIdsNotDistinct),
            (#"[{"Id":"a b","MessageBody":"1"}]"#, .invalidBatchEntryID),
            (
                "[" + (0..<11).map { #"{"Id":"\#($0)","MessageBody":"x"}"# }.joined(separator: ",") + "]",
                .tooManyEntriesInBatchRequest
            ),
            (
                #"[{"Id":"a","MessageBody":"\#(String(repeating: "x", count: 600_000))"},"#
                    + #"{"Id":"b","MessageBody":"\#(String(repeating: "x", count: 600_000))"}]"#, .batchRequestTooLong
            ),
            (#"[{"Id":"a","MessageBody":"1"},{"Id":"b","MessageBody":""}]"#, .missingParameter),
        ])
    func wholeBatch(entries: String, code: ErrorCode) async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let error = await refusal {
                try await engine.call(
                    "sqs:SendMessageBatch", ["QueueUrl": "q", "Entries": JSON(parsing: entries)])
            }
            #expect(error?.code == code, "\(String(describing: error))")
            #expect(try await engine.counts("q") == [0, 0, 0])
        }
    }

    @Test("A message with an id of its own is taken once, for two days")
    func chosenIdentifier() async throws {
        try await TestMessaging.run { engine in
            try await engine.queue("q")
            let id = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
            for _ in 1...3 {
                let sent = try await engine.send("a", to: "q", ["OpsBusMessageId": .string(id)])
                #expect(sent["MessageId"] == .string(id))
                engine.clock.advance(by: .seconds(3600))
            }
            #expect(try await engine.counts("q") == [1, 0, 0])
        }
    }
}
