import Core
import Testing

@testable import Main

struct QueuesCommandTests {
    private static let url = "http://127.0.0.1:7400/123456789012/orders"

    @Test func `Queues are listed with what they hold`() async {
        let connection = FakeConnection([
            "sqs:ListQueues": [["QueueUrls": [.string(Self.url)]]],
            "sqs:GetQueueAttributes": [
                [
                    "Attributes": [
                        "ApproximateNumberOfMessages": "12", "ApproximateNumberOfMessagesNotVisible": "3",
                        "ApproximateNumberOfMessagesDelayed": "0",
                    ]
                ]
            ],
        ])
        let outcome = await opsbus(["queues", "list", "ord"], connection)
        #expect(outcome.lines == ["QUEUE   READY  IN FLIGHT  DELAYED", "orders     12          3        0"])
        #expect(connection.inputs("sqs:ListQueues") == [["QueueNamePrefix": "ord", "MaxResults": 1000]])
        let json = await opsbus(["queues", "list", "--output", "json"], connection)
        #expect(json.output == #"{"QueueUrls":["\#(Self.url)"]}"# + "\n")
        let none = await opsbus(["queues", "list"], FakeConnection(["sqs:ListQueues": [[:]]]))
        #expect(none.output == "There are no queues.\n")
    }

    @Test func `A queue is created with its attributes, a FIFO queue by its name`() async {
        let connection = FakeConnection([
            "sqs:CreateQueue": [["QueueUrl": .string(Self.url)]],
            "sqs:GetQueueAttributes": [["Attributes": ["QueueArn": "arn:aws:sqs:::failed"]]],
        ])
        #expect(await opsbus(["queues", "create", "orders"], connection).output == Self.url + "\n")
        _ = await opsbus(["queues", "create", "o.fifo", "-a", "DelaySeconds=5"], connection)
        _ = await opsbus(["queues", "create", "orders", "--dead-letters", "failed", "--max-receives", "5"], connection)
        #expect(
            connection.inputs("sqs:CreateQueue") == [
                ["QueueName": "orders"],
                ["QueueName": "o.fifo", "Attributes": ["FifoQueue": "true", "DelaySeconds": "5"]],
                [
                    "QueueName": "orders",
                    "Attributes": [
                        "RedrivePolicy": #"{"deadLetterTargetArn":"arn:aws:sqs:::failed","maxReceiveCount":5}"#
                    ],
                ],
            ])
    }

    @Test func `Messages are sent, received and deleted`() async {
        let connection = FakeConnection([
            "sqs:SendMessage": [["MessageId": "m-1"]],
            "sqs:ReceiveMessage": [
                ["Messages": [["Body": "a", "ReceiptHandle": "r1"], ["Body": "b\u{1B}", "ReceiptHandle": "r2"]]], [:],
            ],
            "sqs:DeleteMessageBatch": [[:]], "sqs:PurgeQueue": [[:]], "sqs:DeleteQueue": [[:]],
        ])
        let sent = await opsbus(["queues", "send", "q.fifo", "-", "--group", "g"], connection, input: "text")
        #expect(sent.output == "m-1\n")
        #expect(
            connection.inputs("sqs:SendMessage") == [
                ["QueueUrl": "q.fifo", "MessageBody": "text", "MessageGroupId": "g"]
            ])
        let received = await opsbus(["queues", "receive", "q", "-n", "2", "--delete"], connection)
        #expect(received.output == "a\nb\u{FFFD}\n")
        #expect(
            connection.inputs("sqs:DeleteMessageBatch") == [
                [
                    "QueueUrl": "q",
                    "Entries": [["Id": "0", "ReceiptHandle": "r1"], ["Id": "1", "ReceiptHandle": "r2"]],
                ]
            ])
        let empty = await opsbus(["queues", "receive", "q", "--peek", "--wait", "1"], connection)
        #expect(empty.errors == "opsbus: there is no message\n" && empty.exitCode == .success)
        #expect(connection.inputs("sqs:ReceiveMessage").last?["VisibilityTimeout"] == 0)
        #expect(await opsbus(["queues", "purge", "q"], connection).output == "q is empty\n")
        #expect(await opsbus(["queues", "delete", "q"], connection).output == "q deleted\n")
    }

    @Test func `Functions are registered, listed, run and removed`() async {
        let connection = FakeConnection([
            "functions:RegisterFunction": [["FunctionArn": "arn:f"]], "lambda:DeleteFunction": [[:]],
            "lambda:ListFunctions": [
                ["Functions": [["FunctionName": "f", "Timeout": 3, "Handler": "/bin/f"]], "NextMarker": "f"],
                ["Functions": [["FunctionName": "g", "Timeout": 9, "Handler": "/bin/g", "Description": "d"]]],
            ],
            "lambda:Invoke": [
                ["StatusCode": 200, "Payload": #"{"a":1}"#],
                ["StatusCode": 200, "Payload": "{}", "FunctionError": "Unhandled"], ["StatusCode": 202],
            ],
        ])
        let added = await opsbus(
            ["functions", "add", "f", "/bin/f", "x", "--timeout", "9", "-e", "A=b"], connection)
        #expect(added.output == "arn:f\n")
        #expect(
            connection.inputs("functions:RegisterFunction") == [
                [
                    "FunctionName": "f", "Executable": "/bin/f", "Arguments": ["x"], "Timeout": 9,
                    "Environment": ["A": "b"],
                ]
            ])
        let list = await opsbus(["functions", "list"], connection)
        #expect(list.lines.count == 3 && list.lines[2].hasPrefix("g"))
        let invoked = await opsbus(["functions", "invoke", "f", #"{"n":1}"#], connection)
        #expect(invoked.output == "{\"a\":1}\n" && invoked.exitCode == .success)
        #expect(await opsbus(["functions", "invoke", "f"], connection).exitCode == .failure)
        #expect(await opsbus(["functions", "invoke", "f", "--async"], connection).output.isEmpty)
        #expect(connection.inputs("lambda:Invoke").map { $0["InvocationType"]?.string }
            == ["RequestResponse", "RequestResponse", "Event"])
        #expect(await opsbus(["functions", "remove", "f"], connection).output == "f removed\n")
    }
}
