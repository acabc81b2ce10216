import Foundation
import Glibc
import Synchronization

/// An HTTP server of a test on the loopback interface; one answer a connection.
final class LocalServer: Sendable {
    struct Answer: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// Whether to leave out how long the body is.
        var hidesLength = false
    }

    let port: UInt16
    private let listener: Int32

    /// - Parameter answer: Of a path and the header lines.
    init(_ answer: @escaping @Sendable (_ path: String, _ headers: [String]) -> Answer) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { LocalServer.serve(listener, answer) }
        thread.start()
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

    private static func serve(_ listener: Int32, _ answer: (String, [String]) -> Answer) {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { break }
            let lines = request(connection)
            let words = (lines.first ?? "").split(separator: " ")
            if words.count > 1 { send(answer(String(words[1]), Array(lines.dropFirst())), to: connection) }
            close(connection)
        }
        close(listener)
    }

    private static func request(_ connection: Int32) -> [String] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    }

    private static func send(_ answer: Answer, to connection: Int32) {
        var head = "HTTP/1.1 \(answer.status) Answer\r\nConnection: close\r\n"
        if !answer.hidesLength { head += "Content-Length: \(answer.body.count)\r\n" }
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        let bytes = Array((head + "\r\n").utf8) + answer.body
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + written, $0.count - written, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            written += count
        }
    }
}
