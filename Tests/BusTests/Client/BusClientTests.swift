import API
import Core
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
}
