import API
import Core
import Platform
import TestSupport
import Testing

@testable import Gateway

@Suite("Connections that begin, linger and end") struct ConnectionLifeTests {
    private static var impatient: HTTPServer.Limits {
        var limits = HTTPServer.Limits()
        limits.transferTimeout = .milliseconds(400)
        limits.idleTimeout = .seconds(1)
        return limits
    }

    @Test("Who has finished sending still gets the answer")
    func halfClosed() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send(TestGateway.request("Wait"))
            await connection.finishSending()
            try await eventually("the request is worked on") { gateway.operations.gate.waitingCount == 1 }
            gateway.operations.gate.open()
            #expect(try await connection.answer().status == 200)
            #expect(await connection.isEnded())
        }
    }

    @Test("A client that breaks off leaves nothing behind", arguments: [10, 100, 170])
    func brokenOff(bytes: Int) async throws {
        try await TestGateway.run(ConnectionLifeTests.impatient) { gateway in
            for _ in 0..<20 {
                let connection = try gateway.connect()
                await connection.send(Array(TestGateway.echo("never whole").utf8.prefix(bytes)))
                await connection.close()
            }
            try await eventually("all connections are gone") { gateway.gateway.connectionCount == 0 }
            let waiting = try gateway.connect()
            await waiting.send(TestGateway.request("Wait"))
            try await eventually("the request is worked on") { gateway.operations.gate.waitingCount == 1 }
            await waiting.close()
            gateway.operations.gate.open()
            try await eventually("its connection is gone, too") { gateway.gateway.connectionCount == 0 }
        }
    }

    @Test("A client that sends a byte now and then is cut off, and disturbs nobody", arguments: [0, 120])
    func slowLoris(after: Int) async throws {
        try await TestGateway.run(ConnectionLifeTests.impatient) { gateway in
            let request = TestGateway.request("Echo", String(repeating: " ", count: 500))
            let slow = try gateway.connect()
            await slow.send(Array(request.utf8.prefix(after)))
            let dripping = Task {
                await slow.send(String(request.dropFirst(after)), inPiecesOf: 1, pauseMilliseconds: 40)
                return await slow.isEnded()
            }
            for number in 0..<10 {
                // A new one each time: on a busy machine it might be idle for too long between two requests.
                let other = try gateway.connect()
                await other.send(TestGateway.echo("n\(number)"))
                #expect(try await other.answer().status == 200)
            }
            #expect(await dripping.value)
        }
    }

    @Test("A client that does not read its answer is cut off")
    func notReading() async throws {
        try await TestGateway.run(ConnectionLifeTests.impatient) { gateway in
            let connection = try gateway.connect()
            await connection.send(TestGateway.request("Long", #"{"Bytes":33554432}"#))
            try await eventually("the connection is cut") { gateway.gateway.connectionCount == 0 }
        }
    }

    @Test("An idle connection is closed after its time")
    func idle() async throws {
        try await TestGateway.run(ConnectionLifeTests.impatient) { gateway in
            let connection = try gateway.connect()
            await connection.send(TestGateway.echo("once"))
            #expect(try await connection.answer().status == 200)
            #expect(await connection.isEnded())
        }
    }

    @Test("Beyond the limit of connections clients wait until there is room")
    func connectionLimit() async throws {
        var limits = HTTPServer.Limits()
        limits.connectionsMax = 2
        try await TestGateway.run(limits) { gateway in
            let first = try gateway.connect()
            await first.send(TestGateway.echo("a"))
            #expect(try await first.answer().status == 200)
            let second = try gateway.connect()
            await second.send(TestGateway.echo("b"))
            #expect(try await second.answer().status == 200)
            let third = try gateway.connect()
            await third.send(TestGateway.echo("c"))
            #expect(gateway.gateway.connectionCount == 2)
            await first.close()
            #expect(try await third.answer().text == #"{"Text":"c"}"#)
        }
    }

    @Test("A server stops, too, in the moment that it reaches the limit of connections")
    func stopAtTheLimit() async throws {
        var limits = HTTPServer.Limits()
        limits.connectionsMax = 1
        for _ in 0..<200 {
            try await TestGateway.run(limits) { gateway in
                // Not waited for: the server may take it in while it stops.
                _ = try gateway.connect()
            }
        }
    }

    @Test("Idle connections make way for those that wait, requests under way do not")
    func crowded() async throws {
        var limits = HTTPServer.Limits()
        limits.connectionsMax = 2
        limits.crowdedIdleTimeout = .milliseconds(100)
        limits.transferTimeout = .seconds(2)
        try await TestGateway.run(limits) { gateway in
            let working = try gateway.connect()
            await working.send(TestGateway.request("Wait"))
            let idle = try gateway.connect()
            await idle.send(TestGateway.echo("idle"))
            #expect(try await idle.answer().status == 200)
            let third = try gateway.connect()
            await third.send(TestGateway.echo("third"))
            #expect(try await third.answer().status == 200)
            #expect(await idle.isEnded())
            gateway.operations.gate.open()
            #expect(try await working.answer().status == 200)
        }
    }

    @Test("A server that stops takes nothing new and lets what is under way end")
    func gracefulStop() async throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        await connection.send(TestGateway.request("Wait"))
        try await eventually("the request is worked on") { gateway.operations.gate.waitingCount == 1 }
        let idle = try gateway.connect()
        await idle.send(TestGateway.echo("idle"))
        #expect(try await idle.answer().status == 200)
        let stopping = Task { await gateway.gateway.stop() }
        try await eventually("nobody can connect") { (try? gateway.connect()) == nil }
        gateway.operations.gate.open()
        let answer = try await connection.answer()
        #expect(answer.status == 200)
        #expect(answer.header("connection") == "close")
        await stopping.value
        #expect(await idle.isEnded())
    }

    @Test("What does not end in time is answered that the server stops")
    func impatientStop() async throws {
        var limits = HTTPServer.Limits()
        limits.stopTimeout = .milliseconds(100)
        let gateway = try TestGateway(limits)
        let connection = try gateway.connect()
        await connection.send(TestGateway.request("Wait"))
        try await eventually("the request is worked on") { gateway.operations.gate.waitingCount == 1 }
        await gateway.gateway.stop()
        let answer = try await connection.answer()
        #expect(answer.status == 503)
        #expect(answer.text.contains("The server is stopping."))
        gateway.operations.gate.open()
    }

    @Test("An address in use, and one that is none, are told")
    func addresses() async throws {
        try await TestGateway.run { gateway in
            func code(_ address: String) -> GatewayError.Code? {
                do throws(GatewayError) {
                    let other = try Gateway(
                        GatewayConfiguration(address: ListenAddress(address)), clock: SystemClock(),
                        log: Log(component: "test", minimum: .error))
                    try other.start(
                        Gateway.Ports(
                            operations: TestOperations().table, account: Account(), publisher: EchoingPublisher(),
                            credentials: NoCredentials(), reset: { _ in }))
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(code("http://127.0.0.1:\(gateway.port)") == .addressInUse)
            #expect(code("http://0.0.0.0:0") == .securityRequired)
            #expect(code("https://127.0.0.1:0") == .tls)
            #expect(code("ftp://127.0.0.1:0") == .invalidAddress)
            #expect(code("http://127.0.0.1") == .invalidAddress)
        }
    }
}
