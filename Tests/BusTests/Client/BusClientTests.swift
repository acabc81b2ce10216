import API
import Core
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Bus

@Suite struct BusClientTests {
    @Test("A call returns the operation's output, and throws its error with all members")
    func call() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            #expect(try await client.call("test:Echo", ["a": [1, 2]]) == ["a": [1, 2]])
            let error = await #expect(throws: ServiceError.self) { try await client.call("test:Fail") }
            #expect(error?.code == .sequenceExpired)
            #expect(error?.members["OldestSequence"] == 7)
            await client.close()
        }
    }

    @Test("Thousands of calls at once are all answered, although the server takes a thousand at a time")
    func manyCalls() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<3000 {
                    group.addTask {
                        let output = try await client.call("test:Echo", ["n": .integer(number)])
                        #expect(output == ["n": .integer(number)])
                    }
                }
                try await group.waitForAll()
            }
            await client.close()
        }
    }

    @Test("When the server is restarted, reads and publishing are sent again, and what may not be repeated says so")
    func restart() async throws {
        try await TestBus.run(.init(publisher: FakePublisher(answersAtOnce: false))) { bus in
            let client = try bus.client()
            let published = Task { try await client.putEvents([["Source": "a"], ["OpsBusEventId": "mine"]]) }
            let acted = Task { try await client.call("test:Wait", ["n": 1]) }
            try await eventually("both are in flight") {
                bus.publisher.requests.count == 1 && bus.operations.waitingCount == 1
            }
            try await bus.restart()
            let error = await #expect(throws: BusError.self) { try await acted.value }
            #expect(error?.code == .connectionLost)
            try await eventually("the events are sent again") { bus.publisher.requests.count == 2 }
            let requests = bus.publisher.requests
            #expect(requests[0].body == requests[1].body)
            let entries = try JSON(parsing: requests[1].body)["Entries"]?.array
            #expect(entries?[0]["OpsBusEventId"]?.string.flatMap { Identifier($0) } != nil)
            #expect(entries?[1]["OpsBusEventId"] == "mine")
            requests[1].reply(200, [UInt8]("{\"FailedEntryCount\":0}"))
            #expect(try await published.value == ["FailedEntryCount": 0])
            #expect(try await client.call("test:Echo", ["n": 2]) == ["n": 2])
            await client.close()
        }
    }

    @Test("A call waits for a server that is not there yet, and gives up on time")
    func absentServer() async throws {
        let client = try BusClient(endpoint: "ipc:///tmp/opsbus-nowhere", timeout: .milliseconds(50))
        let error = await #expect(throws: BusError.self) { try await client.call("test:Echo") }
        #expect(error?.code == .timedOut)
        #expect(error?.message == "no connection in time; is the server running?")
        await client.close()
        try await TestBus.run { bus in
            await bus.stop()
            let client = try bus.client()
            let answer = Task { try await client.call("test:Echo", ["n": 1]) }
            try await bus.restart()
            #expect(try await answer.value == ["n": 1])
            await client.close()
        }
    }

    @Test("A call that was given up is not sent when the server comes at last")
    func expired() async throws {
        try await TestBus.run { bus in
            await bus.stop()
            let client = try bus.client()
            await #expect(throws: BusError.self) { try await client.call("test:Echo", timeout: .milliseconds(20)) }
            let cancelled = Task { try await client.call("test:Echo") }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            try await bus.restart()
            _ = try await client.call("test:WhoAmI")
            #expect(bus.operations.calls.withLock { $0.map(\.name) } == ["test:WhoAmI"])
            await client.close()
        }
    }

    @Test("A call of a task that was cancelled before ends at once", .timeLimit(.minutes(1)))
    func cancelledBefore() async throws {
        let client = try BusClient(endpoint: "ipc:///tmp/opsbus-nowhere", timeout: .seconds(3600))
        // Many, because the cancellation must overtake the call on its way to the connection's thread.
        for _ in 0..<3000 {
            let call = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await client.call("test:Echo")
            }
            await #expect(throws: CancellationError.self) { try await call.value }
        }
        await client.close()
    }

    @Test("An input that is too large is refused without being sent, and other calls go on")
    func tooLarge() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            let waiting = Task { try await client.call("test:Wait") }
            try await eventually("it is in flight") { bus.operations.waitingCount == 1 }
            let text = String(repeating: "x", count: 5 * Limits.requestBytesMax)
            let error = await #expect(throws: ServiceError.self) {
                try await client.call("test:Echo", ["a": .string(text)])
            }
            #expect(error?.code == .requestTooLarge)
            await #expect(throws: ServiceError.self) { try await client.putEvents([["Detail": .string(text)]]) }
            bus.operations.releaseAll()
            _ = try await waiting.value
            await client.close()
        }
    }

    @Test("Closing a client fails the calls that wait, and later ones at once")
    func close() async throws {
        try await TestBus.run { bus in
            let client = try bus.client()
            let waiting = Task { try await client.call("test:Wait") }
            try await eventually("it is in flight") { bus.operations.waitingCount == 1 }
            await client.close()
            var error = await #expect(throws: BusError.self) { try await waiting.value }
            #expect(error?.code == .closed)
            error = await #expect(throws: BusError.self) { try await client.call("test:Echo") }
            #expect(error?.code == .closed)
            await client.close()
        }
    }

    @Test("A server whose answers are not of the protocol is an error, and what nobody asked for is passed over")
    func malformedReplies() async throws {
        let directory = try TestBus.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = try RawClient(.router, binding: "ipc://\(directory)/s")
        let client = try BusClient(endpoint: "ipc://\(directory)/s", timeout: .seconds(20))
        let bad: [@Sendable (_ identifier: [UInt8]) -> [[UInt8]]] = [
            { [[UInt8]("OPS2"), $0, [UInt8]("200"), [UInt8]("{}")] },
            { [[UInt8]("OPS1"), $0] },
            { [[UInt8]("OPS1"), $0, [UInt8]("fine"), [UInt8]("{}")] },
            { [[UInt8]("OPS1"), $0, [UInt8]("200"), [UInt8]("{")] },
            { [[UInt8]("OPS1"), $0, [UInt8]("200"), [UInt8]("{}"), []] },
        ]
        for reply in bad {
            let answer = Task { try await client.call("test:Echo") }
            let request = try await server.receive()
            try await server.send([request[0], [UInt8]("OPS1"), [1, 2, 3], [UInt8]("200"), [UInt8]("{}")])
            try await server.send([request[0]] + reply(request[2]))
            let error = await #expect(throws: BusError.self) { try await answer.value }
            #expect(error?.code == .malformedReply)
        }
        let answer = Task { try await client.call("test:Echo") }
        let request = try await server.receive()
        try await server.send([request[0], [UInt8]("OPS1"), request[2], [UInt8]("418"), [UInt8]("{\"a\":1}")])
        let error = await #expect(throws: ServiceError.self) { try await answer.value }
        #expect(error?.code == .internalFailure)
        await client.close()
    }
}
