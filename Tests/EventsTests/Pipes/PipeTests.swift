import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Pipes: what is in the queue reaches the target") struct PipeTests {
    private let clock = ManualClock()

    private func run(_ body: (TestEvents) async throws -> Void) async throws {
        try await TestEvents.run(try TestEvents(clock: clock), body)
    }

    private func bodies(_ records: [JSON]) -> [JSON?] { records.map { $0["body"] } }

    @Test("A message reaches the target as the service hands it on, and leaves the queue afterwards")
    func record() async throws {
        try await run { engine in
            try await engine.queue()
            try await engine.call("pipes:CreatePipe", TestEvents.pipe())
            try await engine.call(
                "sqs:SendMessage",
                [
                    "QueueUrl": TestEvents.url("q"), "MessageBody": "hello",
                    "MessageAttributes": ["a": ["DataType": "String", "StringValue": "v"]],
                ])
            try await eventually("it is published") { engine.published.count == 1 }
            try await eventually("it is gone") { try await engine.isEmpty() }
            let record = engine.published[0]
            #expect(record["body"] == "hello" && record["eventSource"] == "aws:sqs")
            #expect(record["eventSourceARN"] == .string(TestEvents.queue) && record["awsRegion"] == "us-east-1")
            #expect(record["messageAttributes"]?["a"]?["stringValue"] == "v")
            #expect(record["attributes"]?["ApproximateReceiveCount"] == "1")
            let call = try #require(engine.targets.calls.first)
            #expect(call.context.principal == Principal("pipe/p"))
            try await eventually("it is recorded") { try await engine.audit("RunPipe").count == 1 }
            let execution = try await engine.audit("RunPipe")[0]
            #expect(execution.subject == call.context.cause && execution.cause == Subject(.pipe, "p"))
        }
    }

    @Test("Filters look into bodies that are JSON; what none lets pass leaves the queue unseen")
    func filters() async throws {
        try await run { engine in
            try await engine.queue()
            try await engine.send(
                #"{"kind": "a", "n": 1}"#, #"{"kind": "b"}"#, "no JSON", #"{"kind": "c", "n": 7}"#, "word")
            try await engine.call(
                "pipes:CreatePipe",
                TestEvents.pipe(
                    TestEvents.topic,
                    [
                        "SourceParameters": TestEvents.filter(
                            ["body": ["kind": ["a"]]], ["body": ["n": [["numeric": [">", 5]]]]], ["body": ["word"]])
                    ]))
            try await eventually("all are looked at") { try await engine.isEmpty() }
            #expect(
                bodies(engine.published) == [#"{"kind": "a", "n": 1}"#, #"{"kind": "c", "n": 7}"#, "word"])
        }
    }

    @Test("A function gets a batch; what it reports as failed comes again, and the rest does not")
    func batchItemFailures() async throws {
        try await run { engine in
            try await engine.queue()
            try await engine.send("1", "2", "3")
            engine.targets.answer { call throws(ServiceError) in
                let batch = call.input["Payload"]?.string.flatMap { try? JSON(parsing: $0) }?.array ?? []
                let failed = batch.filter { $0["body"] == "2" && $0["attributes"]?["ApproximateReceiveCount"] == "1" }
                let answer: JSON = [
                    "batchItemFailures": .array(failed.map { ["itemIdentifier": $0["messageId"] ?? .null] })
                ]
                return ["StatusCode": 200, "Payload": .string(answer.text)]
            }
            try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.function))
            try await eventually("one is left") {
                let counts = try await engine.messageCounts()
                return engine.batches.count == 1 && counts.visible == "0" && counts.inFlight == "1"
            }
            try await eventually("it comes again") {
                clock.advance(by: .seconds(10))
                return engine.batches.count == 2
            }
            try await eventually("all are done") { try await engine.isEmpty() }
            #expect(engine.batches.map(bodies) == [["1", "2", "3"], ["2"]])
            let calls = engine.targets.calls.filter { $0.operation == "lambda:Invoke" }
            #expect(calls[0].input["InvocationType"] == "RequestResponse")
            #expect(calls[0].input["OpsBusToken"] != calls[1].input["OpsBusToken"])
        }
    }

    @Test("A target that fails leaves its messages to the queue and its redrive policy, and says so")
    func redrive() async throws {
        try await run { engine in
            try await engine.queue("dead")
            try await engine.queue(
                "q",
                [
                    "RedrivePolicy": .string(
                        #"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:dead","maxReceiveCount":"2"}"#)
                ])
            try await engine.send("poison")
            engine.targets.fail(.resourceNotFound, "no such topic")
            try await engine.call("pipes:CreatePipe", TestEvents.pipe())
            for attempt in 1...2 {
                try await eventually("attempt \(attempt)") { engine.targets.calls.count == attempt }
                try await eventually("it is told") {
                    try await engine.call("pipes:DescribePipe", ["Name": "p"])["StateReason"]?.string?
                        .contains("no such topic") == true
                }
                try await eventually("it waits") { clock.alarms.contains { $0 <= clock.now + .seconds(2) } }
                clock.advance(by: .seconds(61))
            }
            try await eventually("it is dead") {
                clock.advance(by: .seconds(30))
                return try await engine.messageCounts("dead").visible == "1"
            }
            #expect(engine.targets.calls.count == 2)
            #expect(try await engine.audit("RunPipe")[0].outcome == .failure("NO_RESOURCE"))
            engine.targets.succeed()
            try await engine.send("fine")
            try await eventually("the next one passes") {
                clock.advance(by: .seconds(10))
                return engine.published.last?["body"] == "fine"
            }
            try await eventually("the reason is gone") {
                try await engine.call("pipes:DescribePipe", ["Name": "p"])["StateReason"] == nil
            }
        }
    }

    @Test("In a FIFO queue a failed message is not overtaken by those of its group, while other groups go on")
    func order() async throws {
        try await run { engine in
            try await engine.queue("q.fifo", ["FifoQueue": "true", "ContentBasedDeduplication": "true"])
            engine.targets.answer { call throws(ServiceError) in
                let record = call.input["Message"]?.string.flatMap { try? JSON(parsing: $0) }
                if record?["body"] == "a1", record?["attributes"]?["ApproximateReceiveCount"] == "1" {
                    throw ServiceError(.throttling, "busy")
                }
                return [:]
            }
            for (body, group) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")] {
                try await engine.send(body, to: "q.fifo", group: group)
            }
            try await engine.call(
                "pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, ["Source": .string(TestEvents.queue + ".fifo")]))
            try await eventually("the first round is over") { bodies(engine.published) == ["a1", "b1", "b2"] }
            // A message comes again after a minute; the pipe waits for 20 seconds at a time.
            for _ in 1...3 {
                try await eventually("it waits") { clock.alarms.contains(clock.now + .seconds(20)) }
                clock.advance(by: .seconds(20))
            }
            try await eventually("all arrive") { try await engine.isEmpty("q.fifo") }
            #expect(bodies(engine.published) == ["a1", "b1", "b2", "a1", "a2"])
        }
    }

    @Test("An enrichment's events go on; an empty answer calls nothing, an empty object in a list is one event")
    func enrichment() async throws {
        try await run { engine in
            try await engine.queue()
            let answers: [String: String] = [
                "text": #""""#, "object": "{}", "list": "[]", "one": "[{}]", "two": #"[{"n":1},{"n":2}]"#,
                "single": #"{"n":3}"#,
            ]
            engine.targets.answer { call throws(ServiceError) in
                guard call.operation == "lambda:Invoke" else { return [:] }
                let batch = call.input["Payload"]?.string.flatMap { try? JSON(parsing: $0) }
                let word = batch?[0]?["word"]?.string ?? ""
                return ["StatusCode": 200, "Payload": .string(answers[word] ?? "null")]
            }
            try await engine.call(
                "pipes:CreatePipe",
                TestEvents.pipe(
                    TestEvents.topic,
                    [
                        "Enrichment": .string(TestEvents.function),
                        "EnrichmentParameters": ["InputTemplate": #"{"word": "<$.body>"}"#],
                        "TargetParameters": ["InputTemplate": #"{"from": "<aws.pipes.pipe-name>", "n": <$.n>}"#],
                        "SourceParameters": ["SqsQueueParameters": ["BatchSize": 1]],
                    ]))
            for word in ["text", "object", "list", "one", "two", "single"] {
                try await engine.send(word)
                try await eventually("\(word) is done") { try await engine.isEmpty() }
            }
            #expect(engine.published.map { $0["n"] } == ["", 1, 2, 3])
            #expect(engine.published.allSatisfy { $0["from"] == "p" })
        }
    }

    @Test("A window waits for more, up to the batch size")
    func window() async throws {
        try await run { engine in
            try await engine.queue()
            try await engine.call(
                "pipes:CreatePipe",
                TestEvents.pipe(
                    TestEvents.function,
                    [
                        "SourceParameters": [
                            "SqsQueueParameters": ["BatchSize": 3, "MaximumBatchingWindowInSeconds": 15]
                        ]
                    ]))
            try await engine.send("1", "2", "3")
            try await eventually("a whole batch") { engine.batches.count == 1 }
            try await engine.send("4")
            try await eventually("it waits for more") { clock.alarms.contains(clock.now + .seconds(15)) }
            clock.advance(by: .seconds(15))
            try await eventually("what there is") { engine.batches.count == 2 }
            #expect(engine.batches.map(bodies) == [["1", "2", "3"], ["4"]])
        }
    }

    private static func window(_ seconds: Int) -> JSON {
        ["SourceParameters": ["SqsQueueParameters": ["MaximumBatchingWindowInSeconds": .integer(seconds)]]]
    }

    @Test("A message that waits for others is hidden meanwhile, and once it is handed on as long as the queue says")
    func hiddenInWindow() async throws {
        try await run { engine in
            try await engine.queue("q", ["VisibilityTimeout": "2"])
            engine.targets.fail(.resourceNotFound, "no such function")
            try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.function, PipeTests.window(15)))
            try await engine.send("1")
            for left in [15, 10, 5] {
                try await eventually("it waits \(left) s") { clock.alarms.contains(clock.now + .seconds(left)) }
                clock.advance(by: .seconds(5))
            }
            try await eventually("it is handed on") { engine.batches.count == 1 }
            #expect(engine.batches.map(bodies) == [["1"]])
            clock.advance(by: .seconds(1))
            #expect(try await engine.messageCounts().inFlight == "1")
        }
    }

    @Test("A pipe that is to stop hands on what it has, and waits for no more")
    func stopInWindow() async throws {
        try await run { engine in
            try await engine.queue("q", ["VisibilityTimeout": "600"])
            try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.function, PipeTests.window(300)))
            try await engine.send("1")
            try await eventually("it waits") { try await engine.messageCounts().inFlight == "1" }
            try await eventually("for a poll") { clock.alarms.contains(clock.now + .seconds(20)) }
            let answer = try await engine.call("pipes:StopPipe", ["Name": "p"])
            #expect(answer["CurrentState"] == "STOPPING")
            clock.advance(by: .seconds(20))
            try await eventually("it has stopped") {
                try await engine.call("pipes:DescribePipe", ["Name": "p"])["CurrentState"] == "STOPPED"
            }
            #expect(engine.batches.map(bodies) == [["1"]])
            #expect(try await engine.isEmpty())
        }
    }

    @Test("A function gets as much in one call as it can take")
    func largeBatch() async throws {
        try await run { engine in
            try await engine.queue()
            for _ in 0..<7 { try await engine.send(String(repeating: "x", count: 1 << 20)) }
            try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.function))
            try await eventually("all are done") { try await engine.isEmpty() }
            let payloads = engine.targets.calls.compactMap { $0.input["Payload"]?.string }
            #expect(payloads.allSatisfy { $0.utf8.count <= Limits.functionPayloadBytesMax })
            #expect(engine.batches.map(\.count) == [5, 2])
        }
    }

    @Test("Events, queues, log groups and runbooks are targets too, with parameters from the record")
    func targets() async throws {
        try await run { engine in
            try await engine.queue()
            let arn = "arn:aws:%:us-east-1:123456789012:"
            let targets: [(String, JSON)] = [
                (
                    arn.replacing("%", with: "events") + "event-bus/default",
                    [
                        "EventBridgeEventBusParameters": ["DetailType": "$.body.kind", "Source": "app"],
                        "InputTemplate": #"{"n": <$.body.n>}"#,
                    ]
                ),
                (
                    arn.replacing("%", with: "logs") + "log-group:/piped",
                    ["CloudWatchLogsParameters": ["LogStreamName": "$.body.kind"], "InputTemplate": "n=<$.body.n>"]
                ),
                (
                    arn.replacing("%", with: "ssm") + "document/Restart",
                    ["InputTemplate": #"{"InstanceIds": ["i-<$.body.n>"], "Parameters": {"x": ["<$.body.kind>"]}}"#]
                ),
                (
                    arn.replacing("%", with: "ssm") + "automation-definition/Fix:1",
                    ["InputTemplate": #"{"n": ["<$.body.n>"]}"#]
                ),
            ]
            for (target, parameters) in targets {
                try await engine.call(
                    "pipes:CreatePipe", TestEvents.pipe(target, ["TargetParameters": parameters]))
                try await engine.send(#"{"kind": "k", "n": 5}"#)
                try await eventually("\(target) has it") { try await engine.isEmpty() }
                try await engine.call("pipes:DeletePipe", ["Name": "p"])
            }
            try await eventually("an event") { try engine.events().count == 1 }
            let event = try engine.events()[0]
            #expect(event["source"] == "app" && event["detail-type"] == "k" && event["detail"] == ["n": 5])
            let lines = try await engine.call("logs:FilterLogEvents", ["logGroupName": "/piped"])["events"]
            #expect(lines?[0]?["message"] == "n=5" && lines?[0]?["logStreamName"] == "k")
            let command = try #require(engine.targets.calls.first { $0.operation == "ssm:SendCommand" })
            #expect(command.input["DocumentName"] == "Restart" && command.input["InstanceIds"] == ["i-5"])
            let automation = engine.targets.calls.first { $0.operation == "ssm:StartAutomationExecution" }
            #expect(automation?.input["Parameters"] == ["n": ["5"]])
        }
    }

    @Test("A pipe deleted while it works, and made anew in that instant, runs")
    func recreated() async throws {
        try await run { engine in
            try await engine.queue()
            let gate = Gate()
            engine.targets.answer { _ in
                await gate.pass()
                return [:]
            }
            try await engine.call("pipes:CreatePipe", TestEvents.pipe())
            try await engine.send("1")
            try await eventually("it works") { gate.waitingCount == 1 }
            try await engine.call("pipes:DeletePipe", ["Name": "p"])
            try await engine.call("pipes:CreatePipe", TestEvents.pipe())
            gate.open()
            try await engine.send("2")
            try await eventually("both are through") { engine.published.count == 2 }
        }
    }

    @Test("What a pipe does is written to its log group, at the level asked for")
    func logs() async throws {
        try await run { engine in
            try await engine.queue()
            let log: JSON = [
                "Level": "ERROR",
                "CloudwatchLogsLogDestination": [
                    "LogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:/pipes/p"
                ],
            ]
            engine.targets.fail(.resourceNotFound, "no such topic")
            try await engine.send("x")
            try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, ["LogConfiguration": log]))
            try await eventually("it is logged") { try await engine.audit("PutLogEvents").count == 1 }
            let found = try await engine.call("logs:FilterLogEvents", ["logGroupName": "/pipes/p"])
            let lines = found["events"]?.array ?? []
            let types = try lines.map { try JSON(parsing: $0["message"]?.string ?? "")["messageType"] }
            #expect(types == ["TARGET_INVOCATION_FAILED", "EXECUTION_FAILED"])
        }
    }

    @Test("A pipe from a bus takes the events put after its creation, in their order, and survives a target's failure")
    func bus() async throws {
        try await run { engine in
            try await engine.put(TestEvents.entry(["n": 0]))
            try await engine.call(
                "pipes:CreatePipe",
                TestEvents.pipe(
                    TestEvents.topic,
                    [
                        "Source": "arn:aws:events:us-east-1:123456789012:event-bus/default",
                        "SourceParameters": TestEvents.filter(["detail": ["n": [["exists": true]]]]),
                    ]))
            engine.targets.answer { call throws(ServiceError) in
                let isSecond = call.input["Message"]?.string?.contains(#""n":2"#) == true
                if isSecond { throw ServiceError(.throttling, "busy") }
                return [:]
            }
            for number in 1...3 { try await engine.put(TestEvents.entry(["n": .integer(number)])) }
            try await engine.put(TestEvents.entry(["other": 1]))
            try await eventually("the second fails") { engine.published.last?["detail"]?["n"] == 2 }
            engine.targets.succeed()
            try await eventually("it is tried again") {
                clock.advance(by: .seconds(1))
                return engine.published.last?["detail"]?["n"] == 3
            }
            let numbers = engine.published.compactMap { $0["detail"]?["n"]?.int }
            #expect(numbers.first == 1 && numbers.filter { $0 != 2 } == [1, 3])
        }
    }
}
