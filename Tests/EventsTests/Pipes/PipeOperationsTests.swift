import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Pipe operations") struct PipeOperationsTests {
    private let clock = ManualClock()

    private func run(_ body: (TestEvents) async throws -> Void) async throws {
        try await TestEvents.run(try TestEvents(clock: clock)) { engine in
            try await engine.queue()
            try await body(engine)
        }
    }

    private func state(_ engine: TestEvents) async throws -> JSON? {
        try await engine.call("pipes:DescribePipe", ["Name": "p"])["CurrentState"]
    }

    @Test("A pipe is created, started, stopped and deleted by way of the states that the service shows")
    func states() async throws {
        try await run { engine in
            let created = try await engine.call("pipes:CreatePipe", TestEvents.pipe())
            #expect(created["Arn"] == "arn:aws:pipes:us-east-1:123456789012:pipe/p")
            #expect(created["CurrentState"] == "CREATING" && created["DesiredState"] == "RUNNING")
            #expect(try await state(engine) == "RUNNING")
            #expect(try await engine.call("pipes:StartPipe", ["Name": "p"])["CurrentState"] == "RUNNING")
            #expect(try await engine.call("pipes:StopPipe", ["Name": "p"])["CurrentState"] == "STOPPING")
            #expect(try await state(engine) == "STOPPED")
            #expect(try await engine.call("pipes:StopPipe", ["Name": "p"])["CurrentState"] == "STOPPED")
            #expect(try await engine.call("pipes:StartPipe", ["Name": "p"])["CurrentState"] == "STARTING")
            #expect(try await state(engine) == "RUNNING")
            let deleted = try await engine.call("pipes:DeletePipe", ["Name": "p"])
            #expect(deleted["CurrentState"] == "DELETING" && deleted["DesiredState"] == "DELETED")
            let error = await TestSupport.refusal { try await engine.call("pipes:DescribePipe", ["Name": "p"]) }
            #expect(error == ServiceError(.resourceNotFound, "Pipe p does not exist."))
        }
    }

    @Test("A stopped pipe takes nothing; started, it takes what has come meanwhile")
    func stopped() async throws {
        try await run { engine in
            let created = try await engine.call(
                "pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, ["DesiredState": "STOPPED"]))
            #expect(created["CurrentState"] == "CREATING" && created["DesiredState"] == "STOPPED")
            #expect(try await state(engine) == "STOPPED")
            try await engine.send("x")
            #expect(try await engine.messageCounts().visible == "1")
            try await engine.call("pipes:StartPipe", ["Name": "p"])
            try await eventually("it is taken") { try await engine.isEmpty() }
            #expect(engine.published.count == 1)
        }
    }

    @Test("An update changes what it gives and nothing else, and counts at once")
    func update() async throws {
        try await run { engine in
            try await engine.call(
                "pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, ["Description": "d", "Tags": ["a": "b"]]))
            clock.advance(by: .seconds(5))
            let updated = try await engine.call(
                "pipes:UpdatePipe",
                [
                    "Name": "p", "RoleArn": .string(TestEvents.role), "Target": .string(TestEvents.topic + "2"),
                    "TargetParameters": ["InputTemplate": "\"<$.body>\""],
                ])
            #expect(updated["CurrentState"] == "UPDATING" && updated["CreationTime"] != updated["LastModifiedTime"])
            let pipe = try await engine.call("pipes:DescribePipe", ["Name": "p"])
            #expect(pipe["Description"] == "d" && pipe["Source"] == .string(TestEvents.queue))
            #expect(pipe["Tags"] == ["a": "b"] && pipe["CurrentState"] == "RUNNING")
            try await engine.send("x")
            try await eventually("it arrives") { engine.targets.calls.count == 1 }
            #expect(engine.targets.calls[0].input["TopicArn"] == .string(TestEvents.topic + "2"))
            #expect(engine.published == ["x"])
        }
    }

    static let refused: [(change: JSON, text: String)] = [
        (["Source": "arn:aws:kinesis:us-east-1:123456789012:stream/s"], "Source arn:aws:kinesis"),
        (["Target": .string(TestEvents.queue)], "Source and Target are the same"),
        (["Source": "smk://broker:9092"], "is not supported: a pipe takes from a queue"),
        (["Target": "arn:aws:states:us-east-1:123456789012:stateMachine:m"], "OpsBus cannot call arn:aws:states"),
        (["Enrichment": "arn:aws:states:us-east-1:123456789012:stateMachine:m"], "api-destination/NAME/ID) enrich"),
        (
            ["SourceParameters": ["KinesisStreamParameters": ["StartingPosition": "LATEST"]]],
            "SourceParameters.KinesisStreamParameters is not supported"
        ),
        (["TargetParameters": ["EcsTaskParameters": [:]]], "TargetParameters.EcsTaskParameters is not supported"),
        (["LogConfiguration": ["Level": "INFO", "S3LogDestination": [:]]], "OpsBus has no S3"),
        (["SourceParameters": TestEvents.filter(["body": "x"])], "Invalid filter pattern 1"),
        (["SourceParameters": ["SqsQueueParameters": ["BatchSize": 100]]], "needs MaximumBatchingWindowInSeconds"),
        (["TargetParameters": ["InputTemplate": "<aws.pipes.x>"]], "invalid placeholder aws.pipes.x"),
        (["RoleArn": "n/a"], "Value 'n/a' at 'roleArn' failed to satisfy constraint"),
        (["Source": nil], "Value null at 'source' failed to satisfy constraint: Member must not be null"),
    ]

    @Test("What cannot be done is refused by name", arguments: refused)
    func refuses(_ refused: (change: JSON, text: String)) async throws {
        try await run { engine in
            let error = await TestSupport.refusal {
                try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, refused.change))
            }
            #expect(error?.code == .validation)
            #expect(error?.message.contains(refused.text) == true, "\(error?.message ?? "it was accepted")")
        }
    }

    @Test("A name is taken once; lists are filtered and come in pages; tags are kept apart")
    func lists() async throws {
        try await run { engine in
            for name in ["a1", "a2", "b1"] {
                try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, ["Name": .string(name)]))
            }
            let error = await TestSupport.refusal {
                try await engine.call("pipes:CreatePipe", TestEvents.pipe(TestEvents.topic, ["Name": "a1"]))
            }
            #expect(error?.code == .resourceAlreadyExists && error?.members["resourceId"] == "a1")
            try await engine.call("pipes:StopPipe", ["Name": "a2"])
            func names(_ input: JSON) async throws -> [JSON?] {
                try await (engine.call("pipes:ListPipes", input)["Pipes"]?.array ?? []).map { $0["Name"] }
            }
            #expect(try await names(["NamePrefix": "a"]) == ["a1", "a2"])
            #expect(try await names(["CurrentState": "STOPPED"]) == ["a2"])
            #expect(try await names(["SourcePrefix": "arn:aws:sqs:", "Limit": 2, "NextToken": "a1"]) == ["a2", "b1"])
            let arn: JSON = "arn:aws:pipes:us-east-1:123456789012:pipe/a1"
            try await engine.call("pipes:TagResource", ["resourceArn": arn, "tags": ["x": "1", "y": "2"]])
            try await engine.call("pipes:UntagResource", ["resourceArn": arn, "tagKeys": ["x"]])
            #expect(try await engine.call("pipes:ListTagsForResource", ["resourceArn": arn])["tags"] == ["y": "2"])
        }
    }
}
