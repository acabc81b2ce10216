import API
import Core
import Platform
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Systems

/// Takes what functions send to other engines.
private final class Others: OperationCaller {
    private let state = Mutex<(calls: [(name: String, input: JSON)], failing: Set<String>)>(([], []))

    func inputs(_ name: String) -> [JSON] { state.withLock { $0.calls.filter { $0.name == name }.map(\.input) } }

    func fail(_ names: Set<String>) { state.withLock { $0.failing = names } }

    func find(_ name: String) -> API.Operation? { nil }

    func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        let fails = state.withLock { state in
            state.calls.append((name, input))
            return state.failing.contains(name)
        }
        if fails { throw ServiceError(.serviceUnavailable, "not now") }
        return [:]
    }
}

@Suite("Functions") struct FunctionTests {
    /// A server's functions, a directory for their programs, and a clock that the test moves.
    private final class Engine: Sendable {
        let clock = ManualClock()
        let others = Others()
        let directory: TemporaryDirectory
        let database: Database
        let service: FunctionService
        let operations: [API.Operation]

        init(_ directory: TemporaryDirectory) throws {
            self.directory = directory
            database = try Database(
                path: directory.path + "/state.db", migrations: FunctionStore.migrations, clock: clock, log: quiet)
            service = FunctionService(
                database: database, caller: others,
                runner: FunctionRunner(
                    processes: ProcessLoop(), account: Account(), address: "http://127.0.0.1:7400", clock: clock),
                clock: clock, log: quiet)
            operations = FunctionOperations(database: database, service: service, account: Account()).all
        }

        /// Registers a shell script.
        func register(_ name: String, _ script: String, _ more: JSON = [:]) async throws {
            let path = "\(directory.path)/\(name).sh"
            try Files.write(Array("#!/bin/sh\n\(script)".utf8), to: path, mode: 0o700)
            var input = more
            input["FunctionName"] = .string(name)
            input["Executable"] = .string(path)
            _ = try await operations.call("functions:RegisterFunction", input)
        }

        func invoke(_ name: String, _ payload: String? = nil, _ more: JSON = [:]) async throws -> JSON {
            var input = more
            input["FunctionName"] = .string(name)
            input["Payload"] = payload.map { .string($0) }
            return try await operations.call("lambda:Invoke", input)
        }

        func waiting() async throws -> Int {
            try await database.read { transaction in
                try transaction.queryOne("SELECT count(*) FROM function_invocations") { try $0[0] as Int }
            } ?? 0
        }
    }

    private func run(_ body: (Engine) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let engine = try Engine(directory)
        await engine.service.start()
        do {
            try await body(engine)
        } catch {
            await engine.service.stop()
            throw error
        }
        await engine.service.stop()
        await engine.database.close()
    }

    @Test("A function gets the event and answers; what it says besides is logged")
    func answer() async throws {
        try await run { engine in
            try await engine.register(
                "echo", #"echo "at work" >&2; read event; echo "{\"got\": $event, \"who\": \"$WHO\"}""#,
                ["Environment": ["WHO": "me"]])
            let output = try await engine.invoke("echo", #"{"n":1}"#, ["LogType": "Tail"])
            #expect(output["StatusCode"] == 200 && output["FunctionError"] == nil)
            #expect(try JSON(parsing: output["Payload"]?.string ?? "") == ["got": ["n": 1], "who": "me"])
            let tail = String(decoding: Base64.decode(output["LogResult"]?.string ?? "") ?? [], as: UTF8.self)
            #expect(tail.contains("\nat work\n"))
            let logged = try #require(engine.others.inputs("logs:PutLogEvents").first)
            #expect(logged["logGroupName"] == "/aws/lambda/echo")
            #expect((logged["logEvents"]?.array ?? []).contains { $0["message"] == "at work" })
        }
    }

    @Test(
        "How a function fails is told as Lambda tells it",
        arguments: [
            ("exit 3", "Runtime.ExitError", "exit status 3"), ("kill -9 $$", "Runtime.ExitError", "signal: 9"),
            ("echo no json", "Runtime.InvalidResponse", "no JSON"),
            (#"echo '{"errorMessage":"my own","errorType":"Mine"}'; exit 1"#, "Mine", "my own"),
            ("exec sleep 60", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ])
    func failure(script: String, type: String, text: String) async throws {
        try await run { engine in
            try await engine.register("f", script, ["Timeout": 1])
            let output = try await engine.invoke("f", "{}")
            #expect(output["StatusCode"] == 200 && output["FunctionError"] == "Unhandled")
            let payload = try JSON(parsing: output["Payload"]?.string ?? "")
            #expect(payload["errorType"] == .string(type), "\(payload.text)")
            #expect(payload["errorMessage"]?.string?.contains(text) == true, "\(payload.text)")
        }
    }

    @Test("Memory is limited where a limit is set")
    func memory() async throws {
        try await run { engine in
            // What `tail` is to print it keeps until the end of its input.
            let script = "head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null && echo null"
            try await engine.register("big", script, ["Timeout": 30])
            #expect(try await engine.invoke("big")["FunctionError"] == nil)
            try await engine.register("big", script, ["MemorySize": 64, "Timeout": 30])
            #expect(try await engine.invoke("big")["FunctionError"] == "Unhandled")
        }
    }

    @Test("A function runs as often at a time as it may; who asks for more is refused")
    func concurrency() async throws {
        try await run { engine in
            let script = "touch started; while [ ! -e open ]; do sleep 0.01; done; echo null"
            try await engine.register("slow", script, ["Concurrency": 1, "Timeout": 60])
            async let first = engine.invoke("slow")
            try await eventually("it runs") { Files.exists(engine.directory.path + "/started") }
            #expect(await refusal { try await engine.invoke("slow") }?.code == .throttling)
            try engine.directory.write("", to: "open")
            #expect(try await first["FunctionError"] == nil)
            #expect(try await engine.invoke("slow")["FunctionError"] == nil, "there is room again")
        }
    }

    @Test("An event is worked off once, and the same token is the same event")
    func event() async throws {
        try await run { engine in
            try await engine.register("count", "echo x >> count; echo null")
            for token in ["a", "a", "b"] {
                let output = try await engine.invoke(
                    "count", "{}", ["InvocationType": "Event", "OpsBusToken": .string(token)])
                #expect(output == ["StatusCode": 202])
            }
            try await eventually("both are done") { try await engine.waiting() == 0 }
            let runs = try Files.read(engine.directory.path + "/count", bytesMax: 100)
            #expect(String(decoding: runs, as: UTF8.self) == "x\nx\n")
        }
    }

    @Test("Of many events, each is worked off once")
    func manyEvents() async throws {
        try await run { engine in
            try await engine.register("count", "echo x >> count; echo null")
            for _ in 0..<200 { _ = try await engine.invoke("count", "{}", ["InvocationType": "Event"]) }
            try await eventually("all are done") { try await engine.waiting() == 0 }
            #expect(try Files.read(engine.directory.path + "/count", bytesMax: 10_000).count == 400)
        }
    }

    @Test("A failing event is tried again after one minute and two, and then goes to the dead-letter queue")
    func retries() async throws {
        try await run { engine in
            try await engine.register(
                "bad", "cat > last; echo x >> tries; exit 1", ["DeadLetterTargetArn": "arn:aws:sqs:::failed"])
            func tries() -> Int {
                (try? Files.read(engine.directory.path + "/tries", bytesMax: 100).count / 2) ?? 0
            }
            engine.others.fail(["sqs:SendMessage"])
            _ = try await engine.invoke("bad", #"{"n":7}"#, ["InvocationType": "Event"])
            for (attempt, seconds) in [(1, 60), (2, 120)] {
                try await eventually("attempt \(attempt) has failed") {
                    tries() == attempt && engine.clock.alarms.contains(engine.clock.now + .seconds(seconds))
                }
                engine.clock.advance(by: .seconds(seconds))
            }
            try await eventually("the third has failed, and its dead letter too") {
                engine.others.inputs("sqs:SendMessage").count == 1
                    && engine.clock.alarms.contains(engine.clock.now + .seconds(60))
            }
            engine.others.fail([])
            engine.clock.advance(by: .seconds(60))
            try await eventually("the dead letter is sent") { try await engine.waiting() == 0 }
            #expect(tries() == 3)
            let letters = engine.others.inputs("sqs:SendMessage")
            #expect(letters.count == 2 && letters[0]["OpsBusMessageId"] == letters[1]["OpsBusMessageId"])
            #expect(letters[1]["QueueUrl"] == "arn:aws:sqs:us-east-1:123456789012:failed")
            #expect(letters[1]["MessageBody"] == #"{"n":7}"#)
        }
    }

    @Test("An event that was being worked off when the server ended is worked off by the next")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        var engine = try Engine(directory)
        await engine.service.start()
        try await engine.register("slow", "echo x >> runs; if [ -e open ]; then echo null; else exec sleep 60; fi")
        _ = try await engine.invoke("slow", "{}", ["InvocationType": "Event"])
        try await eventually("it runs") { Files.exists(directory.path + "/runs") }
        await engine.service.stop()
        #expect(try await engine.waiting() == 1)
        await engine.database.close()

        try directory.write("", to: "open")
        engine = try Engine(directory)
        await engine.service.start()
        try await eventually("it is done") { try await engine.waiting() == 0 }
        await engine.service.stop()
        await engine.database.close()
        #expect(try Files.read(directory.path + "/runs", bytesMax: 100).count == 4)
    }

    @Test(
        "A function is meant by its name or by an ARN of its own region and account",
        arguments: [
            ("f", true), ("f:$LATEST", true), ("function:f", true), ("123456789012:function:f", true),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", true), ("arn:aws:lambda:::function:f:$LATEST", true),
            ("f:1", false), ("g", false), ("arn:aws:lambda:eu-west-1:123456789012:function:f", false),
            ("000000000000:function:f", false),
        ])
    func names(name: String, isThere: Bool) async throws {
        try await run { engine in
            try await engine.register("f", "echo null")
            let error = await refusal { try await engine.invoke(name, nil, ["InvocationType": "DryRun"]) }
            #expect(error?.code == (isThere ? nil : .resourceNotFound))
        }
    }

    @Test("What cannot be registered or run is refused")
    func refused() async throws {
        try await run { engine in
            let cases: [(JSON, ErrorCode)] = [
                (["FunctionName": "f", "Executable": "sh"], .invalidParameterValue),
                (["FunctionName": "f", "Executable": "/nowhere"], .invalidParameterValue),
                (["FunctionName": "f", "Executable": "/tmp"], .invalidParameterValue),
                (["FunctionName": "a b", "Executable": "/bin/sh"], .invalidParameterValue),
                (["FunctionName": "f", "Executable": "/bin/sh", "Timeout": 901], .validation),
                (
                    ["FunctionName": "f", "Executable": "/bin/sh", "DeadLetterTargetArn": "arn:aws:s3:::b"],
                    .invalidParameterValue
                ),
            ]
            for (input, code) in cases {
                let error = await refusal { try await engine.operations.call("functions:RegisterFunction", input) }
                #expect(error?.code == code, "\(input.text)")
            }
            try await engine.register("f", "echo null")
            #expect(await refusal { try await engine.invoke("f", "{") }?.code == .invalidRequestContent)
            let large = "\"" + String(repeating: "x", count: 1 << 20) + "\""
            let error = await refusal { try await engine.invoke("f", large, ["InvocationType": "Event"]) }
            #expect(error?.code == .requestTooLarge)
            let created = await refusal { try await engine.operations.call("lambda:CreateFunction", ["Code": [:]]) }
            #expect(created?.code == .unsupportedOperation)
            _ = try await engine.operations.call("lambda:DeleteFunction", ["FunctionName": "f"])
            #expect(await refusal { try await engine.invoke("f") }?.code == .resourceNotFound)
        }
    }
}
