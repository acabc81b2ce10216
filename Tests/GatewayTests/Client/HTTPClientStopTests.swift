import API
import Platform
import TestSupport
import Testing

@testable import Gateway

@Suite("The end of the HTTP client") struct HTTPClientStopTests {
    /// What becomes of a request.
    private func outcome(_ client: HTTPClient, _ url: String) async -> Result<Int, HTTPFailure> {
        do throws(HTTPFailure) {
            return .success(try await client.send(HTTPCall(method: "GET", url: url, timeout: .seconds(60))).status)
        } catch {
            return .failure(error)
        }
    }

    /// Asks a server that waits for the gate, and acts once it does.
    private func held(_ body: (HTTPClient, Gate, _ request: Task<Result<Int, HTTPFailure>, Never>) async throws -> Void)
        async throws
    {
        let gate = Gate()
        let client = HTTPClient()
        try await TestSite.run({ _ in
            await gate.pass()
            return HTTPResponse(200, headers: [])
        }) { running in
            let request = Task { await outcome(client, running.url) }
            try await eventually("the request is at the server") { gate.waitingCount == 1 }
            try await body(client, gate, request)
            gate.open()
        }
    }

    @Test("A client that has sent nothing ends at once, and sends nothing after")
    func unused() async {
        let client = HTTPClient()
        await client.stop(after: .seconds(60))
        #expect(await outcome(client, "http://127.0.0.1:9/") == .failure(.init(.cancelled, "the server is stopping")))
    }

    @Test("What is under way is cut short when its time is over")
    func cutShort() async throws {
        try await held { client, _, request in
            await client.stop(after: .milliseconds(10))
            #expect(await request.value == .failure(.init(.cancelled, "the server is stopping")))
        }
    }

    @Test("What ends in time is answered, nothing new begins meanwhile, and the end is not waited for any longer")
    func grace() async throws {
        try await held { client, gate, request in
            let stopping = Task { await client.stop(after: .seconds(600)) }
            try await eventually("nothing more is sent") {
                await outcome(client, "http://127.0.0.1:9/") == .failure(.init(.cancelled, "the server is stopping"))
            }
            gate.open()
            #expect(await request.value == .success(200))
            await stopping.value
        }
    }
}
