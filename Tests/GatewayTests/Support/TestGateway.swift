import API
import Core
import Platform
import TestSupport

@testable import Gateway

/// A gateway that listens.
struct TestGateway {
    let gateway: Gateway
    let port: UInt16
    let operations: TestOperations

    init(_ limits: HTTPServer.Limits = HTTPServer.Limits()) throws {
        operations = TestOperations()
        gateway = try Gateway(
            GatewayConfiguration(address: ListenAddress("http://127.0.0.1:0")), clock: SystemClock(),
            log: Log(component: "test", minimum: .error))
        port = try gateway.start(
            Gateway.Ports(
                operations: operations.table, account: Account(), publisher: EchoingPublisher(),
                credentials: NoCredentials(), reset: { _ in }), limits)
    }

    /// Serves while `body` runs, and stops whatever comes of it.
    static func run(
        _ limits: HTTPServer.Limits = HTTPServer.Limits(), _ body: (TestGateway) async throws -> Void
    ) async throws {
        let gateway = try TestGateway(limits)
        do {
            try await body(gateway)
        } catch {
            gateway.operations.gate.open()
            await gateway.gateway.stop()
            throw error
        }
        gateway.operations.gate.open()
        await gateway.gateway.stop()
    }

    func connect() throws -> RawConnection { try RawConnection(port: port) }

    /// A request in AWS JSON, as bytes on the wire.
    static func request(_ action: String, _ body: String = "{}", headers: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSEvents.\(action)\r\n"
            + "Content-Type: application/x-amz-json-1.1\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func echo(_ text: String, headers: String = "") -> String {
        request("Echo", #"{"Text":"\#(text)"}"#, headers: headers)
    }
}
