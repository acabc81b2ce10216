import API
import Core
import Platform
import Storage
import Testing

@testable import Systems

/// What happens to commands when nodes, clocks and limits misbehave.
@Suite struct CommandFaultTests {
    let clock = TestClock()

    private func running(_ server: TestServer) async throws -> (node: String, id: Identifier) {
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)], "TimeoutSeconds": 60])
        await server.say("a", NodeMessage(.accepted, command: id))
        return (node, id)
    }

    @Test func aNodeThatIsLostWhileItRunsTheCommandTimesOutAtTheEndAndALateResultChangesNothing() async throws {
        let server = try await TestServer(memoryDatabase(clock), clock)
        let (node, id) = try await running(server)
        clock.advance(.seconds(200))
        await server.nodes.tick()
        #expect(try await server.invocation(id, node)["Status"] == "InProgress", "it may come back")
        // 60 s to deliver and 600 s to run.
        clock.advance(.seconds(461))
        await server.commands.tick()
        #expect(try await server.status(id) == "DeliveryTimedOut")
        #expect(try await server.invocation(id, node)["StatusDetails"] == "DeliveryTimedOut")
        _ = try await server.connect("a", commands: [id])
        await server.finish("a", id, .success)
        #expect(server.taken("a", .finishedReceived).map(\.command) == [id], "the node need not report it again")
        #expect(try await server.status(id) == "DeliveryTimedOut")
    }

    @Test func aClockSetBackLetsACommandLiveLongerAndLosesNothing() async throws {
        let server = try await TestServer(memoryDatabase(clock), clock)
        let node = try await server.connect("a")
        let id = try await server.send(["InstanceIds": [.string(node)]])
        _ = server.taken("a", .run)
        clock.jump(.seconds(-365 * 86_400))
        clock.advance(.seconds(6))
        await server.commands.tick()
        #expect(server.taken("a", .run).map(\.command) == [id], "what has not been answered is sent again all the same")
        await server.finish("a", id, .success)
        #expect(try await server.status(id) == "Success")
    }

    @Test func aClockSetForwardEndsWhatHasExpiredByItAndNodesStayConnected() async throws {
        let server = try await TestServer(memoryDatabase(clock), clock)
        let (node, id) = try await running(server)
        clock.jump(.seconds(86_400))
        await server.nodes.tick()
        await server.commands.tick()
        #expect(try await server.status(id) == "DeliveryTimedOut")
        let next = try await server.send(["InstanceIds": [.string(node)]])
        await server.say("a", NodeMessage(.accepted, command: next))
        await server.finish("a", next, .success)
        #expect(try await server.status(next) == "Success")
    }

    @Test func tooManyInvocationsAreRefusedByNameAndAStatusByTag() async throws {
        var settings = CommandService.Settings()
        settings.invocationsActiveMax = 1
        let server = try await TestServer(memoryDatabase(clock), clock, settings: settings)
        let (node, _) = try await running(server)
        let error = await #expect(throws: ServiceError.self) {
            try await server.send(["InstanceIds": [.string(node)]])
        }
        #expect(error?.code == .throttling)
        let id = try await server.send(["Targets": [["Key": "InstanceIds", "Values": [.string(node)]]]])
        #expect(try await server.status(id) == "RateExceeded")
    }
}
