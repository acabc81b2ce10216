import API
import Core
import Platform
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Systems

/// The logs and topics that output and notifications go to, played by a test.
private final class Destinations: OperationCaller, ObjectStore {
    private struct State {
        var calls: [(name: String, input: JSON)] = []
        var objects: [String: [UInt8]] = [:]
        var failures: [String: ServiceError] = [:]
        var objectError: ObjectStoreError?
    }

    private let state = Mutex(State())

    func fail(_ name: String, _ error: ServiceError?) { state.withLock { $0.failures[name] = error } }
    func failObjects(_ error: ObjectStoreError?) { state.withLock { $0.objectError = error } }
    func inputs(_ name: String) -> [JSON] { state.withLock { $0.calls.filter { $0.name == name }.map(\.input) } }
    var objects: [String: [UInt8]] { state.withLock { $0.objects } }

    func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        let failure = state.withLock { state -> ServiceError? in
            state.calls.append((name, input))
            // A log group that is made is there.
            if name == "logs:CreateLogStream" { state.failures["logs:PutLogEvents"] = nil }
            return state.failures[name]
        }
        if let failure { throw failure }
        return [:]
    }

    func url(bucket: String, key: String, region: String) -> String { "http://store/\(bucket)/\(key)" }

    func put(_ content: [UInt8], bucket: String, key: String, region: String) async throws {
        let error = state.withLock { state -> ObjectStoreError? in
            if state.objectError == nil { state.objects["\(bucket)/\(key)"] = content }
            return state.objectError
        }
        if let error { throw error }
    }
}

@Suite struct CommandOutputStoreTests {
    let clock = TestClock()
    private let destinations = Destinations()

    private func server() async throws -> TestServer {
        try await TestServer(memoryDatabase(clock), clock, objects: destinations)
    }

    private func sender(_ server: TestServer) -> OutputSender {
        OutputSender(
            store: CommandStore(server.database), caller: destinations, objects: destinations, region: "home-1",
            clock: clock, log: quiet)
    }

    private func write(
        _ text: String, at offset: Int = 0, stream: String = "stdout", _ id: Identifier, _ server: TestServer
    ) async {
        let output = NodeOutput(command: id, step: "run", stream: stream, offset: offset)
        await server.say("a", NodeMessage(.output, output.json, payload: Array(text.utf8)))
    }

    private func begin(_ server: TestServer, _ more: JSON = [:]) async throws -> (node: String, id: Identifier) {
        let node = try await server.connect("a")
        var input: JSON = ["InstanceIds": [.string(node)]]
        for member in more.object?.members ?? [] { input[member.key] = member.value }
        let id = try await server.send(input)
        await server.say("a", NodeMessage(.accepted, command: id))
        return (node, id)
    }

    private func output(
        _ id: Identifier, _ node: String, _ server: TestServer, _ more: JSON = [:]
    ) async throws -> JSON {
        var input: JSON = ["CommandId": .string(id.description), "InstanceId": .string(node)]
        for member in more.object?.members ?? [] { input[member.key] = member.value }
        return try await server.call("ssm:GetCommandOutput", input)
    }

    // MARK: Keeping and reading

    @Test func outputIsReadPageByPageAndNoCharacterIsCut() async throws {
        let server = try await server()
        let (node, id) = try await begin(server)
        await write("grün, ", id, server)
        await write("rot\n", at: 7, id, server)
        #expect(try await output(id, node, server)["Content"] == "grün, rot\n")
        let first = try await output(id, node, server, ["MaxBytes": 4])
        // Three bytes are "grü" without its last.
        #expect(first["Content"] == "grü")
        let second = try await output(id, node, server, ["Offset": first["NextOffset"] ?? .null, "MaxBytes": 100])
        #expect(second["Content"] == "n, rot\n")
        #expect(second["Length"] == 11 && second["IsComplete"] == false)
        await server.finish("a", id, .success)
        #expect(try await output(id, node, server)["IsComplete"] == true)
        #expect(try await output(id, node, server, ["Stream": "stderr"])["Content"] == "")
    }

    @Test func whatComesAgainIsKnownByItsOffset() async throws {
        let server = try await server()
        let (node, id) = try await begin(server)
        await write("one two", id, server)
        await write("one two", id, server)
        await write("two three", at: 4, id, server)
        #expect(try await output(id, node, server)["Content"] == "one two three")
    }

    @Test func outputBehindAGapIsKeptAtItsPlace() async throws {
        let server = try await server()
        let (node, id) = try await begin(server)
        await write("begin ", id, server)
        await write("end", at: 100, id, server)
        let all = try await output(id, node, server)
        #expect(all["Content"] == "begin end")
        #expect(all["Length"] == 103 && all["KeptBytes"] == 9 && all["NextOffset"] == 103)
    }

    @Test func noMoreIsKeptThanTheLimit() async throws {
        let database = try memoryDatabase(clock)
        let server = try await TestServer(database, clock)
        let (node, id) = try await begin(server)
        let key = OutputStore.Key(command: id, node: node, step: "run", stream: "stdout")
        let kept = try await database.maintain { transaction in
            for offset in stride(from: 0, to: 50, by: 10) {
                _ = try OutputStore.append(
                    [UInt8](repeating: 65, count: 10), at: offset, of: key, bytesMax: 25, in: transaction)
            }
            return try OutputStore.read(key, from: 0, bytesMax: 1000, in: transaction).bytes.count
        }
        #expect(kept == 25)
        let state = try await database.read { try OutputStore.state(of: key, in: $0) }
        #expect(state?.length == 50 && state?.kept == 25)
    }

    @Test func theOldestOutputsGoWhereAllTogetherAreTooMuch() async throws {
        let server = try await server()
        let (node, first) = try await begin(server)
        await write(String(repeating: "x", count: 1000), first, server)
        await server.finish("a", first, .success)
        clock.advance(.seconds(1))
        let second = try await server.send(["InstanceIds": [.string(node)]])
        await server.say("a", NodeMessage(.accepted, command: second))
        await write(String(repeating: "y", count: 1000), second, server)
        #expect(try await server.database.maintain { try OutputStore.prune(bytesMax: 1500, in: $0) } == 1)
        #expect(try await output(first, node, server)["Content"] == "")
        #expect(try await output(second, node, server)["KeptBytes"] == 1000)
    }

    // MARK: Sending on

    private let logs: JSON = ["CloudWatchOutputConfig": ["CloudWatchOutputEnabled": true]]

    @Test func completeLinesGoToTheLogGroupWhileTheStepRunsAndTheRestAtItsEnd() async throws {
        let server = try await server()
        let (node, id) = try await begin(server, logs)
        let sender = sender(server)
        destinations.fail("logs:PutLogEvents", ServiceError(.resourceNotFound, "no group"))
        await write("one\r\n\ntwo\nthr", id, server)
        #expect(try await sender.sendDue(.logs))
        let created = try #require(destinations.inputs("logs:CreateLogStream").first)
        #expect(created["logGroupName"] == "/aws/ssm/Shell")
        #expect(created["logStreamName"]?.string == "\(id)/\(node)/run/stdout")
        func lines(_ input: JSON) -> [String] { (input["logEvents"]?.array ?? []).map { $0.cellText } }
        #expect(destinations.inputs("logs:PutLogEvents").map(lines) == [["one", "two"], ["one", "two"]])
        #expect(try await !sender.sendDue(.logs))
        await write("ee", at: 13, id, server)
        await server.finish("a", id, .success)
        while try await sender.sendDue(.logs) {}
        #expect(destinations.inputs("logs:PutLogEvents").last.map(lines) == ["three"])
        let shown = try await server.invocation(id, node)["CloudWatchOutputConfig"]
        #expect(shown?["CloudWatchLogGroupName"] == "/aws/ssm/Shell")
    }

    @Test func aLogGroupThatCannotBeReachedGetsTheLinesLater() async throws {
        let server = try await server()
        let (_, id) = try await begin(server, logs)
        let sender = sender(server)
        await write("one\n", id, server)
        destinations.fail("logs:PutLogEvents", ServiceError(.throttling, "later"))
        #expect(try await sender.sendDue(.logs))
        #expect(try await !sender.sendDue(.logs), "it is not tried again at once")
        destinations.fail("logs:PutLogEvents", nil)
        clock.advance(.seconds(2))
        #expect(try await sender.sendDue(.logs))
        let tokens = destinations.inputs("logs:PutLogEvents").compactMap { $0["OpsBusToken"]?.string }
        #expect(tokens.count == 2 && Set(tokens).count == 1, "the same lines have the same token")
    }

    @Test func theWholeOutputIsPutIntoTheBucketAtTheEnd() async throws {
        let server = try await server()
        let (node, id) = try await begin(
            server, ["OutputS3BucketName": "runs", "OutputS3KeyPrefix": "daily/", "OutputS3Region": "eu-west-1"])
        let sender = sender(server)
        await write("out", id, server)
        await write("error", stream: "stderr", id, server)
        #expect(try await !sender.sendDue(.bucket))
        await server.finish("a", id, .success)
        destinations.failObjects(ObjectStoreError("down", isRetryable: true))
        #expect(try await sender.sendDue(.bucket))
        destinations.failObjects(nil)
        clock.advance(.seconds(2))
        #expect(try await sender.sendDue(.bucket))
        let folder = "runs/daily/\(id)/\(node)/awsrunShellScript/run"
        #expect(
            destinations.objects == [
                "\(folder)/stdout": Array("out".utf8), "\(folder)/stderr": Array("error".utf8),
            ])
        #expect(try await !sender.sendDue(.bucket))
        let result = try await server.invocation(id, node)
        #expect(result["StandardOutputUrl"]?.string == "http://store/\(folder)/stdout")
    }

    @Test func aBucketWithoutStorageIsRefused() async throws {
        let server = try await TestServer(memoryDatabase(clock), clock)
        let node = try await server.connect("a")
        await #expect(throws: ServiceError.self) {
            _ = try await server.send(["InstanceIds": [.string(node)], "OutputS3BucketName": "runs"])
        }
    }

    // MARK: Notifications

    @Test(arguments: [
        ("Command", ["InProgress", "Success"]), ("Invocation", ["InProgress", "Success"]),
    ])
    func changesIntoTheStatusesAskedForAreToldToTheTopic(type: String, statuses: [String]) async throws {
        let server = try await server()
        let config: JSON = [
            "NotificationArn": "arn:aws:sns:us-east-1:123456789012:ops", "NotificationEvents": ["All"],
            "NotificationType": .string(type),
        ]
        let (node, id) = try await begin(server, ["NotificationConfig": config])
        await server.finish("a", id, .success)
        while try await sender(server).sendNotifications() {}
        let messages = try destinations.inputs("sns:Publish").map { try JSON(parsing: $0["Message"]?.string ?? "") }
        #expect(messages.compactMap { $0["status"]?.string } == statuses)
        #expect(messages.allSatisfy { $0["commandId"]?.string == id.description })
        #expect((messages[0]["instanceId"] != nil) == (type == "Invocation"))
        if type == "Command" { #expect(messages[0]["instanceIds"] == [.string(node)]) }
        #expect(Set(destinations.inputs("sns:Publish").compactMap { $0["OpsBusMessageId"]?.string }).count == 2)
        let subjects = destinations.inputs("sns:Publish").map { $0["Subject"] }
        #expect(subjects == ["EC2 Run Command Notification home-1", "EC2 Run Command Notification home-1"])
    }

    @Test func onlyTheEventsNamedAreTold() async throws {
        let server = try await server()
        let config: JSON = [
            "NotificationArn": "arn:aws:sns:us-east-1:123456789012:ops", "NotificationEvents": ["Failed"],
            "NotificationType": "Command",
        ]
        let (_, id) = try await begin(server, ["NotificationConfig": config])
        await server.finish("a", id, .success)
        #expect(try await !sender(server).sendNotifications())
    }
}

extension JSON {
    fileprivate var cellText: String { self["message"]?.string ?? "" }
}
