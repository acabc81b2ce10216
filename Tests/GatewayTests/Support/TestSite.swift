import Glibc
import Platform
import Synchronization

@testable import Gateway

/// A web server whose answers the test writes.
final class TestSite: HTTPHandler {
    typealias Answer = @Sendable (HTTPRequest) async -> HTTPResponse

    private let answer: Answer
    private let received = Mutex<[HTTPRequest]>([])

    private init(_ answer: @escaping Answer) { self.answer = answer }

    /// Whatever has come, in its order.
    var requests: [HTTPRequest] { received.withLock { $0 } }

    func handle(_ request: HTTPRequest, reply: @escaping @Sendable (HTTPResponse) -> Void) {
        received.withLock { $0.append(request) }
        Task { reply(await answer(request)) }
    }

    func finishRound() {}

    func refuse(_ request: HTTPRequest, because refusal: HTTPRefusal) -> HTTPResponse {
        HTTPResponse(400, contentType: "text/plain", body: Array("\(refusal)".utf8))
    }

    /// A site while it serves.
    struct Running {
        let site: TestSite
        let server: HTTPServer
        let url: String
    }

    /// Serves while `body` runs.
    static func run(
        identity: TLSIdentity? = nil, _ answer: @escaping Answer = { _ in HTTPResponse(200, headers: []) },
        _ body: (Running) async throws -> Void
    ) async throws {
        let site = TestSite(answer)
        var limits = HTTPServer.Limits()
        limits.stopTimeout = .milliseconds(10)
        let server = HTTPServer(handler: site, limits: limits, clock: SystemClock())
        let (socket, port) = listeningSocket()
        try server.start(on: socket, identity: identity)
        let scheme = identity == nil ? "http" : "https"
        do {
            try await body(Running(site: site, server: server, url: "\(scheme)://127.0.0.1:\(port)"))
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }
}

/// A server that sends every client the same bytes after its head, and closes.
final class RawSite: Sendable {
    let port: UInt16
    private let socket: Int32
    private let thread = WorkerThread(name: "raw-site")

    init(_ answer: String) {
        let (socket, port) = listeningSocket()
        (self.socket, self.port) = (socket, port)
        Task(executorPreference: thread) {
            defer { close(socket) }
            while true {
                let client = accept(socket, nil, nil)
                // So the end of the site shows.
                if client < 0 { return }
                var buffer = [UInt8](repeating: 0, count: 65_536)
                if recv(client, &buffer, buffer.count, 0) > 0 {
                    let bytes = Array(answer.utf8)
                    _ = Glibc.send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
                close(client)
            }
        }
    }

    deinit {
        shutdown(socket, Int32(SHUT_RDWR))
        thread.stop()
    }
}

/// One that the system chooses the port of, on this machine.
private func listeningSocket() -> (Int32, port: UInt16) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, length) == 0 && listen(socket, 100) == 0 && getsockname(socket, $0, &length) == 0
        }
    }
    precondition(isListening, "no port is free")
    return (socket, UInt16(bigEndian: address.sin_port))
}
