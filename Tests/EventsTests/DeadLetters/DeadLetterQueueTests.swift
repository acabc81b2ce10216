import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Queues of dead letters") struct DeadLetterQueueTests {
    private static let queue = "arn:aws:sqs:us-east-1:123456789012:dead"

    private func rule(_ engine: TestEvents, _ more: JSON = [:]) async throws {
        var target: JSON = ["DeadLetterConfig": ["Arn": .string(Self.queue)]]
        for member in more.object ?? JSONObject() { target[member.key] = member.value }
        try await engine.rule(targets: [TestEvents.target("1", target)])
    }

    private func messages(_ engine: TestEvents) -> [JSON] {
        engine.targets.calls.filter { $0.operation == "sqs:SendMessage" }.map(\.input)
    }

    @Test("The queue gets what the target would have got, and the service's attributes; nothing stays here")
    func sent() async throws {
        try await TestEvents.run { engine in
            engine.targets.answer { call throws(ServiceError) in
                if call.operation == "sqs:SendMessage" { return ["MessageId": "m"] }
                throw ServiceError(.notFound, "no topic")
            }
            try await rule(engine, ["InputPath": "$.detail"])
            try await engine.put(TestEvents.entry(["n": 1]))
            try await eventually("it is in the queue") { try await engine.audit("SendDeadLetter").count == 1 }
            #expect(try await engine.deadLetters().isEmpty)
            let message = try #require(messages(engine).first)
            #expect(message["QueueUrl"] == "https://sqs.us-east-1.amazonaws.com/123456789012/dead")
            #expect(message["MessageBody"] == #"{"n":1}"# && message["OpsBusMessageId"] != nil)
            func text(_ value: JSON) -> JSON { ["DataType": "String", "StringValue": value] }
            #expect(
                message["MessageAttributes"] == [
                    "RULE_ARN": text("arn:aws:events:us-east-1:123456789012:rule/r"),
                    "TARGET_ARN": text(.string(TestEvents.topic)), "ERROR_CODE": text("NO_RESOURCE"),
                    "ERROR_MESSAGE": text("NotFound: no topic"), "RETRY_ATTEMPTS": text("0"),
                ])
        }
    }

    @Test("An input that cannot be made leaves the queue the event itself")
    func untransformed() async throws {
        try await TestEvents.run { engine in
            try await rule(engine, ["InputPath": "$.detail.gone"])
            let id = try await engine.put()
            try await eventually("it is in the queue") { messages(engine).count == 1 }
            let body = try JSON(parsing: messages(engine)[0]["MessageBody"]?.string ?? "")
            #expect(body["id"]?.string == id)
        }
    }

    @Test("A letter that the queue refuses stays here with the reason, and can be redriven")
    func refused() async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.resourceNotFound, "no such thing")
            try await rule(engine)
            try await engine.put()
            try await eventually("the refusal is known") {
                try await engine.deadLetters().first?["QueueError"] != nil
            }
            let letter = try await engine.deadLetters()[0]
            #expect(letter["QueueError"] == "ResourceNotFoundException: no such thing")
            #expect(try await engine.audit("SendDeadLetter").map(\.outcome) == [.failure("ResourceNotFoundException")])
            engine.targets.succeed()
            try await engine.call("events:RedriveDeadLetters", ["All": true])
            try await eventually("it is delivered") { try await engine.audit("Deliver").last?.outcome == .success }
            #expect(try await engine.deadLetters().isEmpty)
        }
    }

    @Test("A queue that is busy is tried again; the same letter has the same token")
    func busy() async throws {
        try await TestEvents.run { engine in
            engine.targets.answer { call throws(ServiceError) in
                throw ServiceError(call.operation == "sqs:SendMessage" ? .throttling : .validation, "no")
            }
            try await rule(engine)
            try await engine.put()
            try await eventually("the queue was asked") { messages(engine).count == 1 && !engine.clock.alarms.isEmpty }
            #expect(try await engine.deadLetters().count == 1, "it is kept until the queue has it")
            engine.targets.succeed()
            engine.clock.advance(by: .seconds(1))
            try await eventually("it is in the queue") { try await engine.deadLetters().isEmpty }
            #expect(Set(messages(engine).map { $0["OpsBusMessageId"] }).count == 1)
        }
    }

    @Test("What an earlier run had not sent is sent at the next start")
    func restart() async throws {
        let clock = ManualClock()
        let directory = try TemporaryDirectory()
        let path = directory.path + "/state.db"
        let targets = CallerDouble()
        targets.answer { call throws(ServiceError) in
            throw ServiceError(call.operation == "sqs:SendMessage" ? .throttling : .validation, "no")
        }
        let first = try TestEvents(
            clock: clock, database: TestEvents.database(path, clock: clock), targets: targets)
        try await TestEvents.run(first) { engine in
            try await rule(engine)
            try await engine.put()
            try await eventually("the queue was asked") { messages(engine).count == 1 }
        }
        await first.database.close()
        targets.succeed()
        let second = try TestEvents(
            clock: clock, database: TestEvents.database(path, clock: clock), targets: targets)
        try await TestEvents.run(second) { engine in
            try await eventually("it is in the queue") { try await engine.deadLetters().isEmpty }
        }
        await second.database.close()
    }

    @Test(
        "A queue that cannot be one for dead letters is refused",
        arguments: ["arn:aws:sns:us-east-1:123456789012:t", "arn:aws:sqs:us-east-1:123456789012:q.fifo", "dead"])
    func notQueues(arn: String) async throws {
        try await TestEvents.run { engine in
            let error = await refusal {
                try await rule(engine, ["DeadLetterConfig": ["Arn": .string(arn)]])
                return [:]
            }
            #expect(error?.code == .validation && error?.message.contains("standard queue") == true)
        }
    }
}
